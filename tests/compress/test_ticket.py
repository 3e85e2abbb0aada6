"""Ticket: rewound equals stored bit for bit, interrupted runs go on, controls are honest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_model import Toy, ToyData

from compress.cut import cut
from compress.groups import groups
from compress.rewind import Round, equal_bits, frozen
from compress.ticket import Ticket, units
from compress.trim import Trim, alike
from edgesynth.errors import InputError, StageError
from edgesynth.graph import Graph, Param
from edgesynth.stage import Context, Outcome
from edgesynth.train import Schedule, train

MODEL, DATA = Toy(), ToyData()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dense() -> tuple[Graph, Graph]:
    """(trained, early at step 20)."""
    run = train(MODEL, MODEL.build(0), DATA, Schedule(120), snapshots=(20,))
    return run.graphs["decoder"], run.snapshots[20]["decoder"]


def context(dense: tuple[Graph, Graph], **more: Any) -> Context:
    return Context(model=MODEL, data=DATA, early=dense[1], **more)


def begun(stage: Ticket, dense: tuple[Graph, Graph], monkeypatch: Any) -> list[Graph]:
    """The Graphs that training was really started with."""
    seen: list[Graph] = []

    def spy(model: Any, graphs: Any, *args: Any, **named: Any) -> Any:
        seen.append(graphs["decoder"])
        return train(model, graphs, *args, **named)

    monkeypatch.setattr("compress.rewind.train", spy)
    stage(dense[0], context(dense))
    return seen


def test_weight_rewinding_starts_from_the_stored_bits(dense: Any, monkeypatch: Any) -> None:
    seen = begun(Ticket(keep=(0.5,), steps=(3,), start=20), dense, monkeypatch)
    kept = Trim(keep=0.5)(dense[0]).report["kept"]
    rows = np.array(kept["first"])
    stored = dense[1].params["first.weight"].array[rows]
    assert seen[0].params["first.weight"].array.tobytes() == stored.tobytes()
    stay = {name: np.array(index) for name, index in kept.items()}
    assert equal_bits(seen[0], cut(dense[1], groups(dense[1]), stay))
    assert not equal_bits(seen[0], cut(dense[0], groups(dense[0]), stay))


def test_learning_rate_rewinding_and_fine_tuning_keep_the_final_bits(
    dense: Any, monkeypatch: Any
) -> None:
    trimmed = Trim(keep=0.5)(dense[0]).graph
    for rewind in ("lr", "none"):
        seen = begun(Ticket(keep=(0.5,), steps=(3,), rewind=rewind), dense, monkeypatch)
        assert equal_bits(seen[0], trimmed)


def test_reinit_is_fresh_has_the_same_size_and_all_steps(dense: Any, monkeypatch: Any) -> None:
    ticket = Ticket(keep=(0.75, 0.5), steps=(3, 5))
    chain = ticket(dense[0], context(dense))
    control = replace(ticket, rewind="reinit")
    outcome = control(dense[0], context(dense))
    seen = begun(control, dense, monkeypatch)
    assert len(seen) == 1 and alike(outcome.graph, chain.graph)
    assert outcome.report["rounds"][0]["steps"] == 8
    trimmed = Trim(keep=0.5)(dense[0]).graph
    assert not equal_bits(seen[0], trimmed)
    assert not equal_bits(seen[0], chain.early)


def test_rounds_keep_the_shares_asked(dense: Any) -> None:
    whole = units(dense[0])
    outcome = Ticket(keep=(0.8,), rounds=4, steps=(2,))(dense[0], context(dense))
    first = [g["before"] for g in outcome.report["rounds"][0]["groups"]]
    for row in outcome.report["rounds"]:
        for group, size in zip(row["groups"], first, strict=True):
            assert abs(group["after"] - row["asked"] * size) <= 1
    assert [row["steps"] for row in outcome.report["rounds"]] == [2, 2, 2, 2]
    assert abs(units(outcome.graph) - 0.8**4 * whole) <= 3
    assert outcome.early is not None and alike(outcome.early, outcome.graph)
    assert outcome.report["parameters"]["after"] == outcome.graph.parameter_count()


@pytest.mark.parametrize("scope", ["local", "global"])
def test_long_chains_do_not_drift(dense: Any, scope: Any) -> None:
    whole = units(dense[0])
    ticket = Ticket(keep=(0.93,), rounds=9, steps=(1,), scope=scope, criterion="random")
    outcome = ticket(dense[0], context(dense))
    assert abs(units(outcome.graph) - 0.93**9 * whole) <= 1.5
    if scope == "local":
        control = replace(ticket, rewind="reinit")(dense[0], context(dense))
        assert alike(control.graph, outcome.graph)


def test_training_helps(dense: Any) -> None:
    """Retraining must beat the trimmed net as it stands."""
    from edgesynth.train import validate

    cut_only = Trim(keep=0.5)(dense[0]).graph
    retrained = Ticket(keep=(0.5,), steps=(120,))(dense[0], context(dense)).graph
    bad, good = (validate(MODEL, {"decoder": g.module()}, DATA) for g in (cut_only, retrained))
    assert good < 0.7 * bad


def test_an_interrupted_chain_goes_on_to_the_same_bits(
    dense: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    ticket = Ticket(keep=(0.75, 0.5), steps=(4, 6))
    expected = ticket(dense[0], context(dense)).graph

    class Stopped(Exception):
        pass

    calls = []

    def stop(model: Any, graphs: Any, *args: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise Stopped
        return train(model, graphs, *args, **named)

    monkeypatch.setattr("compress.rewind.train", stop)
    with pytest.raises(Stopped):
        ticket(dense[0], context(dense, folder=tmp_path))
    done = ticket(dense[0], context(dense, folder=tmp_path))
    assert len(calls) == 3, "the first round was done again"
    assert equal_bits(done.graph, expected)
    again = ticket(dense[0], context(dense, folder=tmp_path))
    assert len(calls) == 3 and equal_bits(again.graph, expected)
    assert not list(tmp_path.rglob("training*"))


def test_ctrl_c_inside_a_round_loses_no_step(
    dense: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    ticket = Ticket(keep=(0.5,), steps=(12,))
    expected = ticket(dense[0], context(dense)).graph
    plain, calls = Toy.loss, []

    def interrupted(self: Toy, modules: Any, batch: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return plain(self, modules, batch)

    monkeypatch.setattr(Toy, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ticket(dense[0], context(dense, folder=tmp_path))
    done = ticket(dense[0], context(dense, folder=tmp_path))
    steps_after = len(calls) - 9 - 2  # two validation batches at the end
    assert steps_after == 12 - 8
    assert equal_bits(done.graph, expected)


def test_a_damaged_round_is_done_again(dense: Any, tmp_path: Path) -> None:
    ticket = Ticket(keep=(0.5,), steps=(4,))
    first = ticket(dense[0], context(dense, folder=tmp_path))
    file = tmp_path / "round-1" / "graph.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert equal_bits(ticket(dense[0], context(dense, folder=tmp_path)).graph, first.graph)


def test_wrong_rewinding_is_caught(dense: Any) -> None:
    """`ensures` sees a start that is off by one bit."""
    stage = Round(Trim(keep=0.5), Schedule(2))
    outcome = stage(dense[0], context(dense))
    early = dense[1]
    array = early.params["head.bias"].array.copy()
    array[0] = np.nextafter(array[0], np.float32(9))
    off = replace(early, params={**early.params, "head.bias": Param(array)})
    with pytest.raises(StageError, match="differ from the stored"):
        stage.ensures(dense[0], outcome, replace(context(dense), early=off))
    lied = Outcome(outcome.graph, {**outcome.report, "begin": "0" * 64}, outcome.early)
    with pytest.raises(StageError, match="differ from the stored"):
        stage.ensures(dense[0], lied, context(dense))


def test_criteria_by_data_and_by_chance_lead_to_other_units(dense: Any) -> None:
    kept = {}
    for criterion in ("magnitude", "activation", "random"):
        outcome = Trim(keep=0.5, criterion=criterion)(dense[0], context(dense))  # type: ignore[arg-type]
        kept[criterion] = outcome.report["kept"]
    assert kept["magnitude"] != kept["random"] != kept["activation"]


def test_activation_sums_what_a_unit_says(dense: Any) -> None:
    from compress.criteria import activation

    graph = dense[0]
    scores = activation(graph, groups(graph), context(dense), 0)
    module = torch.nn.GRU(12, 12, batch_first=True)
    names = ("w_ih", "w_hh", "b_ih", "b_hh")
    recurrent = next(n for n in graph.nodes if n.op == "gru")
    for slot, param in zip(names, module.parameters(), strict=True):
        param.data = torch.from_numpy(graph.params[recurrent.params[slot]].array.copy())
    p = {k: torch.from_numpy(v.array.copy()) for k, v in graph.params.items()}
    norm = next(n for n in graph.nodes if n.op == "layer_norm").params
    total = torch.zeros(12)
    with torch.no_grad():
        for x, _ in MODEL.batches(DATA, "valid"):
            h = x @ p["first.weight"].T + p["first.bias"]
            gain, shift = p[norm["weight"]], p[norm["bias"]]
            h = torch.tanh(torch.nn.functional.layer_norm(h, (12,), gain, shift))
            total += module(h)[0].abs().sum(dim=(0, 1))
    np.testing.assert_allclose(scores[recurrent.name], total.numpy(), rtol=1e-5)


def test_frozen_companions_do_not_train() -> None:
    assert not any(p.trainable for p in frozen(MODEL.build(0)["decoder"]).params.values())


def test_what_is_missing_is_named(dense: Any) -> None:
    with pytest.raises(StageError, match="needs a model and its data"):
        Ticket()(dense[0])
    with pytest.raises(StageError, match="needs the model's early state"):
        Ticket()(dense[0], Context(model=MODEL, data=DATA))
    trimmed = Trim(keep=0.75)(dense[0]).graph
    with pytest.raises(StageError, match="put ticket before fold"):
        Ticket(rewind="reinit", steps=(1,))(trimmed, Context(model=MODEL, data=DATA))


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"keep": ()}, "keep is"), ({"keep": (0.5, 0.6)}, "shares must fall"),
     ({"keep": (1.2,)}, "shares must fall"), ({"rounds": 3}, "rounds is 3 with 2 entries"),
     ({"rounds": -1}, "rounds is -1"), ({"steps": ()}, "steps is"), ({"steps": (0,)}, "steps is"),
     ({"lr": 0.0}, "learning rate 0.0"), ({"floor": 0}, "floor is 0")],
)
def test_fields_out_of_range_are_named(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        Ticket(**fields)
