"""Activation functions, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Choice, Op, Run

if TYPE_CHECKING:
    from torch import Tensor

FUNCTIONS = ("relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "silu")
ONNX = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softplus": "Softplus"}
SELU = (1.6732632423543772, 1.0507009873554805)  # alpha, scale (Klambauer et al., 2017)
ONNX_ALPHA = {"leaky_relu": "LeakyRelu", "elu": "Elu"}


class Activation(Op):
    """fn names the function; alpha is leaky_relu's slope and elu's scale, else 0."""

    id = 5
    attrs = {"fn": Choice(FUNCTIONS), "alpha": float}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        return (inputs[0],)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        import torch

        x, fn = inputs[0], str(node.attrs["fn"])
        if fn in ONNX_ALPHA:
            return (getattr(torch.nn.functional, fn)(x, float(node.attrs["alpha"])),)
        if fn in ("softplus", "silu"):
            return (getattr(torch.nn.functional, fn)(x),)
        return (getattr(torch, fn)(x),)

    def captures(self) -> dict[str, Any]:
        def emit(context: Any, x: Any, fn: str, alpha: float = 0.0) -> Any:
            return context.emit("activation", [x], {}, fn=fn, alpha=float(alpha))

        def plain(fn: str) -> Any:
            return lambda context, x: emit(context, x, fn)

        def leaky(context: Any, x: Any, negative_slope: float = 0.01) -> Any:
            return emit(context, x, "leaky_relu", negative_slope)

        def elu(
            context: Any, x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0
        ) -> Any:
            if input_scale != 1.0:
                raise context.refuse(f"scales its input by {input_scale}; the op has 1")
            return _times(context, emit(context, x, "elu", alpha), scale)

        def softplus(context: Any, x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
            y = emit(context, _times(context, x, float(beta)), "softplus")
            return _times(context, y, 1.0 / float(beta))

        simple = {f"aten.{fn}.default": plain(fn) for fn in ("relu", "tanh", "sigmoid", "silu")}
        in_place = {f"aten.{fn}_.default": plain(fn) for fn in ("relu", "tanh", "sigmoid", "silu")}
        return simple | in_place | {
            "aten.leaky_relu.default": leaky,
            "aten.leaky_relu_.default": leaky,
            "aten.elu.default": elu,
            "aten.elu_.default": elu,
            "aten.selu.default": lambda context, x: elu(context, x, *SELU),
            "aten.softplus.default": softplus,
        }

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        fn, x = str(node.attrs["fn"]), inputs[0]
        if fn == "silu":
            return (build.node("Mul", x, build.node("Sigmoid", x)),), {}
        if fn in ONNX_ALPHA:
            return (build.node(ONNX_ALPHA[fn], x, alpha=float(node.attrs["alpha"])),), {}
        return (build.node(ONNX[fn], x),), {}

    def cases(self) -> tuple[Case, ...]:
        alphas = {"leaky_relu": 0.2, "elu": 1.3}
        every = tuple(
            Case(fn, ((17,),), {"fn": fn, "alpha": alphas.get(fn, 0.0)}, scale=4.0)
            for fn in FUNCTIONS
        )
        wide = tuple(
            Case(f"{fn}-wide", ((1,),), {"fn": fn, "alpha": alphas.get(fn, 0.0)}, scale=60.0)
            for fn in FUNCTIONS
        )
        return every + wide


def _times(context: Any, x: Any, factor: float) -> Any:
    """x · factor, as a binary node where the factor is not 1."""
    if factor == 1.0:
        return x
    constant = context.param(factor)
    return context.emit("binary", [x], {"constant": constant}, fn="mul", swapped=False)
