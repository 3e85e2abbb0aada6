"""A synth over a minute, from a state that is not zero: the runtime stays on torch's track."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from parity.cases import Example, examples, slowest
from parity.columns import RUNTIMES, Outputs, Runtime, TorchStream, artifact, skip_unless
from parity.nets import synth

from edgesynth.stream import stream

HOP, RATE = 64, 16000
WARM, SECONDS = 250, 60


@cache
def played() -> tuple[Example, np.ndarray]:
    """(the row, torch's streamed audio): a second to warm up, then a minute."""
    import torch

    from edgesynth.module import StreamModule

    frames = WARM + SECONDS * RATE // HOP
    t = np.arange(frames) * HOP / RATE
    f0 = 220 * 2 ** (np.sin(0.7 * t) + 0.02 * np.sin(34 * t))
    loudness = -20 + 15 * np.sin(2.1 * t)
    curves = {"f0": f0, "loudness": loudness}
    inputs = {k: v[:, None].astype(np.float32) for k, v in curves.items()}
    example = Example("long", synth(), inputs, {})
    module = StreamModule(stream(example.graph))
    parts = []
    for start in range(0, frames, 500):
        part = {k: torch.from_numpy(v[start : start + 500])[None] for k, v in inputs.items()}
        parts.append(module(part)["audio"][0].numpy())
    return example, np.concatenate(parts)


@pytest.mark.parametrize("column", RUNTIMES, ids=lambda c: c.name)
def test_a_minute(column: Runtime) -> None:
    skip_unless(column)
    example, audio = played()
    got = column.play(example, 333)["audio"][WARM * HOP :].astype(np.float64)
    want = audio[WARM * HOP :].astype(np.float64)
    assert np.abs(want).max() >= 0.5
    error = got - want
    assert np.abs(error).max() <= 1e-4
    assert 10 * np.log10((want**2).sum() / (error**2).sum()) >= 80
    late = error[-5 * RATE :]
    assert np.abs(late).max() <= 1e-4, "the error grows with time"


@cache
def golden(row: str) -> tuple[bytes, Outputs]:
    """An artifact with torch's test vectors, and their outputs, (channels, steps)."""
    from targets.artifact import write
    from targets.base import target
    from targets.lower import lower

    example = examples()[row]
    graph = stream(example.graph)
    slow = slowest(graph)
    steps = min(256 // slow, example.steps)
    short = {k: v[:steps] for k, v in example.inputs.items()}
    outputs = {k: v.T for k, v in TorchStream().play(replace(example, inputs=short)).items()}
    inputs = {k: v.T for k, v in short.items()}
    pair = {"frames": steps * slow, "tolerance": 1e-5, "inputs": inputs, "outputs": outputs}
    return write(lower(graph, target("host")), pair), outputs


@pytest.mark.parametrize("row", ["net/synth", "net/convolutional", "harmonic/k60", "noise/n17"])
@pytest.mark.parametrize("column", RUNTIMES, ids=lambda c: c.name)
def test_the_artifact_tests_itself(column: Runtime, row: str) -> None:
    """Controls, audio and frame ports as inputs; frame ports as outputs."""
    from firmware_bridge.play import Player

    skip_unless(column)
    blob, outputs = golden(row)
    assert max(np.abs(v).max() for v in outputs.values()) > 0.05
    assert Player(blob, kernels=column.kernels).self_test() <= 1e-5


def test_wrong_test_vectors_are_noticed() -> None:
    from edgesynth.errors import ArtifactError
    from firmware_bridge.play import Player
    from targets.artifact import read, write
    from targets.plan import Golden

    plan = read(golden("net/synth")[0])
    assert plan.golden is not None
    outputs = plan.golden.outputs.copy()
    outputs[100] += 1e-3
    bad = Golden(plan.golden.frames, plan.golden.tolerance, plan.golden.inputs, outputs)
    with pytest.raises(ArtifactError, match="differs from the artifact's test vectors"):
        Player(write(plan, bad)).self_test()
    with pytest.raises(ArtifactError, match="carries no test vectors"):
        Player(artifact(synth(), 64)).self_test()


def test_state_moves_between_instruction_sets() -> None:
    """A stream saved on one table goes on, on another, as if it had never stopped."""
    from firmware_bridge.play import Player

    example, _ = played()
    blob = artifact(example.graph, 64)
    f0 = np.repeat(example.inputs["f0"][:, 0], HOP)
    loudness = np.repeat(example.inputs["loudness"][:, 0], HOP)
    players = [Player(blob, kernels=c.kernels) for c in RUNTIMES if not c.available()]
    first, rest = slice(0, 1000), slice(1000, 3000)
    for player in players:
        player.process({"f0": f0[first], "loudness": loudness[first]})
    want = players[0].process({"f0": f0[rest], "loudness": loudness[rest]})
    for player in players:
        other = Player(blob, kernels="scalar")
        other.process({"f0": f0[first], "loudness": loudness[first]})
        player.load(other.save())
        got = player.process({"f0": f0[rest], "loudness": loudness[rest]})
        assert np.abs(got - want).max() <= 1e-5
    assert np.abs(want).max() > 0.1
