"""A run of channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops.base import Case, Op, Run, Span, Ties

if TYPE_CHECKING:
    from torch import Tensor


class Slice(Op):
    """Channels start_channel … start_channel + length − 1."""

    id = 9
    attrs = {"start_channel": int, "length": int}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        first, length = _bounds(node)
        if first < 0 or length < 1 or first + length > inputs[0].features[-1]:
            raise GraphError(
                f"{node.name}: channels {first}…{first + length - 1} of {inputs[0].features[-1]}"
            )
        return (replace(inputs[0], features=(length,)),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        return (inputs[0].narrow(-1, *_bounds(node)),)

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        first, length = _bounds(node)
        return Ties(sets=((Span("in", 0, first, length), Span("out", 0, 0, length)),))

    def captures(self) -> dict[str, Any]:
        def take(context: Any, x: Any, dim: int, first: int, length: int) -> Any:
            if not context.feature_dim(x, dim):
                raise context.refuse("takes a part of time; the op takes channels")
            if (first, length) == (0, x.shape.channels):
                return x
            return context.emit("slice", [x], {}, start_channel=first, length=length)

        def convert(
            context: Any, x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
        ) -> Any:
            if start in (None, 0) and (end is None or end == 2**63 - 1) and step == 1:
                return x
            if not context.feature_dim(x, dim) or step != 1:
                raise context.refuse(f"takes every {step}th step; the op takes runs of channels")
            first, last, _ = slice(start, end).indices(x.shape.channels)
            return take(context, x, dim, first, last - first)

        def sizes(context: Any, x: Any, split_sizes: Any, dim: int = 0) -> Any:
            starts = [sum(split_sizes[:i]) for i in range(len(split_sizes))]
            pairs = zip(starts, split_sizes, strict=True)
            return tuple(take(context, x, dim, first, n) for first, n in pairs)

        def split(context: Any, x: Any, split_size: int, dim: int = 0) -> Any:
            n = x.shape.channels
            pieces = [min(split_size, n - i) for i in range(0, n, split_size)]
            return sizes(context, x, pieces, dim)

        def chunk(context: Any, x: Any, chunks: int, dim: int = 0) -> Any:
            return split(context, x, -(-x.shape.channels // chunks), dim)

        return {
            "aten.slice.Tensor": convert,
            "aten.narrow.default": take,
            "aten.split.Tensor": split,
            "aten.split.sizes": sizes,
            "aten.split_with_sizes.default": sizes,
            "aten.chunk.default": chunk,
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
        first, length = _bounds(node)
        return (build.slice(inputs[0], 2, first, first + length),), {}

    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(f"{n}-{first}-{length}", ((n,),), {"start_channel": first, "length": length})
            for n, first, length in ((1, 0, 1), (16, 3, 5), (37, 16, 21), (65, 64, 1), (20, 0, 17))
        )


def _bounds(node: Node) -> tuple[int, int]:
    return int(node.attrs["start_channel"]), int(node.attrs["length"])
