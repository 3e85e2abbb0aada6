"""Where values lie in the arena: lifetimes, then the smallest gap that fits, large values first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from targets.plan import LANES


@dataclass(frozen=True)
class Live:
    """A value's need: `floats`, from the node position `first` to `last`, both included."""

    floats: int
    first: int
    last: int

    def meets(self, other: Live) -> bool:
        """Whether both are live at one node."""
        return self.first <= other.last and other.first <= self.last


def lifetimes(
    floats: Sequence[int],
    nodes: Sequence[tuple[Sequence[int], Sequence[int]]],
    inputs: Sequence[int],
    outputs: Sequence[int],
) -> list[Live]:
    """One Live per value. `nodes`: (inputs, outputs) as value indices, in running order.

    Values of input ports live from the start, values of output ports to the end; a node's inputs
    and outputs are live together, so they never share memory.
    """
    first = {v: -1 for v in inputs}
    last = dict(first)
    for i, (reads, writes) in enumerate(nodes):
        for v in writes:
            first.setdefault(v, i)
            last[v] = i
        for v in reads:
            last[v] = i
    for v in outputs:
        last[v] = len(nodes)
    return [Live(n, first.get(v, -1), last.get(v, len(nodes))) for v, n in enumerate(floats)]


def place(lives: Sequence[Live], align: int = LANES) -> tuple[list[int], int]:
    """(offset of each value, arena size), in floats; every offset is a multiple of `align`.

    Two values that are live at one node never overlap.
    """
    offsets = [0] * len(lives)
    placed: list[int] = []
    top = 0
    order = sorted(range(len(lives)), key=lambda i: (-lives[i].floats, lives[i].first, i))
    for i in order:
        size = -(-lives[i].floats // align) * align
        taken = sorted(
            (offsets[j], offsets[j] + lives[j].floats) for j in placed if lives[j].meets(lives[i])
        )
        best, best_gap, at = None, 0, 0
        for start, end in taken:
            gap = start - at
            if gap >= size and (best is None or gap < best_gap):
                best, best_gap = at, gap
            at = max(at, -(-end // align) * align)
        offsets[i] = at if best is None else best
        placed.append(i)
        top = max(top, offsets[i] + size)
    return offsets, top
