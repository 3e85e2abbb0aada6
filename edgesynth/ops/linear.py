"""Affine map of the last feature axis: y = W x + b (torch.nn.Linear)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Op, Pack, Run, Span, Ties, dims

if TYPE_CHECKING:
    from torch import Tensor


class Linear(Op):
    """weight (out, in), bias (out). Any leading features; the last one is mapped."""

    id = 1
    slots = ("weight", "bias?")
    quantizable = ("weight",)
    pack = {"weight": Pack("panels"), "bias": Pack("vector")}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        x = inputs[0]
        out, width = dims(params["weight"], 2, node, "weight")
        if x.features[-1:] != (width,):
            raise GraphError(f"{node.name}: input has features {x.features}, weight takes {width}")
        if "bias" in params and params["bias"].shape != (out,):
            raise GraphError(f"{node.name}: bias {params['bias'].shape} on {out} outputs")
        return (replace(x, features=x.features[:-1] + (out,)),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        from torch.nn.functional import linear

        return (linear(inputs[0], params["weight"], params.get("bias")),)

    def macs(self, node: Node, graph: Graph) -> int:
        out, width = graph.params[node.params["weight"]].shape
        return out * width * (graph.shapes[node.inputs[0]].channels // width)

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        out, width = params["weight"].shape
        outputs = [Span("out", 0, 0, out), Span("param", "weight", 0, out, axis=0)]
        if "bias" in params:
            outputs.append(Span("param", "bias", 0, out, axis=0))
        reads = (Span("in", 0, 0, width), Span("param", "weight", 0, width, axis=1))
        sets = (tuple(outputs), reads)
        fixed = () if params["weight"].trainable else (outputs[0], reads[0])
        return Ties(sets=sets, fixed=fixed)

    def captures(self) -> dict[str, Any]:
        def linear(context: Any, x: Any, weight: Any, bias: Any = None) -> Any:
            slots = {"weight": weight} | ({} if bias is None else {"bias": bias})
            return context.emit("linear", [x], slots)

        return {"aten.linear.default": linear}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        turned = build.node("Transpose", params["weight"], perm=[1, 0])
        y = build.node("MatMul", inputs[0], turned)
        if "bias" in params:
            y = build.node("Add", y, params["bias"])
        return (y,), {}

    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(f"{i}to{o}", ((i,),), params={"weight": (o, i), "bias": (o,)})
            for i, o in ((1, 1), (3, 5), (16, 16), (37, 61), (64, 130))
        ) + (Case("no-bias", ((9,),), params={"weight": (4, 9)}),)
