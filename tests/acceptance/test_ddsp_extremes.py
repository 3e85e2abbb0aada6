"""DDSP of odd sizes under controls that jump anywhere: C against torch, any split, any moment."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

import edgesynth
from edgesynth.graph import Graph, Param
from edgesynth.models.ddsp import DDSP
from edgesynth.module import StreamModule
from edgesynth.stream import stream
from firmware_bridge.events import Event
from firmware_bridge.library import available_kernels
from firmware_bridge.play import Player

MODELS = {
    "plain": DDSP(hidden=17),
    "rate48": DDSP(hidden=12, rate=48000.0, hop=192, harmonics=100, reverb=700),
    "hop37": DDSP(hidden=7, rate=22050.0, hop=37, harmonics=61, bands=3, layers=1),
    "one": DDSP(hidden=1, rate=11025.0, hop=50, harmonics=1, bands=2),
    "hop1": DDSP(hidden=3, hop=1, harmonics=5, bands=9),
}
BLOCKS = (64, 1, 17, 333)


@cache
def loud(name: str) -> Graph:
    """The model with random weights made strong enough to be heard, f0 open to any frequency."""
    graph = MODELS[name].build(3)["decoder"]
    params = dict(graph.params)
    params["amplitude.bias"] = Param(np.full(1, 4.0, np.float32))
    params["magnitudes.bias"] = Param(np.full(params["magnitudes.bias"].shape, -1.0, np.float32))
    ports = tuple(replace(p, low=0.0, high=1e5) if p.name == "f0" else p for p in graph.ports)
    return replace(graph, params=params, ports=ports)


def curves(model: DDSP, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """f0 and loudness per frame, in jumps: 0 Hz, above Nyquist, where a harmonic crosses it."""
    edge = model.rate / 2 / model.harmonics
    f0 = [20, 4000, model.rate / 2 - 1, model.rate / 2 + 10, 0, edge, edge * 1.0001, 440, 1e-3]
    loudness = [-80, 0, -20, -80, -3, -60, 0, -10, 0]
    at = np.arange(frames) * len(f0) // frames
    return np.array(f0, np.float32)[at], np.array(loudness, np.float32)[at]


def played(
    artifact: bytes, kernels: str, f0: np.ndarray, loudness: np.ndarray, block: int
) -> bytes:
    """The sound as bytes; in the middle the stream moves to another Player by save and load."""
    player, parts = Player(artifact, kernels=kernels), []
    for start in range(0, len(f0), block):
        part = slice(start, start + block)
        parts.append(player.process({"f0": f0[part], "loudness": loudness[part]}))
        if start // block == 3:
            state = player.save()
            player = Player(artifact, kernels=kernels)
            player.load(state)
    return np.concatenate(parts).tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_jumps_follow_torch_and_no_split_matters(name: str) -> None:
    graph, model = loud(name), MODELS[name]
    f0, loudness = curves(model, 9 * max(3, 540 // model.hop))
    module = StreamModule(stream(graph))
    given = {
        "f0": torch.from_numpy(f0)[None, :, None],
        "loudness": torch.from_numpy(loudness)[None, :, None],
    }
    want = module(given)["audio"][0, :, 0].numpy()
    assert np.abs(want).max() >= 0.5 and np.isfinite(want).all()
    artifact = edgesynth.export(graph)
    held = [np.repeat(x, model.hop) for x in (f0, loudness)]
    for kernels in available_kernels():
        sounds = [played(artifact, kernels, *held, block) for block in BLOCKS]
        assert all(s == sounds[0] for s in sounds), kernels
        got = np.frombuffer(sounds[0], np.float32)
        error = got.astype(np.float64) - want
        assert np.abs(error).max() <= 1e-5, kernels
        assert 10 * np.log10((want.astype(np.float64) ** 2).sum() / (error**2).sum()) >= 100


def crowd(frames: int, seed: int) -> list[Event]:
    """Changes, notes, controllers and bends at random frames, with ramps of none to very long."""
    rng = np.random.default_rng(seed)
    events = []
    for at in sorted(rng.integers(0, frames, 80).tolist()):
        kind = str(rng.choice(["control", "note_on", "note_off", "cc", "bend"]))
        if kind == "control":
            target, value = (
                ("f0", rng.uniform(0, 9000))
                if rng.random() < 0.5
                else ("loudness", rng.uniform(-80, 0))
            )
            ramp = [None, 0.0, 1.0, 100.0, 333.3, 5000.0][rng.integers(6)]
            events.append(Event(at, kind, target, float(value), ramp))
        else:
            target = {"cc": int(rng.choice([11, 1])), "bend": 0}.get(
                kind, int(rng.integers(24, 100))
            )
            events.append(
                Event(at, kind, target, float(rng.uniform(-1 if kind == "bend" else 0, 1)))
            )
    return events


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["plain", "hop37"])
def test_events_inside_a_block_fall_on_their_frame(name: str, seed: int) -> None:
    artifact, frames = edgesynth.export(loud(name)), 4000
    events = crowd(frames, seed)
    for kernels in available_kernels():
        sounds = []
        for block in (*BLOCKS, frames):
            player, parts = Player(artifact, kernels=kernels), []
            for start in range(0, frames, block):
                count = min(block, frames - start)
                now = [
                    replace(e, offset=e.offset - start)
                    for e in events
                    if start <= e.offset < start + count
                ]
                parts.append(player.process({}, now, frames=count))
            sounds.append(np.concatenate(parts))
        assert all(s.tobytes() == sounds[0].tobytes() for s in sounds), kernels
        assert np.isfinite(sounds[0]).all() and np.abs(sounds[0]).max() > 0.1
