"""Channels of several values side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Op, Run, Span, Ties

if TYPE_CHECKING:
    from torch import Tensor


class Concat(Op):
    """Inputs in order, at least one."""

    id = 8

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        if not inputs or any(len(x.features) != 1 for x in inputs):
            raise GraphError(f"{node.name}: takes values with one feature axis, at least one")
        if len({(x.scale, x.offset) for x in inputs}) != 1:
            raise GraphError(f"{node.name}: inputs differ in length: {list(inputs)}")
        return (replace(inputs[0], features=(sum(x.channels for x in inputs),)),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        from torch import cat

        return (cat(list(inputs), -1),)

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        sets, start = [], 0
        for i, x in enumerate(inputs):
            sets.append((Span("in", i, 0, x.channels), Span("out", 0, start, x.channels)))
            start += x.channels
        return Ties(sets=tuple(sets))

    def captures(self) -> dict[str, Any]:
        def convert(context: Any, values: Any, dim: int = 0) -> Any:
            if not all(context.feature_dim(v, dim) for v in values):
                raise context.refuse("joins along time; the op joins channels")
            return context.emit("concat", list(values), {})

        return {"aten.cat.default": convert, "aten.concat.default": convert}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        return (build.node("Concat", *inputs, axis=2),), {}

    def cases(self) -> tuple[Case, ...]:
        return (
            Case("one", ((3,),)),
            Case("singles", ((1,), (1,))),
            Case("odd", ((5,), (17,), (1,), (16,))),
        )
