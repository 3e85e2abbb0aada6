"""Our side of a benchmark: the ring of inputs keeps its phase, and the loop plays what it is fed."""

from __future__ import annotations

from math import lcm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure import small_synth

from edgesynth.errors import InputError
from firmware_bridge.measure.doors import piece
from firmware_bridge.measure.ours import LONGEST, Ours, ring
from firmware_bridge.play import Player
from firmware_bridge.ports import Port


@given(block=st.integers(1, 700), hop=st.integers(1, 700))
def test_a_ring_holds_whole_hops(block: int, hop: int) -> None:
    count = ring(block, hop)
    assert count * block % hop == 0 and count >= 16 and count * block >= 8 * hop


def test_sizes_that_hardly_meet_are_refused() -> None:
    assert lcm(65535, 24001) > LONGEST
    with pytest.raises(InputError, match="shares more factors"):
        ring(65535, 24001)


@settings(deadline=None, max_examples=40)
@given(block=st.integers(1, 200), period=st.sampled_from([1, 3, 12, 48]), channels=st.integers(1, 3))
def test_every_turn_of_the_ring_is_fed_its_own_phase(block: int, period: int, channels: int) -> None:
    """Round after round a port gets what its clock asks for, as if the ring's input were periodic."""
    kind = "audio" if period == 1 else "frame"
    door = Port("x", "in", kind, channels, period)
    ours = Ours.__new__(Ours)
    count = ring(block, 48)
    x = np.random.default_rng(0).standard_normal((channels, -(-count * block // period))).astype(np.float32)
    rows = ours._ring(door, x, block, count)
    three = np.tile(x, 3)
    for b in range(3 * count):
        want = piece(door, three, b * block, block)
        assert np.array_equal(rows[b % count, : want.size], want.ravel())


@pytest.mark.parametrize("block", [1, 16, 48, 50, 100, 333])
def test_the_loop_plays_the_inputs(block: int) -> None:
    """After the loop the stream's state is that of a Player fed the same blocks, bit for bit."""
    ours = Ours(small_synth.artifact(), small_synth.doors())
    assert ours.hop == small_synth.HOP
    fed = ours.example(block)
    blocks = ring(block, ours.hop) + 3
    taken = ours.time(fed, block, blocks)
    assert taken.shape == (blocks,) and (taken > 0).all()
    player = Player(small_synth.artifact(), kernels=ours.player.kernels)
    for b in range(blocks):
        k = b % ring(block, ours.hop)
        player.process(
            {d.name: piece(d, fed[d.name], k * block, block) for d in player.inputs}, frames=block
        )
    assert player.clock == ours.player.clock == blocks * block
    assert player.save() == ours.player.save()
