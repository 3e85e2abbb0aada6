"""The DDSP decoder, trimmed and masked, plays the same audio, oscillators and noise included."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from compress.criteria import CRITERIA
from compress.cut import mask
from compress.groups import groups
from compress.quantize import Quantize
from compress.trim import Trim
from edgesynth.graph import Graph
from edgesynth.models.ddsp import DDSP
from edgesynth.module import GraphModule
from edgesynth.stage import Context


@pytest.fixture(scope="module")
def decoder() -> Graph:
    return DDSP(hidden=40, layers=2, harmonics=12, bands=17).build(3)["decoder"]


def play(graph: Graph) -> np.ndarray:
    rng = np.random.default_rng(5)
    f0 = torch.tensor(rng.uniform(100, 900, (2, 25, 1)), dtype=torch.float32)
    loudness = torch.tensor(rng.uniform(-50, -5, (2, 25, 1)), dtype=torch.float32)
    with torch.no_grad():
        audio = GraphModule(graph, random="counter")(f0, loudness)
    assert isinstance(audio, torch.Tensor)
    return audio.numpy()


@pytest.mark.parametrize("scope", ["local", "global"])
def test_trimmed_equals_masked(decoder: Graph, scope: str) -> None:
    outcome = Trim(keep=0.4, scope=scope)(decoder)  # type: ignore[arg-type]
    stay = {name: np.array(index) for name, index in outcome.report["kept"].items()}
    silent = play(mask(decoder, groups(decoder), stay))
    small = play(outcome.graph)
    assert np.abs(small).max() > 1e-3 and np.isfinite(small).all()
    assert np.abs(small - silent).max() <= 1e-5 * np.abs(silent).max()
    assert np.abs(play(decoder) - silent).max() > 1e-3 * np.abs(silent).max()


def test_inputs_of_the_synthesizer_are_fixed_and_all_else_can_be_cut(decoder: Graph) -> None:
    fixed = {g.name: g.fixed for g in groups(decoder) if g.fixed}
    cuttable = [g.size for g in groups(decoder) if not g.fixed]
    assert any(why.startswith("harmonic") for why in fixed.values())
    assert any(why.startswith("noise") for why in fixed.values())
    assert cuttable == [40] * 7
    scores = CRITERIA["magnitude"](decoder, groups(decoder), Context(), 0)
    assert all((v > 0).all() for v in scores.values())


def test_what_is_cut_and_quantized_is_small(decoder: Graph) -> None:
    small = Quantize()(Trim(keep=0.375)(decoder).graph).graph
    assert small.stored_bytes() * 10 < decoder.stored_bytes()
    close = np.abs(play(small) - play(Trim(keep=0.375)(decoder).graph)).max()
    assert close < 0.05 * np.abs(play(small)).max()
