"""Convolution over time (torch.nn.Conv1d), padded with zeros by any amount on each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops._history import joined
from edgesynth.ops.base import Case, Op, Pack, Run, Span, StateSpec, Ties, dims

if TYPE_CHECKING:
    from torch import Tensor


class Conv1d(Op):
    """weight (out, in / groups, taps), bias (out); tap 0 meets the oldest input."""

    id = 2
    slots = ("weight", "bias?")
    attrs = {"dilation": int, "groups": int, "pad_left": int, "pad_right": int, "start": int}
    quantizable = ("weight",)
    pack = {"weight": Pack("panels"), "bias": Pack("vector")}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        out, width, taps = dims(params["weight"], 3, node, "weight")
        groups, dilation = int(node.attrs["groups"]), int(node.attrs["dilation"])
        left, right = int(node.attrs["pad_left"]), int(node.attrs["pad_right"])
        if groups < 1 or dilation < 1 or left < 0 or right < 0:
            raise GraphError(f"{node.name}: groups, dilation from 1; padding from 0")
        if inputs[0].features != (width * groups,) or out % groups:
            raise GraphError(
                f"{node.name}: weight {params['weight'].shape} in {groups} groups does not fit an "
                f"input with features {inputs[0].features}"
            )
        if "bias" in params and params["bias"].shape != (out,):
            raise GraphError(f"{node.name}: bias {params['bias'].shape} on {out} outputs")
        offset = inputs[0].offset + left + right - (taps - 1) * dilation
        return (replace(inputs[0], features=(out,), offset=offset),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        from torch.nn.functional import pad

        left, right = int(node.attrs["pad_left"]), int(node.attrs["pad_right"])
        x = inputs[0].transpose(1, 2)
        return (_convolve(node, pad(x, (left, right)) if left or right else x, params),)

    def state(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> dict[str, StateSpec]:
        return {"history": StateSpec((_reach(node, params["weight"]), inputs[0].channels))}

    def step(
        self,
        node: Node,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        run: Run,
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        from torch import cat

        x = cat([state["history"], run.hush(inputs[0], int(node.attrs["start"]))], 1)
        y = _convolve(node, x.transpose(1, 2), params)
        return (y,), {"history": x[:, inputs[0].shape[1] :]}

    def delay(self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]) -> int:
        lag = _reach(node, params["weight"]) - int(node.attrs["pad_left"])
        if lag < 0:
            raise GraphError(f"{node.name}: cannot stream, pad_left is beyond the kernel's reach")
        return lag

    def macs(self, node: Node, graph: Graph) -> int:
        return graph.params[node.params["weight"]].array.size

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        out, width, _ = params["weight"].shape
        groups = int(node.attrs["groups"])
        outputs = [Span("out", 0, 0, out), Span("param", "weight", 0, out, axis=0)]
        if "bias" in params:
            outputs.append(Span("param", "bias", 0, out, axis=0))
        reads = [Span("in", 0, 0, width * groups)]
        if groups == 1:
            sets = (tuple(outputs), (*reads, Span("param", "weight", 0, width, axis=1)))
            trainable = params["weight"].trainable
            return Ties(sets, fixed=() if trainable else (outputs[0], reads[0]))
        if groups == out and width == 1:
            return Ties(sets=((*outputs, *reads),))
        return Ties(fixed=(outputs[0], reads[0]))

    def captures(self) -> dict[str, Any]:
        def convert(
            context: Any, x: Any, weight: Any, bias: Any = None, stride: Any = (1,),
            padding: Any = (0,), dilation: Any = (1,), groups: int = 1,
        ) -> Any:
            d, reach = _one(dilation), (weight.shape[2] - 1) * _one(dilation)
            if _one(stride) != 1:
                raise context.refuse(f"has stride {_one(stride)}; the op has 1")
            if padding == "same":
                left = reach // 2
                right = reach - left
            else:
                left = right = 0 if padding == "valid" else _one(padding)
            slots = {"weight": weight} | ({} if bias is None else {"bias": bias})
            return context.emit(
                "conv1d", [x], slots, dilation=d, groups=int(groups), pad_left=left,
                pad_right=right, start=0,
            )

        return {"aten.conv1d.default": convert, "aten.conv1d.padding": convert}

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
        x = build.node("Transpose", x, perm=[0, 2, 1])
        slots = [params["weight"], *([params["bias"]] if "bias" in params else [])]
        y = build.node(
            "Conv", x, *slots, dilations=[int(node.attrs["dilation"])],
            group=int(node.attrs["groups"]),
        )
        return (build.node("Transpose", y, perm=[0, 2, 1]),), {"history": kept}

    def cases(self) -> tuple[Case, ...]:
        def case(
            name: str, width: int, out: int, taps: int, left: int, right: int,
            dilation: int = 1, groups: int = 1, bias: bool = True, length: int = 23,
        ) -> Case:
            attrs = {
                "dilation": dilation, "groups": groups, "pad_left": left, "pad_right": right,
                "start": 0,
            }
            params = {"weight": (out, width // groups, taps)} | ({"bias": (out,)} if bias else {})
            return Case(name, ((width,),), attrs, params, length)

        return (
            case("1x1", 1, 1, 1, 0, 0),
            case("causal3", 4, 5, 3, 2, 0),
            case("same5", 16, 16, 5, 2, 2),
            case("valid", 3, 17, 4, 0, 0),
            case("ahead", 2, 3, 3, 0, 2),
            case("dilated", 8, 8, 3, 16, 0, dilation=8, length=61),
            case("depthwise", 19, 19, 3, 2, 0, groups=19),
            case("grouped", 6, 9, 3, 1, 1, groups=3),
            case("multiplier", 5, 10, 2, 1, 0, groups=5, bias=False),
            case("wide", 37, 61, 3, 1, 1, bias=False),
        )


def _reach(node: Node, weight: Any) -> int:
    return int((weight.shape[2] - 1) * int(node.attrs["dilation"]))


def _one(size: Any) -> int:
    return int(size[0]) if isinstance(size, (list, tuple)) else int(size)


def _convolve(node: Node, x: Tensor, params: Mapping[str, Tensor]) -> Tensor:
    from torch.nn.functional import conv1d

    dilation, groups = int(node.attrs["dilation"]), int(node.attrs["groups"])
    y = conv1d(x, params["weight"], params.get("bias"), dilation=dilation, groups=groups)
    return y.transpose(1, 2)
