"""Arithmetic of a series of block times: whole hops, quantiles, the order of turns."""

from __future__ import annotations

from collections.abc import Mapping
from math import lcm

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.measure.interleave import interleave
from firmware_bridge.measure.statistics import Timing, median_run, summarize, whole_blocks

SIZES = st.integers(1, 4096)


@given(block=SIZES, hop=SIZES, wanted=SIZES)
def test_whole_blocks_is_the_least_number_that_holds_whole_hops(block: int, hop: int, wanted: int) -> None:
    found = whole_blocks(block, hop, wanted)
    unit = lcm(block, hop) // block
    assert found >= wanted and found * block % hop == 0
    assert found - unit < wanted


def test_summary_of_a_known_series() -> None:
    times = np.arange(1.0, 101.0)
    timing = summarize("x", 64, times, 48000.0, 2.0)
    assert (timing.mean_us, timing.p50_us, timing.worst_us) == (50.5, 50.5, 100.0)
    assert timing.p99_us == pytest.approx(99.01)
    budget = 64 / 48000 * 1e6
    assert timing.rtf == pytest.approx(50.5 / budget) and timing.rtf_p99 == pytest.approx(99.01 / budget)
    assert timing.allocations == 2.0


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=60), st.integers(1, 4096))
def test_quantiles_are_in_order(times: list[float], block: int) -> None:
    timing = summarize("x", block, np.array(times), 44100.0, None)
    assert timing.p50_us <= timing.p99_us <= timing.worst_us == max(times)
    assert timing.mean_us <= timing.worst_us * (1 + 1e-12)
    assert timing.rtf * block / 44100 == pytest.approx(timing.mean_us / 1e6)


def test_a_mean_over_whole_hops_sees_what_a_median_misses() -> None:
    times = np.where(np.arange(120) % 3 == 0, 300.0, 3.0)
    timing = summarize("x", 64, times, 48000.0, None)
    assert timing.p50_us == 3.0 and timing.mean_us == pytest.approx(102.0)


@given(st.lists(st.floats(1, 1e5), min_size=1, max_size=9).filter(lambda v: len(v) % 2))
def test_median_run_has_as_many_faster_as_slower(means: list[float]) -> None:
    runs = [Timing("x", 64, m, m, m, m, 0.1, 0.1, None) for m in means]
    assert median_run(runs).mean_us == np.median(means)


class Recorder:
    """A runner that notes its turns and takes as long as it is told."""

    def __init__(self, name: str, log: list[tuple[str, int, int]], microseconds: list[float]) -> None:
        self.name, self.log, self.left = name, log, [0.0, *microseconds]

    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
        assert inputs["of"] is not None and str(inputs["of"]) == self.name
        self.log.append((self.name, block, blocks))
        return np.full(blocks, self.left.pop(0))


def test_runners_take_turns_and_the_median_round_counts() -> None:
    log: list[tuple[str, int, int]] = []
    runners = {"a": Recorder("a", log, [5, 1, 9]), "b": Recorder("b", log, [70, 80, 60])}
    seen: list[tuple[int, int]] = []
    found = interleave(
        runners, {n: {"of": np.array(n)} for n in runners}, 64, 48, 8000.0, 0.5, rounds=3,
        progress=lambda what, done, total: seen.append((done, total)),
    )
    assert [name for name, _, _ in log] == ["a", "b"] + ["a", "b"] * 3
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (found["a"].mean_us, found["b"].mean_us) == (5.0, 70.0)
    for _, block, blocks in log:
        assert block == 64 and blocks * block % 48 == 0
    assert all(blocks * 64 >= 0.5 * 8000 for _, _, blocks in log[2:])
