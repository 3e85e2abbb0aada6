"""A fixed number of steps back in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops._history import joined
from edgesynth.ops.base import Case, Op, Run, StateSpec

if TYPE_CHECKING:
    from torch import Tensor


class Delay(Op):
    """y[i] = x[i − steps], zero before step `start`; the length stays."""

    id = 12
    attrs = {"steps": int, "start": int}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        if int(node.attrs["steps"]) < 1:
            raise GraphError(f"{node.name}: delays by {node.attrs['steps']} steps, not 1 or more")
        return (inputs[0],)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        from torch.nn.functional import pad

        x = inputs[0]
        return (pad(x, (0, 0, int(node.attrs["steps"]), 0))[:, : x.shape[1]],)

    def state(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> dict[str, StateSpec]:
        return {"history": StateSpec((int(node.attrs["steps"]), inputs[0].channels))}

    def step(
        self,
        node: Node,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        run: Run,
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        from torch import cat

        count = inputs[0].shape[1]
        x = cat([state["history"], run.hush(inputs[0], int(node.attrs["start"]))], 1)
        return (x[:, :count],), {"history": x[:, count:]}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        x, kept = joined(node, build, inputs[0], state["history"], graph)
        start = build.int_const(0)
        y = build.node("Slice", x, start, build.steps(inputs[0]), build.int_const(1))
        return (y,), {"history": kept}

    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(f"c{c}-by{n}", ((c,),), {"steps": n, "start": 0})
            for c, n in ((1, 1), (5, 3), (17, 16), (16, 40))
        )
