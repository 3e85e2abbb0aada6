"""Quantize: codes and scales as stated, errors bounded by half a code, the rest untouched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from toy_graphs import everything

from compress.quantize import Quantize, quantized
from edgesynth.errors import InputError, StageError
from edgesynth.graph import Param
from edgesynth.stage import Context

WEIGHTS = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9),
    elements=st.floats(-1e4, 1e4, width=32),
)


@settings(max_examples=200, deadline=None)
@given(WEIGHTS)
def test_codes_reproduce_and_errors_stay_under_half_a_code(values: np.ndarray) -> None:
    param = quantized(values)
    codes, scale = param.array, param.scale
    assert scale is not None
    assert codes.dtype == np.int8 and codes.min() >= -127 and (scale > 0).all()
    per_row = scale.astype(np.float64).reshape((-1,) + (1,) * (values.ndim - 1))
    error = np.abs(codes * per_row - values)
    assert (error <= per_row * 0.5 * (1 + 1e-5)).all()
    np.testing.assert_array_equal(quantized(param.values()).array, codes)
    rows = np.abs(codes.reshape(len(codes), -1)).max(axis=1)
    loud = np.abs(values.reshape(len(values), -1)).max(axis=1) > 1e-30
    assert (rows[loud] == 127).all()


def test_rounding_is_half_to_even_per_output_channel() -> None:
    values = np.array([[127, 0.5, 1.5, 2.5, -0.5, -1.5], [254, 1, 3, 5, -1, -3]], dtype=np.float32)
    param = quantized(values)
    np.testing.assert_array_equal(param.scale, np.array([1, 2], dtype=np.float32))
    np.testing.assert_array_equal(param.array, [[127, 0, 2, 2, 0, -2]] * 2)


def test_a_row_of_zeros_is_harmless() -> None:
    param = quantized(np.array([[0, 0], [1, -1]], dtype=np.float32))
    np.testing.assert_array_equal(param.values(), [[0, 0], [1, -1]])


def test_every_weight_becomes_int8_and_nothing_else_changes() -> None:
    graph = everything(0, width=16)
    outcome = Quantize(minimum=0)(graph)
    for node in graph.nodes:
        for slot, name in node.params.items():
            small = outcome.graph.params[name]
            weight = slot in ("weight", "w_ih", "w_hh") and node.op != "layer_norm"
            assert small.format == ("i8" if weight else "f32"), name
            if not weight:
                assert small is graph.params[name]
    assert outcome.graph.stored_bytes() < 0.45 * graph.stored_bytes()
    assert outcome.report["bytes"]["after"] == outcome.graph.stored_bytes()
    rows = {row["name"]: row for row in outcome.report["tensors"]}
    worst = np.abs(outcome.graph.params["gru17.w_hh"].values() - graph.params["gru17.w_hh"].array)
    assert rows["gru17.w_hh"]["worst_error"] == pytest.approx(worst.max())
    assert 35 < rows["gru17.w_hh"]["snr_db"] < 60


def test_the_net_sounds_nearly_the_same() -> None:
    graph = everything(0, width=16)
    small = Quantize()(graph).graph
    x = [torch.randn(1, 50, graph.shapes[p.value].channels) for p in graph.inputs]
    with torch.no_grad():
        for a, b in zip(graph.module()(*x), small.module()(*x), strict=True):
            assert 0 < (a - b).norm() < 0.05 * a.norm()


def test_skip_minimum_and_fixed_parameters_stay_f32() -> None:
    graph = everything(0)
    fixed = replace(graph.params["linear13.weight"], trainable=False)
    graph = replace(graph, params={**graph.params, "linear13.weight": fixed})
    outcome = Quantize(skip=("gru17.*", "linear0.weight"), minimum=20)(graph)
    formats = {name: p.format for name, p in outcome.graph.params.items()}
    assert formats["gru17.w_ih"] == formats["linear0.weight"] == formats["linear13.weight"] == "f32"
    assert formats["linear3.weight"] == "i8"
    why = {row["name"]: row["why"] for row in outcome.report["kept"]}
    assert why["gru17.w_hh"] == "skip names it" and "fixed" in why["linear13.weight"]


def test_the_early_graph_passes_through() -> None:
    early = everything(1)
    assert Quantize()(everything(0), Context(early=early)).early is early


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [({"skip": ("grup*",)}, StageError, r"skip names no parameter: 'grup\*'"),
     ({"minimum": 10**9}, StageError, "no parameter that would be quantized"),
     ({"minimum": -1}, InputError, "minimum is -1")],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        Quantize(**fields)(everything(0))


def test_a_wrong_code_is_caught() -> None:
    graph = everything(0)
    outcome = Quantize()(graph)
    good = outcome.graph.params["gru17.w_ih"]
    codes = good.array.copy()
    codes[0, 0] += 1 if codes[0, 0] < 100 else -1
    bad = {**outcome.graph.params, "gru17.w_ih": Param(codes, "i8", good.scale)}
    wrong = replace(outcome, graph=replace(outcome.graph, params=bad))
    with pytest.raises(StageError, match=r"'gru17.w_ih' is off by more than half a code"):
        Quantize().ensures(graph, wrong, Context())
