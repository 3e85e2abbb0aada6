"""Gated recurrent unit, one layer, one direction (torch.nn.GRU; Cho et al., 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops._history import early
from edgesynth.ops.base import Case, Op, Pack, Run, Span, StateSpec, Ties, dims

if TYPE_CHECKING:
    from torch import Tensor

SLOTS = ("w_ih", "w_hh", "b_ih", "b_hh")


class Gru(Op):
    """w_ih (3H, in), w_hh (3H, H), b_ih, b_hh (3H), gates in the order reset, update, new."""

    id = 3
    slots = SLOTS
    attrs = {"start": int}
    quantizable = ("w_ih", "w_hh")
    pack = {
        "w_ih": Pack("panels", 3), "w_hh": Pack("panels", 3),
        "b_ih": Pack("vector", 3), "b_hh": Pack("vector", 3),
    }

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        rows, width = dims(params["w_ih"], 2, node, "w_ih")
        hidden = rows // 3
        expected = {"w_ih": (3 * hidden, width), "w_hh": (3 * hidden, hidden)}
        for slot in SLOTS:
            shape = expected.get(slot, (3 * hidden,))
            if params[slot].shape != shape:
                raise GraphError(f"{node.name}: {slot} is {params[slot].shape}, not {shape}")
        if inputs[0].features != (width,):
            raise GraphError(f"{node.name}: input {inputs[0].features}, w_ih takes {width}")
        return (replace(inputs[0], features=(hidden,)),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        x = inputs[0]
        hidden = params["w_hh"].shape[1]
        return (_gru(x, x.new_zeros(1, x.shape[0], hidden), params, run)[0],)

    def state(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> dict[str, StateSpec]:
        return {"h": StateSpec((params["w_hh"].shape[1],))}

    def step(
        self,
        node: Node,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        run: Run,
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        from torch import cat

        n, h = run.early(inputs[0], int(node.attrs["start"])), state["h"]
        held = h[:, None].expand(-1, n, -1)
        if n == inputs[0].shape[1]:
            return (held,), {"h": h}
        y, last = _gru(inputs[0][:, n:], h[None].contiguous(), params, run)
        return (cat([held, y], 1) if n else y,), {"h": last[0]}

    def macs(self, node: Node, graph: Graph) -> int:
        return sum(graph.params[node.params[slot]].array.size for slot in ("w_ih", "w_hh"))

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        hidden, width = params["w_hh"].shape[1], params["w_ih"].shape[1]
        units = [Span("out", 0, 0, hidden), Span("param", "w_hh", 0, hidden, axis=1)]
        units += [Span("param", s, g * hidden, hidden, axis=0) for s in SLOTS for g in range(3)]
        reads = (Span("in", 0, 0, width), Span("param", "w_ih", 0, width, axis=1))
        return Ties(sets=(tuple(units), reads))

    def captures(self) -> dict[str, Any]:
        def convert(
            context: Any, x: Any, h0: Any, params: Any, has_biases: bool, num_layers: int,
            dropout: float, train: bool, bidirectional: bool, batch_first: bool,
        ) -> Any:
            if bidirectional or (dropout and train):
                raise context.refuse("is bidirectional or drops out; one direction, no dropout")
            if not context.is_param(h0) or np.any(h0.array):
                raise context.refuse("starts from a state that is not zero")
            per = 4 if has_biases else 2
            for layer in range(num_layers):
                slots = dict(zip(SLOTS, params[layer * per : (layer + 1) * per], strict=False))
                rows = slots["w_ih"].shape[0]
                for slot in SLOTS[per:]:
                    slots[slot] = context.param(np.zeros(rows, np.float32))
                x = context.emit("gru", [x], slots, start=0)
            return x, None

        return {"aten.gru.input": convert}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        hidden = graph.params[node.params["w_hh"]].shape[1]
        x, weights = inputs[0], {s: _zrn(build, params[s]) for s in SLOTS}
        if node.attrs["start"]:  # an input that is 1 on early steps shuts the update gate
            flags = early(node, build, x, graph.period(node.inputs[0]))
            flag = build.node("Unsqueeze", build.cast(flags, "f4"), build.int_const(0))
            x = build.node("Concat", x, flag, axis=2)
            shut = np.zeros((3 * hidden, 1), np.float32)
            shut[:hidden] = 1e6
            weights["w_ih"] = build.node("Concat", weights["w_ih"], build.const(shut), axis=1)
        zero = build.int_const(0)
        y, last = build.node(
            "GRU",
            build.node("Transpose", x, perm=[1, 0, 2]),
            build.node("Unsqueeze", weights["w_ih"], zero),
            build.node("Unsqueeze", weights["w_hh"], zero),
            build.node("Unsqueeze", build.node("Concat", weights["b_ih"], weights["b_hh"], axis=0),
                       zero),
            "",
            build.node("Unsqueeze", state["h"], zero),
            outputs=2, hidden_size=hidden, linear_before_reset=1,
        )
        y = build.node("Transpose", build.node("Squeeze", y, build.int_const(1)), perm=[1, 0, 2])
        return (y,), {"h": build.node("Squeeze", last, zero)}

    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(
                f"{i}to{h}", ((i,),), {"start": 0},
                {"w_ih": (3 * h, i), "w_hh": (3 * h, h), "b_ih": (3 * h,), "b_hh": (3 * h,)},
            )
            for i, h in ((1, 1), (3, 5), (16, 16), (37, 48), (64, 61))
        )


def _gru(x: Tensor, h: Tensor, params: Mapping[str, Tensor], run: Run) -> tuple[Tensor, Tensor]:
    """A unit whose output is masked does not reach the others either."""
    from torch import gru, is_grad_enabled

    alive = run.out_masks[0] if run.out_masks else None
    w_hh = params["w_hh"] if alive is None else params["w_hh"] * alive
    weights = [params["w_ih"], w_hh, params["b_ih"], params["b_hh"]]
    y, last = gru(x, h, weights, True, 1, 0.0, is_grad_enabled(), False, True)
    return y, last


def _zrn(build: Any, value: str) -> str:
    """Gates in ONNX's order: update, reset, new."""
    r, z, n = build.node("Split", value, outputs=3, axis=0, num_outputs=3)
    return str(build.node("Concat", z, r, n, axis=0))
