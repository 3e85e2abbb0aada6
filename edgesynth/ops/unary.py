"""Functions of one value, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Choice, Op, Run

if TYPE_CHECKING:
    from torch import Tensor

FUNCTIONS = (
    "neg", "abs", "exp", "log", "log2", "sqrt", "sin", "cos", "square", "reciprocal"
)


class Unary(Op):
    """fn names the function."""

    id = 6
    attrs = {"fn": Choice(FUNCTIONS)}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        return (inputs[0],)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        import torch

        return (getattr(torch, str(node.attrs["fn"]))(inputs[0]),)

    def captures(self) -> dict[str, Any]:
        def convert(fn: str) -> Any:
            return lambda context, x: context.emit("unary", [x], {}, fn=fn)

        return {f"aten.{fn}.default": convert(fn) for fn in FUNCTIONS}

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
        if fn == "square":
            return (build.node("Mul", x, x),), {}
        if fn == "log2":
            scale = build.const(1.4426950408889634)
            return (build.node("Mul", build.node("Log", x), scale),), {}
        return (build.node(fn.capitalize(), x),), {}

    def cases(self) -> tuple[Case, ...]:
        ranges = {
            "exp": (-20.0, 5.0), "log": (1e-6, 50.0), "log2": (1e-6, 50.0), "sqrt": (0.0, 30.0),
            "sin": (-20.0, 20.0), "cos": (-20.0, 20.0), "reciprocal": (0.05, 9.0),
        }
        return tuple(
            Case(f"{fn}-c{n}", ((n,),), {"fn": fn}, input_ranges=(ranges.get(fn, (-4.0, 4.0)),))
            for fn in FUNCTIONS
            for n in (1, 17)
        )
