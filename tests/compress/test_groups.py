"""Channel groups: every channel in exactly one unit, ties honoured, nothing fixed is cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_graphs import Builder, everything, random_graph

from compress.groups import Axis, Group, groups
from edgesynth import edit
from edgesynth.graph import Graph


def by_name(graph: Graph) -> dict[str, Group]:
    return {g.name: g for g in groups(graph)}


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000))
def test_every_channel_is_in_exactly_one_unit(seed: int) -> None:
    graph = random_graph(seed)
    count: Counter[tuple[Axis, int]] = Counter()
    for group in groups(graph):
        for axis, positions in group.members.items():
            assert positions.shape[0] == group.size
            assert (np.diff(positions, axis=1) > 0).all()
            count.update((axis, int(p)) for p in positions.ravel())
    assert set(count.values()) == {1}
    channels = {(Axis("value", v), i) for v, s in graph.shapes.items() for i in range(s.channels)}
    assert channels <= set(count)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000))
def test_ports_are_fixed_and_names_are_unique(seed: int) -> None:
    graph = random_graph(seed)
    found = groups(graph)
    assert len({g.name for g in found}) == len(found)
    ports = {p.value for p in graph.ports}
    for group in found:
        if ports & set(group.values):
            assert group.fixed.startswith(("port", "reduce", "conv1d", "binary"))


def test_a_gru_has_one_index_set_for_all_that_makes_and_reads_its_state() -> None:
    unit = by_name(everything())["gru17"]
    rows = unit.members[Axis("param", "gru17.w_hh", 0)]
    np.testing.assert_array_equal(rows, np.arange(10)[:, None] + np.array([[0, 10, 20]]))
    for name in ("gru17.w_ih", "gru17.b_ih", "gru17.b_hh"):
        np.testing.assert_array_equal(unit.members[Axis("param", name, 0)], rows)
    columns = unit.members[Axis("param", "gru17.w_hh", 1)]
    np.testing.assert_array_equal(columns[:, 0], np.arange(10))
    assert Axis("param", "linear21.weight", 1) in unit.members


def test_gate_halves_residual_sums_and_concats_are_tied() -> None:
    found = by_name(everything())
    halves = found["conv1d7"].members[Axis("value", "conv1d7")]
    np.testing.assert_array_equal(halves, np.arange(8)[:, None] + np.array([[0, 8]]))
    assert {"linear0", "linear5", "binary6"} <= set(found["linear0"].values)
    reads = found["linear0"].members[Axis("param", "linear23.weight", 1)]
    np.testing.assert_array_equal(reads[:, 0], np.arange(10, 18))
    assert not any(found[n].fixed for n in ("linear0", "linear3", "conv1d7", "linear13", "gru17"))


def test_a_shared_parameter_ties_its_users() -> None:
    b = Builder(0)
    x = b.input(2)
    first, second = b.linear(x, 6), b.linear(x, 6)
    graph = b.graph(b.linear(b.concat(first, second), 1))
    shared = [
        replace(n, params=graph.node(first).params) if n.name == second else n for n in graph.nodes
    ]
    tied = edit.with_nodes(graph, shared)
    assert [g.size for g in groups(tied) if not g.fixed] == [6]
    assert [g.size for g in groups(graph) if not g.fixed] == [6, 6]


def test_what_is_not_trainable_is_fixed() -> None:
    graph = everything()
    weight = replace(graph.params["linear3.weight"], trainable=False)
    found = by_name(edit.with_param(graph, "linear3.weight", weight))
    assert found["linear3"].fixed and found["linear0"].fixed
    assert not found["gru17"].fixed


def test_channels_read_apart_are_groups_of_their_own() -> None:
    b = Builder(0)
    wide = b.linear(b.input(1), 10)
    one, two = b.linear(b.slice(wide, 0, 3), 2), b.linear(b.slice(wide, 3, 5), 2)
    graph = b.graph(b.linear(b.concat(one, two), 1))
    sizes = [g.size for g in groups(graph) if wide in g.values]
    assert sizes == [3, 5, 2]


@pytest.mark.parametrize("groups_of", [2])
def test_a_grouped_convolution_that_is_not_depthwise_is_fixed(groups_of: int) -> None:
    b = Builder(0)
    wide = b.linear(b.input(1), 4 * groups_of)
    graph = b.graph(b.linear(b.conv1d(wide, 2 * groups_of, groups=groups_of), 1))
    assert by_name(graph)[wide].fixed.startswith("conv1d")
