"""Trimmed equals masked: units removed or silenced give the same outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_graphs import everything, random_graph

from compress.cut import cut, mask
from compress.groups import groups
from edgesynth.errors import StageError
from edgesynth.graph import Graph
from edgesynth.verify import verify


def play(graph: Graph, seed: int, dtype: torch.dtype) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    module = graph.module().to(dtype)
    inputs = [
        torch.tensor(rng.standard_normal((2, 19, graph.shapes[p.value].channels)), dtype=dtype)
        for p in graph.inputs
    ]
    with torch.no_grad():
        out = module(*inputs)
    return [y.numpy() for y in (out if isinstance(out, tuple) else (out,))]


def some_kept(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """A random part of every group that may be cut, at least one unit."""
    rng = np.random.default_rng(seed)
    return {
        g.name: np.sort(rng.permutation(g.size)[: rng.integers(1, g.size + 1)])
        for g in groups(graph)
        if not g.fixed
    }


def assert_same(graph: Graph, kept: dict[str, np.ndarray], seed: int) -> None:
    found = groups(graph)
    small, silent = cut(graph, found, kept), mask(graph, found, kept)
    verify(small)
    verify(silent)
    for dtype, bound in ((torch.float64, 1e-9), (torch.float32, 1e-5)):
        for a, b in zip(play(small, seed, dtype), play(silent, seed, dtype), strict=True):
            assert np.abs(a - b).max() <= bound * max(np.abs(b).max(), 1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_trimmed_equals_masked_where_every_op_meets(seed: int) -> None:
    graph = everything(seed, width=8)
    assert_same(graph, some_kept(graph, seed), seed)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_trimmed_equals_masked_on_random_graphs(seed: int, pick: int) -> None:
    graph = random_graph(seed)
    assert_same(graph, some_kept(graph, pick), pick)


@pytest.mark.parametrize("name", ["linear0", "linear3", "conv1d7", "linear13", "gru17"])
def test_every_group_matters(name: str) -> None:
    """A cut unit changes the output, and its twin with another unit masked is another net."""
    graph = everything(3)
    found = groups(graph)
    size = next(g.size for g in found if g.name == name)
    full = play(graph, 0, torch.float64)
    first = play(mask(graph, found, {name: np.arange(1, size)}), 0, torch.float64)
    last = play(mask(graph, found, {name: np.arange(size - 1)}), 0, torch.float64)
    assert max(np.abs(a - b).max() for a, b in zip(full, first, strict=True)) > 1e-6
    assert max(np.abs(a - b).max() for a, b in zip(first, last, strict=True)) > 1e-6


def test_masks_of_a_masked_graph_stay() -> None:
    graph = everything(1)
    found = groups(graph)
    once = mask(graph, found, {"linear3": np.arange(5)})
    twice = mask(once, groups(once), {"linear3": np.arange(3, 9)})
    both = cut(graph, found, {"linear3": np.array([3, 4])})
    for a, b in zip(play(both, 0, torch.float64), play(twice, 0, torch.float64), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


def test_what_may_not_be_cut_is_refused() -> None:
    graph = everything(0)
    found = groups(graph)
    with pytest.raises(StageError, match=r"'linear21' is fixed by port out0"):
        cut(graph, found, {"linear21": np.arange(2)})
    with pytest.raises(StageError, match=r"'gru17' would lose all its 10 units"):
        cut(graph, found, {"gru17": np.array([], dtype=int)})
    with pytest.raises(StageError, match=r"no channel group 'grup'"):
        mask(graph, found, {"grup": np.arange(2)})
