"""Trim: the ratio asked is the ratio got, bytes and MACs fall, refusals name what to change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_graphs import Builder, everything, random_graph

from compress.choose import Rule, asked, kept, within
from compress.criteria import CRITERIA, magnitude, scaled
from compress.groups import groups
from compress.trim import Trim, alike
from edgesynth.errors import InputError, StageError
from edgesynth.graph import Graph
from edgesynth.stage import Context


def sizes(graph: Graph) -> dict[str, int]:
    return {g.name: g.size for g in groups(graph) if not g.fixed}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3000), st.floats(0.05, 1.0), st.sampled_from(["local", "global"]))
def test_ratio_asked_is_ratio_got(seed: int, keep: float, scope: Any) -> None:
    graph = random_graph(seed)
    if not sizes(graph):
        return
    outcome = Trim(keep=keep, scope=scope, criterion="random", seed=seed, allow_moved=True)(graph)
    rows = outcome.report["groups"]
    whole = sum(r["before"] for r in rows)
    if scope == "local":
        assert all(r["after"] == 1 or abs(r["after"] - keep * r["before"]) <= 1 for r in rows)
    elif not outcome.report["moved"] and all(r["after"] == r["asked"] for r in rows):
        assert abs(sum(r["after"] for r in rows) - keep * whole) <= 1
    assert outcome.graph.parameter_count() == outcome.report["parameters"]["after"]


def test_removed_means_removed() -> None:
    before = everything(0, width=16)
    after = Trim(keep=0.25)(before).graph
    assert after.parameter_count() < 0.2 * before.parameter_count()
    assert after.stored_bytes() < 0.2 * before.stored_bytes()
    assert after.macs_per_second() < 0.2 * before.macs_per_second()


@pytest.mark.parametrize("of", ["parameters", "macs"])
@pytest.mark.parametrize("scope", ["local", "global"])
def test_a_budget_is_met_and_used_up(of: Any, scope: Any) -> None:
    graph = everything(2, width=16)
    outcome = Trim(keep=0.3, of=of, scope=scope)(graph)
    key = "parameters" if of == "parameters" else "macs_per_second"
    got = outcome.report[key]
    assert got["after"] <= 0.3 * got["before"]
    whole = outcome.report["units"]["before"]
    slack = 4 / whole if scope == "local" else 2 / whole
    share = outcome.report["asked"]["units"] / whole + slack
    more = Trim(keep=share, scope=scope, allow_moved=True)
    assert more(graph).report[key]["after"] > 0.3 * got["before"]
    absolute = Trim(budget=int(0.3 * got["before"]), of=of, scope=scope)(graph)
    assert absolute.graph.fingerprint() == outcome.graph.fingerprint()


def test_a_budget_below_the_smallest_net_is_refused() -> None:
    with pytest.raises(StageError, match=r"smallest net possible costs \d+, more than 10"):
        Trim(budget=10, of="parameters")(everything())


def test_local_keeps_the_strongest_units_of_each_layer() -> None:
    b = Builder(0)
    graph = b.graph(b.linear(b.activation(b.linear(b.input(3), 6, name="a")), 1))
    weight = graph.params["a.weight"].array
    outcome = Trim(keep=0.5)(graph)
    best = np.sort(np.argsort(-np.abs(weight).sum(axis=1))[:3])
    np.testing.assert_array_equal(outcome.graph.params["a.weight"].array, weight[best])
    assert outcome.report["kept"]["a"] == best.tolist()


def test_global_keeps_the_best_over_all_layers_and_respects_the_floor() -> None:
    scores = {"a": np.array([9.0, 8, 7, 6]), "b": np.array([1.0, 2, 3, 4])}
    assert {k: len(v) for k, v in kept(scores, 4, Rule("global")).items()} == {"a": 3, "b": 1}
    assert kept(scores, 4, Rule("global"))["b"].tolist() == [3]
    floored = kept(scores, 4, Rule("global", floor=2))
    assert {k: v.tolist() for k, v in floored.items()} == {"a": [0, 1], "b": [2, 3]}


def test_moved_shares_fail_unless_allowed() -> None:
    graph = everything(0, width=16)
    with pytest.raises(StageError, match=r"moves the share of linear0.*allow_moved"):
        Trim(keep=0.25, floor=9)(graph)
    outcome = Trim(keep=0.25, floor=9, allow_moved=True)(graph)
    assert "linear0" in outcome.report["moved"]
    assert set(sizes(outcome.graph).values()) == {9}
    with pytest.raises(StageError, match="multiple"):
        Trim(keep=0.4, multiple=8)(graph)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 32), st.integers(1, 20))
def test_rounding_to_lanes(size: int, count: int, multiple: int, floor: int) -> None:
    rule = Rule(floor=floor, multiple=multiple)
    got = rule.rounded(min(count, size), size)
    assert 1 <= got <= size
    assert got >= min(size, floor)
    nearest = abs(got - min(count, size)) * 2 <= multiple
    assert nearest or got in (size, rule.least(size))
    assert got % multiple == 0 or got in (size, floor)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 99), st.integers(0, 240)
)
def test_counts_add_up(layer_sizes: list[int], seed: int, total: int) -> None:
    rng = np.random.default_rng(seed)
    scores = {str(i): rng.random(n) for i, n in enumerate(layer_sizes)}
    total = min(total, sum(layer_sizes))
    assert abs(sum(asked(scores, total, Rule()).values()) - total) <= len(scores)
    assert sum(asked(scores, total, Rule("global")).values()) == total
    counts = within(scores, total, Rule("global"), lambda s: sum(map(len, s.values()))) \
        if total >= len(scores) else total
    assert counts == total


def test_the_early_graph_is_cut_to_the_same_units() -> None:
    graph, early = everything(0), everything(1)
    outcome = Trim(keep=0.5)(graph, Context(early=early))
    alone = Trim(keep=0.5)(graph)
    assert outcome.graph.fingerprint() == alone.graph.fingerprint()
    assert outcome.early is not None and alike(outcome.early, outcome.graph)
    index = outcome.report["kept"]["linear3"]
    np.testing.assert_array_equal(
        outcome.early.params["linear3.bias"].array, early.params["linear3.bias"].array[index]
    )
    with pytest.raises(StageError, match="early graph has another structure"):
        Trim()(graph, Context(early=everything(0, width=9)))


def test_false_claims_are_caught() -> None:
    graph, early = everything(0), everything(1)
    context = Context(early=early)
    stage = Trim(keep=0.5)
    good = stage(graph, context)
    rows = [{**row, "after": row["after"] - 1} for row in good.report["groups"]]
    told = {**good.report, "groups": rows}
    wrong = [
        (stage, replace(good, report=told), "other units than the report"),
        (Trim(keep=0.9), good, "not the share 0.9"),
        (Trim(keep=0.1, of="macs"), good, "macs are left, at most"),
        (stage, replace(good, early=early), "early graph was not cut"),
        (stage, replace(good, early=None), "early graph was not cut"),
    ]
    for claim, outcome, message in wrong:
        with pytest.raises(StageError, match=message):
            claim.ensures(graph, outcome, context)


def test_keep_may_be_a_share_of_former_sizes() -> None:
    graph = everything(0, width=16)
    half = Trim(keep=0.5)(graph).graph
    former = tuple(sizes(graph).values())
    chained = Trim(keep=0.25, sizes=former)(half)
    assert sizes(chained.graph) == sizes(Trim(keep=0.25)(graph).graph)
    with pytest.raises(StageError, match="sizes has 1 entries for 5 layers"):
        Trim(sizes=(3,))(graph)
    with pytest.raises(InputError, match="sizes go with units"):
        Trim(sizes=(3,), of="macs")


def test_scores_that_are_no_numbers_are_refused(monkeypatch: Any) -> None:
    def broken(*args: Any) -> dict[str, np.ndarray]:
        return {k: v * np.nan for k, v in magnitude(*args).items()}

    monkeypatch.setitem(CRITERIA, "magnitude", broken)
    with pytest.raises(StageError, match="'linear0' a score that is no number"):
        Trim()(everything())


def test_random_is_seeded_and_every_criterion_ranks_every_cuttable_unit() -> None:
    graph = everything(0)
    found = groups(graph)
    draws = [CRITERIA["random"](graph, found, Context(seed=s), 0) for s in (0, 0, 1)]
    assert all(np.array_equal(draws[0][k], draws[1][k]) for k in draws[0])
    assert any(not np.array_equal(draws[0][k], draws[2][k]) for k in draws[0])
    assert {k: len(v) for k, v in draws[0].items()} == sizes(graph)
    assert {k: len(v) for k, v in magnitude(graph, found, Context(), 0).items()} == sizes(graph)


def test_scaling_makes_layers_comparable() -> None:
    graph = everything(0)
    found = groups(graph)
    raw = magnitude(graph, found, Context(), 0)
    assert all(v.max() == 1.0 for v in scaled(raw, "max", graph, found).values())
    mean = scaled(raw, "dimension", graph, found)
    np.testing.assert_allclose(mean["linear3"], raw["linear3"] / 8)
    np.testing.assert_allclose(mean["gru17"], raw["gru17"] / (3 * (18 + 10)))
    assert scaled(raw, "none", graph, found) is raw


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"keep": 0.0}, "keep is 0.0"), ({"keep": 1.5}, "keep is 1.5"), ({"floor": 0}, "floor is 0"),
     ({"multiple": 0}, "multiple is 0"), ({"budget": -1}, "budget is -1"),
     ({"budget": 5}, "set of to one of them")],
)
def test_fields_out_of_range_are_named(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        Trim(**fields)


def test_nothing_to_cut_and_masks_are_refused() -> None:
    b = Builder(0)
    with pytest.raises(StageError, match="no unit that may be cut"):
        Trim()(b.graph(b.linear(b.input(2), 2)))
    graph = everything()
    masked = replace(graph, masks={"linear3": np.ones(9, dtype=bool)})
    with pytest.raises(StageError, match="has masks"):
        Trim()(masked)
    with pytest.raises(StageError, match="needs a model and data"):
        Trim(criterion="activation")(graph)
