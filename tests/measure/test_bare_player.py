"""The bare player, on this machine and as boards' builds in QEMU: parity, splits, counts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from measure import small_synth

from edgesynth.errors import EdgesynthError
from firmware_bridge.emulate import count_instructions, missing, play_emulated
from firmware_bridge.measure.doors import play
from firmware_bridge.play import Player
from targets.base import target

BOARDS = ("pi4", "bela")  # one for each instruction set: aarch64 and armv7
FRAMES = 15 * small_synth.HOP
BLOCKS = (1, 17, 64, 333)


def skip_unless(name: str) -> None:
    reason = missing(target(name))
    if reason:
        pytest.skip(f"{name}: {reason}")


@cache
def bare(name: str, block: int) -> np.ndarray:
    doors, inputs = small_synth.doors(), small_synth.inputs(FRAMES)
    return play_emulated(name, small_synth.artifact(), doors, inputs, FRAMES, block)["audio"]


@cache
def here(kernels: str) -> np.ndarray:
    player = Player(small_synth.artifact(), kernels=kernels)
    return play(player, small_synth.doors(), small_synth.inputs(FRAMES), FRAMES, 64)["audio"]


@pytest.mark.parametrize("block", BLOCKS)
def test_on_this_machine_it_equals_the_library_bit_for_bit(block: int) -> None:
    skip_unless("host")
    want = here("scalar")
    assert np.abs(want).max() > 0.01
    assert bare("host", block).tobytes() == want.tobytes()


@pytest.mark.parametrize("name", BOARDS)
def test_a_boards_build_plays_what_this_machine_plays(name: str) -> None:
    skip_unless(name)
    want, got = here("best"), bare(name, 64)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-6 < np.abs(want).max()


@pytest.mark.parametrize("name", BOARDS)
def test_any_split_is_bit_identical_on_a_board(name: str) -> None:
    skip_unless(name)
    for block in BLOCKS:
        assert bare(name, block).tobytes() == bare(name, 64).tobytes(), f"blocks of {block}"


@pytest.mark.parametrize("name", BOARDS)
def test_counts_repeat_and_are_those_of_playing_alone(name: str) -> None:
    skip_unless(name)
    doors, artifact = small_synth.doors(), small_synth.artifact()
    count = {}
    for frames in (4 * 192, 8 * 192):
        inputs = small_synth.inputs(frames)
        count[frames] = count_instructions(name, artifact, doors, inputs, 64, frames)
        if frames == 4 * 192:
            assert count_instructions(name, artifact, doors, inputs, 64, frames) == count[frames]
    macs = small_synth.graph().macs_per_second() / 8000 * 64
    assert 0.2 * macs < count[768] < 100 * macs
    assert count[1536] == pytest.approx(count[768], rel=0.05), "start-up and reading are left out"


def test_what_fails_is_said() -> None:
    skip_unless("host")
    doors, inputs = small_synth.doors(), small_synth.inputs(64)
    with pytest.raises(EdgesynthError, match="artifact was refused"):
        play_emulated("host", b"ESA\x1a" + bytes(500), doors, inputs, 64)
    with pytest.raises(EdgesynthError, match="inputs of another length"):
        play_emulated("host", small_synth.artifact(), doors[:1], inputs, 64)


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_bridge.emulate.importlib.util.find_spec", lambda name: None)
    assert "pip install ziglang" in str(missing(target("pi4")))
    monkeypatch.undo()
    monkeypatch.setattr("firmware_bridge.emulate.importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("firmware_bridge.emulate.shutil.which", lambda name: None)
    assert "qemu-user" in str(missing(target("bela")))
