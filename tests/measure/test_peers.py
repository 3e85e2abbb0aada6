"""The peer plays what we play, in calls of whole hops, and is timed on all of its inferences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure import small_synth

from firmware_bridge.measure.doors import play
from firmware_bridge.measure.statistics import whole_blocks
from firmware_bridge.play import Player

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: there is no peer to test")

from firmware_bridge.measure.peers.onnxruntime import Loop, OnnxRuntime, call_frames, session
from targets.onnx import export

HOP = small_synth.HOP


@pytest.fixture(scope="module")
def peer() -> OnnxRuntime:
    return OnnxRuntime(small_synth.graph())


def test_it_plays_what_the_runtime_plays(peer: OnnxRuntime) -> None:
    frames = 40 * HOP
    inputs = small_synth.inputs(frames)
    want = play(Player(small_synth.artifact()), small_synth.doors(), inputs, frames, 17)["audio"]
    for _ in range(2):  # each time from reset
        got = peer.play(inputs, frames)["audio"]
        assert np.abs(want).max() > 0.01 and got.shape == want.shape
        assert np.abs(got - want).max() <= 1e-5


def test_calls_of_any_whole_hops_keep_the_state_between_them(peer: OnnxRuntime) -> None:
    """Fixed and free lengths, and the two bindings that alternate, give one stream."""
    frames = 12 * HOP
    inputs = small_synth.inputs(frames)
    want = peer.play(inputs, frames)["audio"]
    for hops, fixed in ((2, False), (2, True), (3, True)):
        model = session(export(peer.graph, hops)) if fixed else peer.free
        loop = Loop(model, peer.graph, peer.states, hops * HOP)
        parts = []
        for start in range(0, frames, hops * HOP):
            loop.feed(peer._cut(inputs, start, hops * HOP))
            loop()
            parts.append(loop.outputs["audio"][0].T.copy())
        assert np.abs(np.concatenate(parts, axis=-1) - want).max() <= 1e-6


@given(block=st.integers(1, 2000), hop=st.integers(1, 2000))
def test_a_call_is_all_whole_hops_of_a_block_or_one(block: int, hop: int) -> None:
    frames = call_frames(block, hop)
    assert frames % hop == 0
    assert block - hop < frames <= block if block >= hop else frames == hop


@pytest.mark.parametrize("block", [1, 16, 48, 64, 100, 333])
def test_every_inference_due_is_timed(peer: OnnxRuntime, block: int) -> None:
    blocks = whole_blocks(block, HOP, 16)
    frames = call_frames(block, HOP)
    taken = peer.time(small_synth.inputs(blocks * block), block, blocks)
    assert taken.shape == (blocks,)
    calls = [(b + 1) * block // frames - b * block // frames for b in range(blocks)]
    assert peer.calls_per_block == sum(calls) / blocks
    assert ((taken > 0) == (np.array(calls) > 0)).all()
    if block * blocks % frames == 0:
        assert sum(calls) * frames == block * blocks
    peer.call()


def test_a_peer_leaves_the_threads_float_mode_alone() -> None:
    """A runtime that flushes denormals for good would change what everything after it computes."""
    from edgesynth.models.ddsp import DDSP
    from edgesynth.stream import stream
    from firmware_bridge.measure.float_mode import flushed
    from firmware_bridge.measure.peers import PEERS

    tiny, half = np.float32(1e-40), np.float32(0.5)
    with flushed():
        assert tiny * half == 0
    graph = stream(DDSP(hidden=4, harmonics=3, bands=3).build()["decoder"])
    inputs = {"f0": np.full((1, 40), 200.0, np.float32), "loudness": np.full((1, 40), -20.0, np.float32)}
    for kind in PEERS.values():
        peer = kind(graph)
        peer.play(inputs, 640)
        peer.time(inputs, 64, 10)
        peer.call()
        assert tiny * half != 0
