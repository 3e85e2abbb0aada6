"""Runs: where every file of a run lies, and the loop over a recipe's stages that saves and skips.

    <root>/<run name>/run.json                       what the run is made of
    <root>/<run name>/<n>-<stage>/graph.*, early.*   Graphs after stage n (see `edgesynth.save`)
    <root>/<run name>/<n>-<stage>/report.json        written last: a stage that has it is done
    <root>/<run name>/<n>-<stage>/…                  what the stage itself saves on its way
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgesynth.errors import EdgesynthError, InputError
from edgesynth.graph import Graph
from edgesynth.recipe import Recipe, changed
from edgesynth.save import load, save
from edgesynth.stage import Context, Stage


def cache_folder() -> Path:
    """Where data and builds are kept between runs: $XDG_CACHE_HOME/edgesynth or ~/.cache/edgesynth."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "edgesynth"


@dataclass(frozen=True, eq=False)
class Step:
    """One finished stage of a run. `skipped`: it was read from disk. `seconds`: what its work took
    when it was done. `folder`: where it lies, None for a run that is not saved."""

    name: str
    graph: Graph
    early: Graph | None
    report: Mapping[str, Any]
    seconds: float
    skipped: bool
    folder: Path | None


def identity(recipe: Recipe, graph: Graph, context: Context) -> dict[str, Any]:
    """What a run is made of: recipe, input and early Graph, model, data, seed; JSON-able."""
    return {"recipe": recipe.plain(), **_inputs(graph, context)}


def _inputs(graph: Graph, context: Context) -> dict[str, Any]:
    model = context.model
    told = {
        "graph": graph.fingerprint(),
        "early": None if context.early is None else context.early.fingerprint(),
        "others": {name: other.fingerprint() for name, other in context.others.items()},
        "model": None if model is None else [type(model).__name__, dataclasses.asdict(model)],
        "data": data_hash(context.data),
        "artifact": context.artifact,
        "seed": context.seed,
    }
    return dict(json.loads(json.dumps(told, default=str)))


def run_name(recipe: Recipe, graph: Graph, context: Context) -> str:
    """The run's folder name: 16 hex digits of the hash of its `identity`."""
    text = json.dumps(identity(recipe, graph, context), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run(
    recipe: Recipe, graph: Graph, context: Context | None = None, root: Path | None = None
) -> tuple[Step, ...]:
    """Take `graph` through the recipe's stages, one Step each.

    root: the folder of runs; a stage found there, sound and made from the same input, is read and
    not done again. None saves nothing, unless `context.folder` names the run's folder itself.
    Errors are those of the stages, and InputError where the disk refuses.
    """
    context = context or Context()
    folder = context.folder if root is None else root / run_name(recipe, graph, context)
    if folder is not None:
        write_json(folder / "run.json", identity(recipe, graph, context))
    steps: list[Step] = []
    count = len(recipe.steps)
    for number, (name, stage) in enumerate(recipe.steps, 1):
        context.progress(f"stage {number}/{count}: {name}", number - 1, count)
        place = None if folder is None else folder / f"{number}-{name}"
        step = once(name, stage, graph, replace(context, folder=place))
        graph, context = step.graph, replace(context, early=step.early)
        steps.append(step)
    context.progress("stages", count, count)
    return tuple(steps)


def once(name: str, stage: Stage, graph: Graph, context: Context) -> Step:
    """One stage, done in `context.folder` or found there."""
    folder = context.folder
    key = {"stage": {"name": name, **changed(stage)}, **_inputs(graph, context)}
    found = None if folder is None else _found(name, folder, key)
    if found is not None:
        return found
    begin = time.perf_counter()
    outcome = stage(graph, context)
    seconds = time.perf_counter() - begin
    step = Step(name, outcome.graph, outcome.early, outcome.report, seconds, False, folder)
    if folder is not None:
        _store(step, folder, key)
    return step


def _store(step: Step, folder: Path, key: Mapping[str, Any]) -> None:
    save(step.graph, folder / "graph")
    if step.early is not None:
        save(step.early, folder / "early")
    prints = {
        "graph": step.graph.fingerprint(),
        "early": None if step.early is None else step.early.fingerprint(),
    }
    told = {"key": key, "output": prints, "seconds": step.seconds, "report": dict(step.report)}
    write_json(folder / "report.json", told)


def _found(name: str, folder: Path, key: Mapping[str, Any]) -> Step | None:
    """The Step saved in `folder`, None where it is absent, damaged or made from something else."""
    try:
        told = read_json(folder / "report.json")
        if told is None or told["key"] != key:
            return None
        graph = load(folder / "graph")
        early = None if told["output"]["early"] is None else load(folder / "early")
        prints = {
            "graph": graph.fingerprint(),
            "early": None if early is None else early.fingerprint(),
        }
        if prints != told["output"]:
            return None
        seconds = float(told["seconds"])
        return Step(name, graph, early, dict(told["report"]), seconds, True, folder)
    except (EdgesynthError, LookupError, TypeError, ValueError):
        return None


def data_hash(data: Any) -> str:
    """What the data is, as text: its own `fingerprint` where it has one, else a hash over the
    fields of a dataclass, arrays included; "" for no data."""
    if data is None:
        return ""
    own = getattr(data, "fingerprint", None)
    if isinstance(own, str):
        return own
    h = hashlib.sha256()
    _feed(h, data)
    return h.hexdigest()


def _feed(h: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        h.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        h.update(type(value).__name__.encode())
        _feed(h, [getattr(value, f.name) for f in dataclasses.fields(value)])
    elif isinstance(value, list | tuple):
        h.update(f"[{len(value)}]".encode())
        for item in value:
            _feed(h, item)
    elif isinstance(value, str | bytes | int | float | bool | None):
        h.update(repr(value).encode() + b";")
    else:
        raise InputError(f"data of type {type(value).__name__} needs a text field `fingerprint`")


def write_json(path: Path, data: Any) -> None:
    """Write JSON under a temporary name, then rename. InputError where the disk refuses."""
    text = json.dumps(data, indent=1, allow_nan=False, default=_native)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as e:
        raise InputError(f"cannot write {path}: {e.strerror or e}") from e


def read_json(path: Path) -> Any:
    """What `write_json` wrote; None where there is no file. ValueError where it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror or e}") from e


def _native(value: Any) -> Any:
    """numpy scalars as Python's; paths as text."""
    if hasattr(value, "item"):
        return value.item()
    return str(value)
