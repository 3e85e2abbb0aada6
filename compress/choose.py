"""Which units stay: from scores to kept indices, in every group or over all groups at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edgesynth.errors import StageError


@dataclass(frozen=True)
class Rule:
    """How units are counted out.

    scope: "local" keeps the share in every group, "global" the best-scored over all groups.
    floor: a group keeps at least so many units (or all, where it has fewer). multiple: a group's
    count is rounded to the nearest multiple (half upwards), for vector lanes.
    """

    scope: str = "local"
    floor: int = 1
    multiple: int = 1

    def least(self, size: int) -> int:
        """Fewest units that a group of `size` may keep."""
        return min(size, max(self.floor, 1, self.multiple if self.multiple > 1 else 1))

    def rounded(self, count: int, size: int) -> int:
        """`count` moved to the nearest multiple, inside the bounds."""
        near = (2 * count + self.multiple) // (2 * self.multiple) * self.multiple
        return min(size, max(near, self.least(size)))


def asked(
    scores: Mapping[str, np.ndarray],
    total: int,
    rule: Rule,
    shares: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Units per group when `total` stay over all, before rounding and floors.

    Locally, every group's part of the total by its size (or by `shares`), rounded half up;
    globally, how many of the best `total` lie in the group (equal scores: earlier groups and units
    first).
    """
    sizes = {name: len(values) for name, values in scores.items()}
    if rule.scope == "local":
        parts = shares or sizes
        whole = sum(parts.values())
        return {
            name: min(size, (2 * parts[name] * total + whole) // (2 * whole))
            for name, size in sizes.items()
        }
    least = {name: rule.least(size) for name, size in sizes.items()}
    flat = np.concatenate([_safe(scores[name], least[name]) for name in sizes])
    owner = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    best = owner[np.argsort(-flat, kind="stable")[:total]]
    counts = np.bincount(best, minlength=len(sizes))
    return {name: int(n) for name, n in zip(sizes, counts, strict=True)}


def kept(
    scores: Mapping[str, np.ndarray],
    total: int,
    rule: Rule,
    shares: Mapping[str, int] | None = None,
) -> dict[str, np.ndarray]:
    """Indices of the units that stay, ascending, for every group."""
    counts = asked(scores, total, rule, shares)
    return {
        name: top(values, rule.rounded(counts[name], len(values)))
        for name, values in scores.items()
    }


def top(scores: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` highest scores, ascending; of equal ones the first."""
    return np.sort(np.argsort(-scores, kind="stable")[:count])


def within(
    scores: Mapping[str, np.ndarray],
    budget: float,
    rule: Rule,
    cost: Callable[[Mapping[str, np.ndarray]], float],
) -> int:
    """The largest total of units whose `cost` is at most `budget`.

    cost grows with the units kept. StageError where even the smallest net costs more.
    """
    low, high = 0, sum(len(v) for v in scores.values())
    least = cost(kept(scores, low, rule))
    if least > budget:
        raise StageError(f"the smallest net possible costs {least:.0f}, more than {budget:.0f}")
    while low < high:
        middle = (low + high + 1) // 2
        if cost(kept(scores, middle, rule)) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


def _safe(scores: np.ndarray, least: int) -> np.ndarray:
    """Scores with a group's best `least` units above all others."""
    raised = scores.astype(np.float64).copy()
    raised[np.argsort(-raised, kind="stable")[:least]] = math.inf
    return raised
