"""Normalisation over channels (torch.nn.LayerNorm; Ba et al., 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Op, Pack, Run, Span, Ties

if TYPE_CHECKING:
    from torch import Tensor


class LayerNorm(Op):
    """weight (C), bias (C); statistics over the live channels of each step."""

    id = 4
    slots = ("weight?", "bias?")
    attrs = {"eps": float}
    pack = {"weight": Pack("vector"), "bias": Pack("vector")}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        for slot, param in params.items():
            if param.shape != inputs[0].features:
                raise GraphError(f"{node.name}: {slot} {param.shape} on {inputs[0].features}")
        if float(node.attrs["eps"]) < 0:
            raise GraphError(f"{node.name}: eps {node.attrs['eps']} is below zero")
        return (inputs[0],)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        from torch.nn.functional import layer_norm

        x, eps = inputs[0], float(node.attrs["eps"])
        alive = run.masks[0] if run.masks else None
        weight, bias = params.get("weight"), params.get("bias")
        if alive is None:
            return (layer_norm(x, x.shape[-1:], weight, bias, eps),)
        count = alive.sum()
        x = x - (x * alive).sum(-1, keepdim=True) / count
        y = x * ((x * x * alive).sum(-1, keepdim=True) / count + eps).rsqrt()
        y = y if weight is None else y * weight
        return (y if bias is None else y + bias,)

    def macs(self, node: Node, graph: Graph) -> int:
        return 3 * graph.shapes[node.inputs[0]].channels

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        n = inputs[0].features[-1]
        spans = [Span("in", 0, 0, n), Span("out", 0, 0, n)]
        spans += [Span("param", slot, 0, n, axis=0) for slot in params]
        return Ties(sets=(tuple(spans),))

    def captures(self) -> dict[str, Any]:
        def convert(
            context: Any, x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None,
            eps: float = 1e-5, cudnn_enable: bool = True,
        ) -> Any:
            if tuple(normalized_shape) != x.shape.features:
                raise context.refuse("normalises over more than the channel axis")
            slots = {"weight": weight, "bias": bias}
            slots = {k: v for k, v in slots.items() if v is not None}
            return context.emit("layer_norm", [x], slots, eps=float(eps))

        return {"aten.layer_norm.default": convert}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        ones = np.ones(graph.shapes[node.inputs[0]].channels, np.float32)
        weight = params["weight"] if "weight" in params else build.const(ones)
        slots = [weight, *([params["bias"]] if "bias" in params else [])]
        y = build.node(
            "LayerNormalization", inputs[0], *slots, axis=-1, epsilon=float(node.attrs["eps"])
        )
        return (y,), {}

    def cases(self) -> tuple[Case, ...]:
        def case(name: str, n: int, slots: Sequence[str], scale: float = 1.0) -> Case:
            params = {slot: (n,) for slot in slots}
            return Case(name, ((n,),), {"eps": 1e-5}, params, scale=scale)

        both = ("weight", "bias")
        return (
            case("c2", 2, both),
            case("c16", 16, both),
            case("c37", 37, both),
            case("plain", 19, ()),
            case("weight", 64, ("weight",)),
            case("loud", 130, both, scale=30.0),
        )
