"""Player: ports in and out, blocks of any size, memory shared between them, state, self test."""

from __future__ import annotations

import ctypes
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime import small_nets
from runtime.handmade import controls, wire

from edgesynth.errors import ArtifactError, EdgesynthError, InputError
from firmware_bridge.events import Event
from firmware_bridge.library import available_kernels, library, library_path
from firmware_bridge.play import Player

CUTS = st.lists(st.integers(1, 299), max_size=10).map(lambda c: sorted({0, 300, *c}))
DECODER = small_nets.decoder()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([1, 2, 3, 16, 17]), st.sampled_from([1, 5, 32, 1000]), CUTS)
def test_a_wire_passes_every_channel(channels: int, chunk: int, cuts: list[int]) -> None:
    player = Player(wire(channels, chunk).blob())
    x = noise(channels, 300)
    parts = [np.atleast_2d(player.process({"in": x[:, a:b]})) for a, b in itertools.pairwise(cuts)]
    assert np.concatenate(parts, axis=1).tobytes() == x.tobytes()
    assert player.clock == 300


def test_a_lone_array_goes_in_and_comes_out() -> None:
    x = noise(64)
    y = Player(wire().blob()).process(x)
    assert isinstance(y, np.ndarray) and y.shape == (64,) and (y == x).all()


def test_what_is_no_number_reads_as_zero() -> None:
    x = np.array([1, np.nan, np.inf, -np.inf, -2], np.float32)
    assert Player(wire().blob()).process(x).tolist() == [1, 0, 0, 0, -2]


@pytest.mark.parametrize("kernels", available_kernels())
def test_decoder_shows_no_split(kernels: str) -> None:
    """Notes, bends and control curves inside blocks; every split gives the same bits."""
    frames = 1500
    rng = np.random.default_rng(3)
    events = []
    for offset in sorted(rng.integers(frames, size=8).tolist()):
        key, share = int(rng.integers(40, 80)), float(rng.uniform(0.2, 1))
        events += [
            Event(offset, "note_on", key, share), Event(offset, "bend", 0, 1 - 2 * share),
            Event(offset + 5, "control", "loudness", -60 * share, 33.0),
        ]
    events = [e for e in sorted(events, key=lambda e: e.offset) if e.offset < frames]

    def render(block: int) -> np.ndarray:
        player = Player(DECODER, kernels=kernels)
        parts = []
        for a in range(0, frames, block):
            n = min(block, frames - a)
            inside = [Event(e.offset - a, e.kind, e.target, e.value, e.ramp)
                      for e in events if a <= e.offset < a + n]
            parts.append(player.process({}, inside, frames=n))
        return np.concatenate(parts)

    whole = render(frames)
    assert np.abs(whole).max() > 1e-3 and np.isfinite(whole).all()
    for block in (1, 17, 64, 333):
        assert render(block).tobytes() == whole.tobytes(), block


def test_reset_and_state_bring_the_same_sound_back() -> None:
    player = Player(DECODER)
    first = player.process({"f0": 300.0}, frames=500)
    state = player.save()
    second = player.process({}, frames=500)
    assert len(state) == player.state_bytes
    player.load(state)
    assert player.clock == 500
    assert player.process({}, frames=500).tobytes() == second.tobytes()
    player.reset()
    assert player.process({"f0": 300.0}, frames=500).tobytes() == first.tobytes()
    for kernels in available_kernels():  # loads on another instruction set
        other = Player(DECODER, kernels=kernels)
        other.load(state)
        np.testing.assert_allclose(other.process({}, frames=500), second, atol=1e-5)


def test_state_of_another_net_is_refused_and_nothing_changes() -> None:
    player = Player(DECODER)
    player.process({}, frames=100)
    before = player.save()
    for bad, text in (
        (Player(wire().blob()).save() + bytes(9999), "another model"),
        (before[:-1], f"saved state is {len(before) - 1} bytes, shorter than the {len(before)}"),
        (b"", "saved state is 0 bytes, shorter"), (b"x" + before[1:], "not an edgesynth"),
    ):
        with pytest.raises(ArtifactError, match=text):
            player.load(bad)
        assert player.save() == before


