"""The bundled checkpoint: it fits, it says how it was made, and it plays as its card says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import edgesynth
from edgesynth.models import ddsp
from edgesynth.models.ddsp import DDSP
from edgesynth.save import card

torch = pytest.importorskip("torch")

FOLDER = Path(ddsp.__file__).parent / "checkpoints"
NAMES = ("ddsp", "ddsp-early")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_of_the_configuration(name: str):
    assert sum(p.stat().st_size for p in FOLDER.glob(f"{name}.*")) <= 6_000_000
    graph = edgesynth.load(name)
    fresh = DDSP(**DDSP.configurations[card(FOLDER / name)["config"]]).build(0)["decoder"]
    assert [n.name for n in graph.nodes] == [n.name for n in fresh.nodes]
    assert {k: p.shape for k, p in graph.params.items()} == {
        k: p.shape for k, p in fresh.params.items()
    }


def test_the_card_names_command_data_seed_steps_and_errors():
    final, early = (card(FOLDER / name) for name in NAMES)
    assert final["command"].startswith("edgesynth train ddsp --config edge --data instrument:bowed")
    assert final["command"] == early["command"]
    assert (final["data"], final["seed"]) == ("instrument:bowed", 0)
    assert f"--steps {final['step']}" in final["command"]
    assert f"--early {early['step']}" in final["command"]
    assert 0 < early["step"] < final["step"] / 4
    for name in ddsp.ERRORS:
        assert 0.0 < final["floor"][name] < final["held_out"][name]
    assert final["training_seconds"] > 0


def test_it_was_trained_to_its_plateau():
    valid = [(h["step"], h["valid"]) for h in card(FOLDER / "ddsp")["history"]]
    assert all(a[0] < b[0] for a, b in pairwise(valid))
    assert abs(valid[-1][1] / valid[-2][1] - 1.0) < 0.01


def test_it_sounds_where_it_is_told_to_and_is_silent_where_it_is_not():
    model = DDSP()
    frames = 500
    f0 = torch.full((1, frames, 1), 330.0)
    loudness = torch.full((1, frames, 1), -80.0)
    loudness[:, 60:375] = -15.0
    with torch.no_grad():
        module = edgesynth.load("ddsp").module(random="counter")
        audio = module(f0, loudness)[0, :, 0].numpy()
    level = np.sqrt(np.mean(audio.reshape(-1, model.hop) ** 2, 1))
    assert 20 * np.log10(level[100:350].mean()) == pytest.approx(-18.0, abs=8.0)
    assert 20 * np.log10(level[450:].max()) < -60.0
    spectrum = np.abs(np.fft.rfft(audio[16000:24000] * np.hanning(8000)))
    peaks = np.sort(np.argsort(spectrum)[::-1][:3] * 2.0)
    assert all(min(p % 330.0, 330.0 - p % 330.0) <= 4.0 for p in peaks)
