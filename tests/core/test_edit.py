"""Edited Graphs are well-formed, and what was cut equals what the rest computed before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesynth import edit
from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Port, Shape
from edgesynth.verify import verify

HIDDEN = 6


def branches(seed: int = 0) -> Graph:
    """x (3) → a → h (6); h and x join (9); a slice (4) of it from channel 4 → b → y (2)."""
    rng = np.random.default_rng(seed)
    params = {
        "a.weight": Param(rng.standard_normal((HIDDEN, 3))),
        "a.bias": Param(rng.standard_normal(HIDDEN)),
        "b.weight": Param(rng.standard_normal((2, 4))),
    }
    nodes = [
        Node("a", "linear", ("x",), ("h",), {"weight": "a.weight", "bias": "a.bias"}),
        Node("join", "concat", ("h", "x"), ("j",)),
        Node("part", "slice", ("j",), ("p",), {}, {"start_channel": 4, "length": 4}),
        Node("b", "linear", ("p",), ("y",), {"weight": "b.weight"}),
    ]
    ports = [Port("x", "in", "x"), Port("out", "out", "y")]
    graph = edit.build("branches", nodes, params, ports, {"x": Shape((3,))})
    verify(graph)
    return graph


def run(graph: Graph, x: np.ndarray) -> np.ndarray:
    """An independent NumPy reading of `branches`."""
    p = {k: v.values().astype(np.float64) for k, v in graph.params.items()}
    h = x @ p["a.weight"].T + p["a.bias"]
    part = graph.node("part").attrs
    j = np.concatenate([h, x], -1)[..., part["start_channel"] :][..., : part["length"]]
    return j @ p["b.weight"].T


@settings(max_examples=60, deadline=None)
@given(gone=st.sets(st.integers(0, HIDDEN - 1), max_size=HIDDEN - 2), seed=st.integers(0, 99))
def test_cut_channels_equal_channels_of_zero(gone: set[int], seed: int) -> None:
    graph = branches(seed)
    kept = [i for i in range(HIDDEN) if i not in gone]
    read = [i for i in range(4, 8) if i not in gone]
    small = edit.cut(
        graph,
        {"a.weight": {0: kept}, "a.bias": {0: kept}, "b.weight": {1: [i - 4 for i in read]}},
        {"part": {"start_channel": sum(i < 4 for i in kept), "length": len(read)}},
        {"h": kept},
    )
    verify(small)
    assert small.shapes["h"].channels == len(kept)
    assert small.shapes["j"].channels == len(kept) + 3
    quiet = {k: graph.params[k].array.copy() for k in ("a.weight", "a.bias")}
    for array in quiet.values():
        array[sorted(gone)] = 0
    masked = edit.with_params(graph, {k: Param(v) for k, v in quiet.items()})
    x = np.random.default_rng(seed).standard_normal((5, 3))
    np.testing.assert_allclose(run(small, x), run(masked, x), atol=1e-12)
    assert small.stored_bytes() < graph.stored_bytes() or not gone


def test_cut_slices_masks_and_scales() -> None:
    graph = edit.with_masks(branches(), {"h": [True, False, True, False, True, True]})
    codes = Param(np.arange(18, dtype=np.int8).reshape(6, 3), "i8", np.arange(1.0, 7.0))
    graph = edit.with_param(graph, "a.weight", codes)
    kept = [0, 2, 4, 5]
    small = edit.cut(
        graph, {"a.weight": {0: kept}, "a.bias": {0: kept}, "b.weight": {1: [0, 1, 2, 3]}},
        {"part": {"start_channel": 2, "length": 4}}, {"h": kept},
    )
    verify(small)
    assert small.masks["h"].all() and small.masks["h"].size == 4
    assert np.array_equal(small.params["a.weight"].values(), codes.values()[kept])


def test_cut_input_port_takes_fewer_channels() -> None:
    graph = branches()
    small = edit.cut(
        graph, {"a.weight": {1: [0, 2]}, "b.weight": {1: [0, 1, 2]}},
        {"part": {"length": 3}}, {"x": [0, 2]},
    )
    verify(small)
    assert small.shapes["x"].features == (2,) and small.shapes["j"].channels == 8


def test_order_of_kept_positions_is_kept() -> None:
    graph = branches()
    turned = edit.cut(
        graph, {"a.weight": {0: [5, 4, 3, 2, 1, 0]}, "a.bias": {0: [5, 4, 3, 2, 1, 0]}},
        values={"h": [5, 4, 3, 2, 1, 0]},
    )
    assert np.array_equal(turned.params["a.bias"].array, graph.params["a.bias"].array[::-1])


@pytest.mark.parametrize(
    ("params", "attrs", "values", "match"),
    [
        ({"a.weight": {0: [0]}}, {}, {}, "bias"),
        ({"a.bias": {0: [0, 0]}}, {}, {}, "'a.bias': a kept position comes twice"),
        ({"a.bias": {0: []}}, {}, {}, "'a.bias': kept positions"),
        ({"a.bias": {0: [6]}}, {}, {}, "some of 0…5"),
        ({"a.bias": {1: [0]}}, {}, {}, "no axis 1"),
        ({"q": {0: [0]}}, {}, {}, "'q'"),
        ({}, {"q": {"length": 1}}, {}, "'q'"),
        ({}, {"part": {"width": 1}}, {}, "'width'"),
        ({}, {}, {"h": [0, 1]}, "value 'h' has 6 channels, 2 asked"),
    ],
)
def test_cut_that_does_not_fit_is_named(params, attrs, values, match: str) -> None:
    with pytest.raises(GraphError, match=match):
        edit.cut(branches(), params, attrs, values)


def test_masked_value_that_shrinks_must_be_told() -> None:
    graph = edit.with_masks(branches(), {"h": [True] * 6})
    kept = {"a.weight": {0: [0, 1, 2, 3, 4]}, "a.bias": {0: [0, 1, 2, 3, 4]}}
    with pytest.raises(GraphError, match="'h' has 5 channels, 6 asked"):
        edit.cut(graph, kept, {"part": {"start_channel": 3}})


def test_nothing_of_the_old_graph_changes() -> None:
    graph = branches()
    before = graph.fingerprint()
    edit.set_attr(graph, "part", start_channel=1)
    edit.with_param(graph, "a.bias", Param(np.zeros(6)))
    edit.with_masks(graph, {"h": [False] * 6})
    assert graph.fingerprint() == before and not graph.masks


def test_set_attr_changes_shapes_after_it() -> None:
    with pytest.raises(GraphError, match="b: input"):
        edit.set_attr(branches(), "part", length=3)
    assert edit.set_attr(branches(), "part", start_channel=0).node("part").attrs["length"] == 4


def test_drop_dead_takes_nodes_and_parameters_along() -> None:
    graph = branches()
    dead = [
        Node("d", "linear", ("h",), ("d",), {"weight": "d.weight"}),
        Node("e", "activation", ("d",), ("e",), {}, {"fn": "relu", "alpha": 0}),
    ]
    params = {**graph.params, "d.weight": Param(np.ones((2, 6)))}
    bigger = edit.with_nodes(graph, [*graph.nodes[:2], *dead, *graph.nodes[2:]], params)
    bigger = edit.with_masks(bigger, {"d": [True, False], "h": [True] * 6})
    verify(bigger)
    alive = edit.drop_dead(bigger)
    verify(alive)
    assert alive.fingerprint() == graph.fingerprint() and set(alive.masks) == {"h"}


def test_with_nodes_names_a_node_that_reads_nothing() -> None:
    graph = branches()
    with pytest.raises(GraphError, match="'join' reads 'h'"):
        edit.with_nodes(graph, graph.nodes[1:])


def test_integers_for_float_attributes_become_floats() -> None:
    node = Node("n", "activation", ("x",), ("y",), {}, {"fn": "elu", "alpha": 1})
    ports = [Port("x", "in", "x"), Port("out", "out", "y")]
    graph = edit.build("g", [node], {}, ports, {"x": Shape((2,))})
    verify(graph)
    assert type(graph.nodes[0].attrs["alpha"]) is float
