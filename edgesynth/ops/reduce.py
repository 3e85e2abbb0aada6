"""Sum, mean, largest and smallest over channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Choice, Op, Run, Span, Ties

if TYPE_CHECKING:
    from torch import Tensor

FUNCTIONS = ("sum", "mean", "max", "min")


class Reduce(Op):
    """fn over the live channels of each step; one channel is left."""

    id = 10
    attrs = {"fn": Choice(FUNCTIONS)}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        if len(inputs[0].features) != 1:
            raise GraphError(f"{node.name}: takes a value with one feature axis")
        return (replace(inputs[0], features=(1,)),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        x, fn = inputs[0], str(node.attrs["fn"])
        alive = run.masks[0] if run.masks else None
        if alive is not None and fn == "mean":
            return ((x * alive).sum(-1, keepdim=True) / alive.sum(),)
        if fn in ("sum", "mean"):
            return (getattr(x, fn)(-1, keepdim=True),)
        if alive is not None:
            x = x.masked_fill(alive == 0, float("-inf") if fn == "max" else float("inf"))
        return (getattr(x, f"a{fn}")(-1, keepdim=True),)

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        sets = ((Span("in", 0, 0, inputs[0].features[-1]),),)
        return Ties(sets=sets, fixed=(Span("out", 0, 0, 1),))

    def captures(self) -> dict[str, Any]:
        def over(fn: str) -> Any:
            def convert(
                context: Any, x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None
            ) -> Any:
                axes = [dim] if isinstance(dim, int) else list(dim or [])
                if len(axes) != 1 or not context.feature_dim(x, axes[0]):
                    raise context.refuse("works over other axes than channels")
                return context.emit("reduce", [x], {}, fn=fn)

            return convert

        return {
            "aten.sum.dim_IntList": over("sum"),
            "aten.mean.dim": over("mean"),
            "aten.amax.default": over("max"),
            "aten.amin.default": over("min"),
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
        name = f"Reduce{str(node.attrs['fn']).capitalize()}"
        return (build.node(name, inputs[0], build.const([2], np.int64), keepdims=1),), {}

    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(f"{fn}-c{n}", ((n,),), {"fn": fn}) for fn in FUNCTIONS for n in (1, 5, 16, 37)
        )
