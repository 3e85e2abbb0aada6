"""Functions of two values, or of a value and a constant, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Choice, Op, Pack, Run, Span, Ties

if TYPE_CHECKING:
    from torch import Tensor

FUNCTIONS = ("add", "sub", "mul", "div", "minimum", "maximum", "pow")
ONNX = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "minimum": "Min", "maximum": "Max",
    "pow": "Pow",
}


class Binary(Op):
    """First operand (C), second (C) or (1): an input, or `constant` of shape () or (C).

    swapped: the second operand stands first in the function (constant − x, constant / x …)."""

    id = 7
    slots = ("constant?",)
    attrs = {"fn": Choice(FUNCTIONS), "swapped": bool}
    pack = {"constant": Pack("vector")}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        x = inputs[0]
        if len(inputs) + len(params) != 2:
            raise GraphError(f"{node.name}: takes two inputs, or one and a constant")
        if params:
            if params["constant"].shape not in ((), x.features):
                shape = params["constant"].shape
                raise GraphError(f"{node.name}: constant {shape} on features {x.features}")
            return (x,)
        y = inputs[1]
        if y.features not in (x.features, (1,)) or (y.scale, y.offset) != (x.scale, x.offset):
            raise GraphError(f"{node.name}: {y} beside {x}")
        return (x,)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        import torch

        a, b = inputs[0], params["constant"] if params else inputs[1]
        fn = getattr(torch, str(node.attrs["fn"]))
        return (fn(b, a) if node.attrs["swapped"] else fn(a, b),)

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        n = inputs[0].features[-1]
        spans, fixed = [Span("in", 0, 0, n), Span("out", 0, 0, n)], list[Span]()
        if params and params["constant"].shape:
            spans.append(Span("param", "constant", 0, n, axis=0))
        for second in inputs[1:]:
            span = Span("in", 1, 0, second.features[-1])
            (spans if second.features == inputs[0].features else fixed).append(span)
        return Ties(sets=(tuple(spans),), fixed=tuple(fixed))

    def captures(self) -> dict[str, Any]:
        def two(fn: str) -> Any:
            def convert(context: Any, a: Any, b: Any, alpha: float = 1) -> Any:
                if alpha != 1:
                    b = b * alpha if _scalar(b) else _emit(context, "mul", b, alpha)
                return _emit(context, fn, a, b)

            return convert

        def rsub(context: Any, a: Any, b: Any, alpha: float = 1) -> Any:
            return _emit(context, "sub", b, a if alpha == 1 else _emit(context, "mul", a, alpha))

        def clamp(context: Any, x: Any, min: Any = None, max: Any = None) -> Any:
            x = x if min is None else _emit(context, "maximum", x, min)
            return x if max is None else _emit(context, "minimum", x, max)

        found = {
            f"aten.{fn}{tail}.{kind}": two(fn)
            for fn in ("add", "sub", "mul", "div")
            for tail in ("", "_")
            for kind in ("Tensor", "Scalar")
        }
        return found | {
            "aten.minimum.default": two("minimum"),
            "aten.maximum.default": two("maximum"),
            "aten.min.other": two("minimum"),
            "aten.max.other": two("maximum"),
            "aten.pow.Tensor_Tensor": two("pow"),
            "aten.pow.Tensor_Scalar": two("pow"),
            "aten.pow.Scalar": two("pow"),
            "aten.rsub.Scalar": rsub,
            "aten.rsub.Tensor": rsub,
            "aten.clamp.default": clamp,
            "aten.clamp.Tensor": clamp,
            "aten.clamp_min.default": clamp,
            "aten.clamp_max.default": lambda context, x, max: clamp(context, x, max=max),
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
        a, b = inputs[0], params["constant"] if params else inputs[1]
        pair = (b, a) if node.attrs["swapped"] else (a, b)
        return (build.node(ONNX[str(node.attrs["fn"])], *pair),), {}

    def cases(self) -> tuple[Case, ...]:
        found = []
        for fn in FUNCTIONS:
            low = (0.2, 3.0) if fn in ("div", "pow") else (-3.0, 3.0)
            for name, second, constant, swapped in (
                ("pair", (17,), None, False),
                ("one", (1,), None, False),
                ("one-first", (1,), None, True),
                ("scalar", None, (), False),
                ("vector-first", None, (17,), True),
            ):
                inputs = ((17,),) if second is None else ((17,), second)
                params = {} if constant is None else {"constant": constant}
                attrs = {"fn": fn, "swapped": swapped}
                ranges = (low,) * len(inputs)
                found.append(Case(f"{fn}-{name}", inputs, attrs, params, input_ranges=ranges))
        return tuple(found)


def _scalar(x: Any) -> bool:
    return isinstance(x, (bool, int, float))


def _emit(context: Any, fn: str, a: Any, b: Any) -> Any:
    """fn(a, b) as a node; either operand may be a Python number or a parameter."""
    if _scalar(a) and _scalar(b):
        raise context.refuse("takes two numbers; compute their result outside of forward")
    a, b = (context.param(float(v)) if _scalar(v) else v for v in (a, b))
    if context.is_param(a) and context.is_param(b):
        raise context.refuse("takes two parameters; keep their result as one")
    if context.is_param(b):
        return context.emit("binary", [a], {"constant": b}, fn=fn, swapped=False)
    if context.is_param(a):
        return context.emit("binary", [b], {"constant": a}, fn=fn, swapped=True)
    if a.shape.channels == 1 and b.shape.channels > 1:
        return context.emit("binary", [b, a], {}, fn=fn, swapped=True)
    return context.emit("binary", [a, b], {}, fn=fn, swapped=False)
