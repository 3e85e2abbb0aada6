"""Speed as a user of the Python face meets it, by pytest-benchmark; `make bench` runs it.

Each test checks what it times: a second of audio that is not silent, from reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.runtime import synth
from edgesynth.flow.api import export_bytes
from firmware_bridge.library import available_kernels
from firmware_bridge.play import Player

Benchmark = Callable[..., Any]


@pytest.fixture(scope="module", params=["256-f32", "96-f32", "96-int8"])
def artifact(request: pytest.FixtureRequest) -> bytes:
    width, form = str(request.param).split("-")
    return export_bytes(synth(int(width), form), golden=False)


def second(player: Player, block: int) -> np.ndarray:
    """One second from reset, `block` frames a call."""
    player.reset()
    frames = round(player.rate)
    parts = [
        player.process({"f0": 220.0, "loudness": -20.0}, frames=min(block, frames - start))
        for start in range(0, frames, block)
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("block", [64, 512])
def test_a_second_through_the_player(benchmark: Benchmark, artifact: bytes, block: int) -> None:
    player = Player(artifact)
    audio = benchmark(second, player, block)
    assert len(audio) == player.rate and np.abs(audio).max() > 1e-4


@pytest.mark.parametrize("kernels", available_kernels())
def test_instruction_sets(benchmark: Benchmark, artifact: bytes, kernels: str) -> None:
    audio = benchmark.pedantic(second, (Player(artifact, kernels=kernels), 64), rounds=5, warmup_rounds=1)
    assert np.abs(audio).max() > 1e-4


def test_opening_an_artifact(benchmark: Benchmark, artifact: bytes) -> None:
    assert benchmark(Player, artifact).rate == 16000
