"""Time several runtimes in turn, so that a drift of the machine touches all of them alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from edgesynth.progress import Progress, quiet
from firmware_bridge.measure.statistics import Timing, median_run, summarize, whole_blocks


class Runner(Protocol):
    """Something that can be timed: our runtime or a peer."""

    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray: ...


def interleave(
    runners: Mapping[str, Runner],
    inputs: Mapping[str, Mapping[str, np.ndarray]],
    block: int,
    hop: int,
    rate: float,
    seconds: float,
    rounds: int = 5,
    progress: Progress = quiet,
) -> dict[str, Timing]:
    """The median of `rounds` runs of each runner, A B C A B C …, `seconds` of audio each.

    inputs: by runner. hop: frames after which every port has made a step."""
    count = whole_blocks(block, hop, max(32, round(seconds * rate / block)))
    runs: dict[str, list[Timing]] = {name: [] for name in runners}
    for name, runner in runners.items():
        runner.time(inputs[name], block, whole_blocks(block, hop, 8))  # first calls warm caches
    for number in range(rounds):
        for name, runner in runners.items():
            times = runner.time(inputs[name], block, count)
            runs[name].append(summarize(name, block, times, rate, None))
        progress(f"timing, blocks of {block}", number + 1, rounds)
    return {name: median_run(series) for name, series in runs.items()}
