"""What a benchmark says of a series of block times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Times of one runtime at one block size, microseconds.

    mean is over whole hops (a multiple of lcm(hop, block)); `rtf` is seconds of compute per second
    of audio, below 1 plays in real time. allocations: calls of the allocator (releases included)
    inside the timed call, per block, None where they were not counted.
    """

    runtime: str
    block: int
    mean_us: float
    p50_us: float
    p99_us: float
    worst_us: float
    rtf: float
    rtf_p99: float
    allocations: float | None


def whole_blocks(block: int, hop: int, blocks: int) -> int:
    """`blocks` rounded up so that they hold whole hops."""
    unit = math.lcm(block, hop) // block
    return -(-blocks // unit) * unit


def summarize(
    runtime: str, block: int, microseconds: np.ndarray, rate: float, allocations: float | None
) -> Timing:
    """A Timing from one series of block times in µs."""
    mean, p99 = float(microseconds.mean()), float(np.percentile(microseconds, 99))
    budget = block / rate * 1e6
    return Timing(
        runtime, block, mean, float(np.median(microseconds)), p99, float(microseconds.max()),
        mean / budget, p99 / budget, allocations,
    )


def median_run(runs: list[Timing]) -> Timing:
    """The run whose mean is the median of all runs' means."""
    return sorted(runs, key=lambda t: t.mean_us)[len(runs) // 2]
