"""Fold: fewer nodes and values, the same function, nothing across masks and ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_graphs import Builder, everything, random_graph

from compress.fold import Fold
from compress.trim import alike
from edgesynth import edit
from edgesynth.errors import StageError
from edgesynth.graph import Graph, Param
from edgesynth.stage import Context


def outputs(graph: Graph) -> list[torch.Tensor]:
    """In double, so that a wrong fold cannot hide behind rounding."""
    rng = np.random.default_rng(0)
    x = [torch.tensor(rng.standard_normal((2, 21, graph.shapes[p.value].channels)))
         for p in graph.inputs]
    with torch.no_grad():
        out = graph.module().double()(*x)
    return list(out) if isinstance(out, tuple) else [out]


def assert_same(a: Graph, b: Graph) -> None:
    for x, y in zip(outputs(a), outputs(b), strict=True):
        assert (x - y).abs().max() <= 1e-5 * max(float(x.abs().max()), 1e-3)


def folded(graph: Graph) -> Graph:
    outcome = Fold()(graph)
    assert_same(graph, outcome.graph)
    assert len(outcome.report["folded"]) > 0
    return outcome.graph


@pytest.mark.parametrize("fn", ["mul", "add", "sub", "div"])
@pytest.mark.parametrize("layer", ["linear", "conv1d", "layer_norm"])
@pytest.mark.parametrize("scalar", [False, True])
def test_a_constant_after_a_layer_goes_into_it(fn: str, layer: str, scalar: bool) -> None:
    b = Builder(1)
    x = b.activation(b.linear(b.input(2), 4))
    y = {"linear": lambda: b.linear(x, 4), "conv1d": lambda: b.conv1d(x, 4),
         "layer_norm": lambda: b.layer_norm(x)}[layer]()
    graph = b.graph(b.activation(b.constant(y, fn, () if scalar else None)))
    assert len(folded(graph).nodes) == len(graph.nodes) - 1


@pytest.mark.parametrize("fn", ["mul", "add", "sub", "div"])
@pytest.mark.parametrize("layer", ["linear", "gru", "conv1d"])
def test_a_constant_before_a_layer_goes_into_it(fn: str, layer: str) -> None:
    b = Builder(2)
    x = b.constant(b.activation(b.linear(b.input(2), 4)), fn)
    y = {"linear": lambda: b.linear(x, 5), "gru": lambda: b.gru(x, 3),
         "conv1d": lambda: b.conv1d(x, 5)}[layer]()
    graph = b.graph(b.activation(y))
    if layer == "conv1d" and fn in ("add", "sub"):
        assert Fold()(graph).report["folded"] == []  # the padding would be moved too
    else:
        assert len(folded(graph).nodes) == len(graph.nodes) - 1


def test_a_depthwise_convolution_takes_a_gain() -> None:
    b = Builder(3)
    x = b.constant(b.activation(b.linear(b.input(2), 6)))
    graph = b.graph(b.activation(b.conv1d(x, 6, groups=3)))
    assert len(folded(graph).nodes) == len(graph.nodes) - 1


def test_a_swapped_subtraction_folds_and_a_swapped_division_does_not() -> None:
    b = Builder(4)
    x = b.activation(b.linear(b.input(2), 4))
    graph = b.graph(b.activation(b.constant(b.linear(x, 4), "sub", swapped=True)))
    assert len(folded(graph).nodes) == len(graph.nodes) - 1
    b = Builder(4)
    x = b.activation(b.linear(b.input(2), 4), "softplus")
    graph = b.graph(b.linear(b.constant(x, "div", swapped=True), 1))
    assert Fold()(graph).report["folded"] == []


def test_a_row_of_constants_becomes_none() -> None:
    b = Builder(5)
    x = b.activation(b.input(3))
    for fn, shape in (("mul", ()), ("mul", (3,)), ("add", ()), ("sub", (3,)), ("div", ())):
        x = b.constant(x, fn, shape)
    graph = b.graph(b.activation(b.linear(x, 2)))
    assert [n.op for n in folded(graph).nodes] == ["activation", "linear", "activation"]


def test_two_gains_without_a_layer_become_one() -> None:
    b = Builder(6)
    x = b.constant(b.constant(b.activation(b.input(3)), "mul", ()), "div", ())
    graph = b.graph(b.activation(x))
    small = folded(graph)
    assert [n.op for n in small.nodes] == ["activation", "binary", "activation"]
    assert small.parameter_count() == 1


def test_the_gain_of_a_norm_goes_into_the_linear_that_alone_reads_it() -> None:
    b = Builder(7)
    n = b.layer_norm(b.linear(b.input(2), 6))
    graph = b.graph(b.activation(b.linear(n, 3)))
    small = folded(graph)
    assert small.parameter_count() == graph.parameter_count() - 12
    assert Fold(norms=False)(graph).report["folded"] == []
    two = b.graph(b.activation(b.linear(n, 3)), b.activation(b.linear(n, 2)))
    assert Fold()(two).report["folded"] == []


def test_nothing_folds_across_a_mask_a_port_a_shared_or_a_fixed_parameter() -> None:
    b = Builder(8)
    y = b.linear(b.activation(b.input(2)), 4)
    z = b.constant(y)
    graph = b.graph(b.activation(z))
    assert len(Fold()(graph).report["folded"]) == 1
    masked = edit.with_masks(graph, {y: np.array([True, True, False, True])})
    assert Fold()(masked).report["folded"] == []
    outward = b.graph(b.activation(z), y)
    assert Fold()(outward).report["folded"] == []
    name = graph.node(y).params["weight"]
    fixed = edit.with_param(graph, name, replace(graph.params[name], trainable=False))
    assert Fold()(fixed).report["folded"] == []


def test_a_mask_after_the_constant_stays_in_force() -> None:
    b = Builder(9)
    z = b.constant(b.linear(b.activation(b.input(2)), 4), "add")
    graph = b.graph(b.linear(b.activation(z), 2))
    masked = edit.with_masks(graph, {z: np.array([True, False, False, True])})
    assert len(folded(masked).nodes) == len(graph.nodes) - 1


def test_a_fold_that_would_store_more_is_left_alone() -> None:
    b = Builder(10)
    x = b.constant(b.activation(b.input(2)), "add", ())
    graph = b.graph(b.activation(b.linear(x, 30, bias=False)))
    assert Fold()(graph).report["folded"] == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_folding_random_graphs_changes_nothing_heard(seed: int) -> None:
    graph = random_graph(seed)
    outcome = Fold()(graph)
    assert_same(graph, outcome.graph)
    assert Fold()(outcome.graph).report["folded"] == []


def test_the_early_graph_folds_alike() -> None:
    graph, early = everything(0), everything(1)
    early = edit.with_params(early, {
        name: Param(np.zeros(p.shape, np.float32))
        for name, p in early.params.items() if name.startswith("layer_norm") and "bias" in name
    })
    outcome = Fold()(graph, Context(early=early))
    assert outcome.early is not None and alike(outcome.graph, outcome.early)
    assert_same(early, outcome.early)


def test_a_constant_that_only_folds_in_one_of_the_two_is_refused() -> None:
    def net(value: Any) -> Graph:
        b = Builder(11)
        x = b.constant(b.activation(b.input(2)), "div", ())
        graph = b.graph(b.activation(b.linear(x, 3)))
        name = graph.node(x).params["constant"]
        return edit.with_param(graph, name, Param(np.float32(value)))

    with pytest.raises(StageError, match="did not fold like"):
        Fold()(net(2.0), Context(early=net(0.0)))
