"""Runs: every stage saved, skipped when present and sound, done again when not."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_graphs import everything

from compress.fold import Fold
from compress.quantize import Quantize
from compress.trim import Trim, alike
from edgesynth.errors import InputError
from edgesynth.graph import Graph
from edgesynth.recipe import Recipe
from edgesynth.runs import data_hash, read_json, run, run_name, write_json
from edgesynth.stage import Context, Outcome, Stage

RECIPE = Recipe((("fold", Fold()), ("trim", Trim(keep=0.5)), ("quantize", Quantize())))


def test_a_recipe_runs_in_order_with_and_without_a_folder(tmp_path: Path) -> None:
    graph, early = everything(0), everything(1)
    bare = run(RECIPE, graph, Context(early=early))
    saved = run(RECIPE, graph, Context(early=early), tmp_path)
    assert [s.name for s in saved] == ["fold", "trim", "quantize"]
    assert saved[-1].graph.fingerprint() == bare[-1].graph.fingerprint()
    assert saved[1].early is not None and alike(saved[1].graph, saved[1].early)
    place = tmp_path / run_name(RECIPE, graph, Context(early=early))
    names = {p.name for p in place.iterdir()}
    assert names == {"run.json", "1-fold", "2-trim", "3-quantize"}
    assert not any(s.skipped for s in saved) and bare[0].folder is None


def test_finished_stages_are_skipped(tmp_path: Path) -> None:
    first = run(RECIPE, everything(0), root=tmp_path)
    again = run(RECIPE, everything(0), root=tmp_path)
    assert all(s.skipped for s in again)
    for a, b in zip(first, again, strict=True):
        assert a.graph.fingerprint() == b.graph.fingerprint()
        assert json.dumps(b.report) == json.dumps(json.loads(json.dumps(a.report)))
        assert a.seconds == b.seconds


@pytest.mark.parametrize("harm", ["truncate", "delete", "garble report", "no report", "swap"])
def test_what_is_damaged_is_done_again(tmp_path: Path, harm: str) -> None:
    first = run(RECIPE, everything(0), root=tmp_path)
    folder = first[1].folder
    assert folder is not None
    if harm == "truncate":
        os.truncate(folder / "graph.safetensors", 100)
    elif harm == "delete":
        (folder / "graph.json").unlink()
    elif harm == "garble report":
        (folder / "report.json").write_text("{\"key\": 3")
    elif harm == "no report":
        (folder / "report.json").unlink()
    else:
        for suffix in (".json", ".safetensors"):
            before = first[0].folder / f"graph{suffix}"  # type: ignore[operator]
            (folder / f"graph{suffix}").write_bytes(before.read_bytes())
    again = run(RECIPE, everything(0), root=tmp_path)
    assert [s.skipped for s in again] == [True, False, True]
    assert again[2].graph.fingerprint() == first[2].graph.fingerprint()


def test_a_stage_that_fails_leaves_the_finished_ones(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Fails(Stage):
        def run(self, graph: Graph, context: Context) -> Outcome:
            raise KeyboardInterrupt

    broken = Recipe((("fold", Fold()), ("fails", Fails())))
    with pytest.raises(KeyboardInterrupt):
        run(broken, everything(0), root=tmp_path)
    done = [p.name for p in next(tmp_path.iterdir()).iterdir()]
    assert sorted(done) == ["1-fold", "run.json"]
    assert not list(tmp_path.rglob(".*"))


@dataclass(frozen=True)
class Notes:
    rate: float
    audio: tuple[Any, ...]


def test_the_run_is_named_by_everything_it_is_made_of() -> None:
    graph = everything(0)
    notes = Notes(16000.0, (np.zeros(4, np.float32), np.ones(3, np.float32)))
    base = Context(early=everything(1), data=notes)
    names = [
        run_name(RECIPE, graph, base),
        run_name(Recipe(RECIPE.steps[:2]), graph, base),
        run_name(RECIPE, everything(2), base),
        run_name(RECIPE, graph, replace(base, early=everything(2))),
        run_name(RECIPE, graph, replace(base, seed=1)),
        run_name(RECIPE, graph, replace(base, artifact="encoder")),
        run_name(RECIPE, graph, replace(base, data=None)),
        run_name(RECIPE, graph, replace(base, data=replace(notes, rate=8000.0))),
        run_name(RECIPE, graph, replace(base, data=replace(notes, audio=notes.audio[::-1]))),
        run_name(RECIPE, graph, replace(base, others={"encoder": graph})),
    ]
    assert len(set(names)) == len(names)
    assert run_name(RECIPE, everything(0), base) == names[0]
    assert run_name(Recipe(RECIPE.steps, "for people"), graph, base) == names[0]


def test_data_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="needs a text field `fingerprint`"):
        data_hash(object())


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "x.json"
    write_json(file, {"a": np.float32(0.5), "b": Path("c")})
    assert read_json(file) == {"a": 0.5, "b": "c"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(file, {"a": float("nan")})
    assert read_json(file) == {"a": 0.5, "b": "c"} and len(list(file.parent.iterdir())) == 1
    assert read_json(tmp_path / "none.json") is None
    (tmp_path / "full").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_json(tmp_path / "full" / "x.json", {})
