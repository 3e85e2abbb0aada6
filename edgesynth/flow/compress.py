"""edgesynth compress."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from edgesynth.errors import InputError
from edgesynth.flow._model import find_model, graph_model, nearest
from edgesynth.flow._open import open_graph
from edgesynth.flow.base import ARGUMENT, UI, Command, Table, one_thread
from edgesynth.flow.train import cache_folder
from edgesynth.graph import Graph
from edgesynth.recipe import Recipe


@dataclass(frozen=True)
class Compress(Command):
    """Take a trained model through a recipe of stages: fold, trim, ticket, quantize.

    A recipe is TOML: [[stage]] tables with a `name` and the stage's fields (docs/compress.md).
    Every stage saves; run the same command again after a Ctrl-C and it goes on from there.
    """

    table: ClassVar[bool] = True

    model: Annotated[str, "a bundled name, a saved Graph or file.py:function", ARGUMENT]
    recipe: Annotated[str, "a TOML file, or the name of a ready recipe"]
    out: Annotated[Path, "folder for the run; the result is OUT/final.safetensors and .json"]
    data: Annotated[str, "folder of recordings, instrument:NAME or render:PROGRAM; default: the data of the model's card"] = ""
    early: Annotated[str, "the Graph at the rewind point; default: MODEL-early"] = ""
    train_as: Annotated[str, "model of the zoo or file.py:function that trains it; default: what the saved Graph names"] = ""
    seed: Annotated[int, "seed of batches, noise and random choices"] = 0

    def run(self, ui: UI) -> Table:
        from edgesynth import runs
        from edgesynth.save import save
        from edgesynth.stage import Context

        recipe = read_recipe(self.recipe)
        graph = open_graph(self.model)
        context = context_for(self, graph, ui)
        with one_thread():
            steps = runs.run(recipe, graph, context, root=self.out / "runs")
        final = steps[-1].graph
        save(final, self.out / "final", {"from": self.model, "recipe": recipe.plain(), "seed": self.seed})
        rows = [describe("input", graph, None)]
        rows += [describe(s.name, s.graph, s.seconds) for s in steps]
        return Table(tuple(rows[0]), rows, facts={
            "saved": str(self.out / "final.safetensors"), "recipe_hash": recipe.hash(),
            "reports": [dict(s.report) for s in steps],
        })


def read_recipe(name: str) -> Recipe:
    """A recipe file, or a ready recipe of `compress/recipes` by name."""
    from importlib.resources import files

    from compress import STAGES

    ready = {p.name.removesuffix(".toml"): p for p in files("compress").joinpath("recipes").iterdir() if p.name.endswith(".toml")}
    if Path(name).suffix == ".toml" or Path(name).exists():
        return Recipe.read(name, STAGES)
    if name not in ready:
        raise InputError(f"no recipe {name!r}: give a .toml file or one of {', '.join(sorted(ready))} (nearest: {nearest(name, ready)})")
    return Recipe.parse(ready[name].read_text("utf-8"), STAGES, name)


def describe(name: str, graph: Graph, seconds: float | None) -> dict[str, Any]:
    """A row: what a Graph costs."""
    return {
        "stage": name, "parameters": graph.parameter_count(), "bytes": graph.stored_bytes(),
        "MMAC/s": graph.macs_per_second() / 1e6, "seconds": seconds,
    }


def context_for(command: Compress, graph: Graph, ui: UI) -> Any:
    """What the stages may use: model, data, early Graph, seed, progress."""
    import edgesynth
    from edgesynth.data import load as load_data
    from edgesynth.save import card
    from edgesynth.stage import Context

    model = find_model(command.train_as) if command.train_as else graph_model(graph.meta)
    notes = card_of(command.model, card)
    spec = command.data or notes.get("data", "")
    data = None
    if model is not None and spec:
        rate, hop = model.data_rate()
        data = load_data(spec, rate, hop, seed=0, cache=cache_folder(), progress=ui.progress)
    early = None
    if command.early:
        early = open_graph(command.early)
    elif f"{command.model}-early" in edgesynth.bundled() or Path(f"{command.model}-early.json").exists():
        early = open_graph(f"{command.model}-early")
    return Context(model=model, data=data, early=early, seed=command.seed, progress=ui.progress, artifact=graph.name)


def card_of(name: str, card: Any) -> dict[str, Any]:
    """The model card of a bundled name or saved Graph; empty where there is none."""
    import edgesynth

    path = edgesynth.bundled().get(name) or Path(name)
    try:
        return dict(card(path) or {})
    except (InputError, OSError):
        return {}
