"""The DDSP decoder: its sizes, ports, batches, and that a stream of it equals the whole."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest

from edgesynth.data.notes import Notes
from edgesynth.errors import InputError
from edgesynth.models import MODELS
from edgesynth.models.ddsp import DDSP, F0, LOUDNESS, network
from edgesynth.stream import stream
from edgesynth.train import Schedule, train
from edgesynth.verify import verify

torch = pytest.importorskip("torch")

SMALL = DDSP(hidden=12, harmonics=9, bands=9, hop=16, reverb=70, batch=3, seconds=0.02)
SIZES = {"edge": 1_090_430, "edge48": 1_090_430, "lottery": 4_306_614, "lottery250": 4_306_614}


@cache
def built(reverb: int = SMALL.reverb, seed: int = 0):
    return replace(SMALL, reverb=reverb).build(seed)["decoder"]


def trainable(graph):
    return sum(p.array.size for p in graph.params.values() if p.trainable)


def notes(model: DDSP, count: int = 6, frames: int = 40) -> Notes:
    rng = np.random.default_rng(3)
    t = np.arange(frames * model.hop) / model.rate
    hertz = rng.uniform(150.0, 600.0, count)
    audio = tuple((0.3 * np.sin(2 * np.pi * h * t)).astype(np.float32) for h in hertz)
    f0 = tuple(np.full(frames, h, np.float32) for h in hertz)
    level = tuple(np.full(frames, -14.0 - i, np.float32) for i in range(count))
    splits = ("train", "train", "train", "train", "valid", "test")
    names = tuple(f"n{i}" for i in range(count))
    return Notes(model.rate, model.hop, audio, f0, f0, level, names, splits)


def phrase(model: DDSP, seconds: float, seed: int = 0) -> dict[str, np.ndarray]:
    """A phrase of swelling notes with vibrato: f0 and loudness, [frames] each."""
    rng = np.random.default_rng(seed)
    count = max(1, round(seconds * model.rate / model.hop))
    time = np.arange(count) * model.hop / model.rate
    note = (time // 0.8).astype(int)
    keys = 220.0 * 2.0 ** (rng.choice([-5, -3, 0, 2, 4, 7, 9, 12], note[-1] + 1) / 12)
    within = time - note * 0.8
    vibrato = 0.25 / 12 * np.sin(2 * np.pi * 5.5 * time) * np.minimum(within / 0.4, 1.0)
    peaks = rng.uniform(-26.0, -14.0, note[-1] + 1)
    swell = np.sin(np.pi * np.minimum(within / 0.75, 1.0)) ** 0.35
    loudness = LOUDNESS[0] + (peaks[note] - LOUDNESS[0]) * swell
    return {
        "f0": (keys[note] * 2.0**vibrato).astype(np.float32),
        "loudness": loudness.astype(np.float32),
    }


def batch_of(model: DDSP, seconds: float, batch: int = 2):
    controls = [phrase(model, seconds, seed) for seed in range(batch)]
    return [
        torch.from_numpy(np.stack([c[name] for c in controls]))[..., None]
        for name in ("f0", "loudness")
    ]


def test_it_is_in_the_zoo():
    assert MODELS["ddsp"] is DDSP


@pytest.mark.parametrize("name", sorted(SIZES))
def test_each_configuration_is_captured_with_its_size(name: str):
    model = DDSP(**DDSP.configurations[name])
    graph = model.build(0)["decoder"]
    verify(graph)
    assert trainable(graph) == SIZES[name]
    assert graph.rate == model.rate
    assert graph.period(graph.inputs[0].value) == graph.period(graph.inputs[1].value) == model.hop
    ops = [n.op for n in graph.nodes]
    assert [ops.count(op) for op in ("gru", "harmonic", "noise", "fir")] == [1, 1, 1, 0]
    assert ops.count("linear") == 3 * model.layers + 3
    heads = graph.node(next(n.name for n in graph.nodes if n.op == "harmonic"))
    assert graph.shapes[heads.inputs[2]].channels == model.harmonics


def test_every_configuration_is_tested():
    assert set(SIZES) == set(DDSP.configurations)


def test_ports_say_what_a_host_needs():
    f0, loudness = built().inputs
    assert (f0.name, f0.kind, f0.unit, f0.low, f0.high, f0.default) == ("f0", "control", "Hz", *F0)
    assert (loudness.name, loudness.unit, loudness.default) == ("loudness", "dB", LOUDNESS[2])
    assert [m.source for m in f0.midi] == ["key", "bend"]
    velocity, pedal = loudness.midi
    assert (velocity.source, velocity.off, pedal.number) == ("velocity", LOUDNESS[0], 11)
    assert velocity.release > 0
    assert [(p.name, p.kind) for p in built().outputs] == [("audio", "audio")]


def test_the_same_seed_builds_the_same_graph():
    again = SMALL.build(2)["decoder"]
    assert again.fingerprint() == built(seed=2).fingerprint()
    assert again.fingerprint() != built().fingerprint()


def test_the_graph_computes_what_the_module_does():
    torch.manual_seed(7)
    net = network(SMALL)
    graph = built(seed=7)
    f0, loudness = batch_of(SMALL, 0.2)
    torch.manual_seed(1)
    expected = net(f0, loudness)
    torch.manual_seed(1)
    assert torch.allclose(graph.module()(f0, loudness), expected, atol=1e-6)
    assert expected.shape == (2, f0.shape[1] * SMALL.hop, 1)


@pytest.mark.parametrize("reverb", [0, 5, 70])
@pytest.mark.parametrize("frames", [1, 3, 50])
def test_a_stream_equals_the_whole_delayed(reverb: int, frames: int):
    from edgesynth.module import StreamModule

    graph = built(reverb, 2)
    streaming = stream(graph)
    delay = streaming.latency
    f0, loudness = batch_of(SMALL, 0.6)
    with torch.no_grad():
        whole = graph.module(random="counter")(f0, loudness)[..., 0]
    assert whole.abs().max() > 0.01
    player = StreamModule(streaming)
    parts = [
        player({"f0": f0[:, i : i + frames], "loudness": loudness[:, i : i + frames]})["audio"]
        for i in range(0, f0.shape[1], frames)
    ]
    streamed = torch.cat(parts, 1)[..., 0]
    assert 0 < delay < 100
    assert streamed[:, :delay].abs().max() < 1e-9
    compared = streamed.shape[1] - delay
    assert torch.allclose(streamed[:, delay:], whole[:, :compared], atol=2e-6)


def test_no_control_makes_it_explode():
    graph = built()
    f0 = torch.tensor([0.0, -5.0, 20.0, 1e9, 4000.0, 8000.0])[None, :, None]
    loudness = torch.tensor([-80.0, 0.0, 0.0, -200.0, 40.0, 0.0])[None, :, None]
    with torch.no_grad():
        assert torch.isfinite(graph.module()(f0, loudness)).all()


def test_batches_are_a_function_of_seed_and_number():
    data = notes(SMALL)
    first = list(islice(SMALL.batches(data, "train", 5), 6))
    later = list(islice(SMALL.batches(data, "train", 5, 4), 2))
    other = next(SMALL.batches(data, "train", 6))
    for a, b in zip(first[4:], later, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not torch.equal(first[0][2], other[2])
    f0, loudness, audio = first[0]
    assert f0.shape == loudness.shape == (3, SMALL.frames, 1)
    assert audio.shape == (3, SMALL.frames * SMALL.hop)


def test_held_out_batches_cover_every_frame_once():
    data = notes(SMALL, frames=45)
    audio = torch.cat([b[2] for b in SMALL.batches(data, "valid")]).reshape(-1)
    length = len(data.audio[4])
    assert np.array_equal(audio[:length].numpy(), data.audio[4])
    assert not audio[length:].any() and len(audio) - length < SMALL.frames * SMALL.hop


def test_data_at_another_rate_is_refused():
    with pytest.raises(InputError, match="16000 Hz, hop 16"):
        next(SMALL.batches(notes(replace(SMALL, rate=8000.0)), "train"))


def test_evaluate_is_zero_for_the_target_and_grows_with_the_error():
    data = notes(SMALL, frames=400)
    by_pitch = {float(f[0]): a for f, a in zip(data.f0, data.audio, strict=True)}
    same = SMALL.evaluate(lambda ports: {"audio": by_pitch[float(ports["f0"][0])]}, data)
    half = SMALL.evaluate(lambda ports: {"audio": 0.5 * by_pitch[float(ports["f0"][0])]}, data)
    assert set(same) == {"band_error", "spectral_convergence", "log_spectral_distance"}
    assert all(value == 0.0 for value in same.values())
    assert half["spectral_convergence"] == pytest.approx(0.5, rel=0.05)
    assert all(value > 0.1 for value in half.values())


def test_the_floor_is_the_noise_alone():
    data = notes(SMALL, frames=400)
    graph = built(seed=2)
    floor = SMALL.floor(graph, data)
    assert 0.0 < floor["spectral_convergence"] < 0.2
    seeds = {n.attrs["seed"] for n in graph.nodes if n.op == "noise"}
    assert seeds == {SMALL.noise_seed}


def test_training_lowers_the_loss():
    model = replace(SMALL, reverb=0)
    done = train(model, {"decoder": built(0)}, notes(model), Schedule(100, lr=5e-3), seed=1)
    assert done.history[-1]["loss"] < 0.7 * done.history[0]["loss"]


def test_notes_on_the_graph_find_the_model_again():
    from edgesynth.flow._model import find_model

    meta = built(5).meta
    assert find_model(meta["model"], "", tuple(meta["settings"])) == replace(SMALL, reverb=5)