@pytest.mark.parametrize(("inputs", "outputs"), [([0], [0]), ([0, 1], [1, 0]), ([0, 0], [0, 1])])
def test_an_output_may_lie_on_an_input(inputs: list[int], outputs: list[int]) -> None:
    """Two wires whose buffers are shared, crossed too, over several inner passes."""
    from runtime.handmade import Net

    net = Net(chunk=16)
    values = [net.value(2) for _ in inputs]
    for i, value in enumerate(values):
        net.port(f"in{i}", 0, "audio", value)
    for i, value in enumerate(values):
        net.port(f"out{i}", 1, "audio", value)
    player = Player(net.blob())
    buffers = noise(2, 2, 100)
    want = [buffers[b].copy() for b in inputs]
    pointers = [buffers[i].ctypes.data for i in range(2)]
    feed = (ctypes.c_void_p * len(inputs))(*[pointers[b] for b in inputs])
    out = (ctypes.c_void_p * len(inputs))(*[pointers[b] for b in outputs])
    assert library().es_voice_process(player.voice, 100, feed, out, None, 0) == 0
    for b, expected in zip(outputs, want):
        assert buffers[b].tobytes() == expected.tobytes()


def golden(error: float) -> bytes:
    net = wire(2)
    x = noise(10)
    y = x + np.float32(error)
    net.golden = struct.pack("<If2I", 5, 1e-3, 10, 10) + x.tobytes() + y.tobytes()
    return net.blob()


def test_self_test_compares_with_the_tolerance() -> None:
    player = Player(golden(5e-4))
    player.process({"in": noise(2, 7)})
    assert player.self_test() == pytest.approx(5e-4, rel=1e-3)
    assert player.clock == 0
    with pytest.raises(ArtifactError, match=r"differs from .* \(largest error 0\.002"):
        Player(golden(2e-3)).self_test()
    with pytest.raises(ArtifactError, match="no test vectors"):
        Player(wire().blob()).self_test()


def test_what_the_player_says_of_the_artifact() -> None:
    player = Player(DECODER)
    assert [p.name for p in player.inputs] == ["f0", "loudness"]
    f0 = player.port("f0")
    assert (f0.kind, f0.period, f0.unit, f0.low) == ("control", 20, "Hz", 20.0)
    assert player.rate == 8000.0 and player.chunk == 64 and player.latency > 0
    assert player.manifest["name"] and player.manifest["latency"] == player.latency
    assert player.voice_bytes > player.arena_bytes + 4
    assert Player(wire().blob()).manifest == {}


@pytest.mark.parametrize(
    ("ports", "frames", "words"),
    [
        ({"f1": 200.0}, 64, "no port 'f1'; nearest is 'f0'"),
        ({"f0": 2e4}, 64, "'f0' = 20000 lies outside 20…4000 Hz"),
        ({"f0": float("nan")}, 64, "must be finite"),
        ({"f0": np.full(63, 200.0)}, 64, r"needs an array \(64,\), not \(63,\)"),
        ({}, None, "how many frames"),
        ({}, 0, "at least 1"),
        (np.zeros(64), None, "by name"),
    ],
)
def test_bad_input_gets_one_line_and_moves_nothing(
    ports: object, frames: int | None, words: str
) -> None:
    player = Player(DECODER)
    with pytest.raises(InputError, match=words):
        player.process(ports, frames=frames)  # type: ignore[arg-type]
    assert player.clock == 0


def test_missing_audio_is_named() -> None:
    with pytest.raises(InputError, match="port 'in' needs 8 steps"):
        Player(wire().blob()).process({}, frames=8)


def test_unknown_kernels_and_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kernels 'sse9'"):
        Player(controls().blob(), kernels="sse9")
    assert Player(controls().blob(), kernels="scalar").kernels == "scalar"
    monkeypatch.setenv("EDGESYNTH_LIBRARY", str(tmp_path / "none.so"))
    with pytest.raises(EdgesynthError, match="EDGESYNTH_LIBRARY names"):
        library_path()
