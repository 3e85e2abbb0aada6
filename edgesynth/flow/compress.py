"""edgesynth compress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from edgesynth.flow._model import find_model
from edgesynth.flow._open import card_of, open_graph
from edgesynth.flow.base import ARGUMENT, UI, Command, Table, one_thread
from edgesynth.graph import Graph
from edgesynth.models.base import Model
from edgesynth.runs import cache_folder


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
    data: Annotated[
        str,
        "folder of recordings, instrument:NAME or render:PROGRAM; default: the data of the model's card",
    ] = ""
    early: Annotated[str, "the Graph at the rewind point; default: MODEL-early"] = ""
    train_as: Annotated[
        str,
        "model of the zoo or file.py:function that trains it; default: what the saved Graph names",
    ] = ""
    seed: Annotated[int, "seed of batches, noise and random choices"] = 0

    def run(self, ui: UI) -> Table:
        from compress import recipe as ready
        from edgesynth import runs
        from edgesynth.save import save

        recipe = ready(self.recipe)
        graph = open_graph(self.model)
        context = context_for(self, graph, ui)
        with one_thread():
            steps = runs.run(recipe, graph, context, root=self.out / "runs")
        final = steps[-1].graph
        notes = {
            k: v
            for k, v in card_of(self.model).items()
            if k in ("model", "config", "settings", "data")
        }
        save(
            final,
            self.out / "final",
            {**notes, "from": self.model, "recipe": recipe.plain(), "seed": self.seed},
        )
        rows = [describe("input", graph, None)]
        rows += [describe(s.name, s.graph, s.seconds) for s in steps]
        return Table(
            tuple(rows[0]),
            rows,
            facts={
                "saved": str(self.out / "final.safetensors"),
                "recipe_hash": recipe.hash(),
                "reports": [dict(s.report) for s in steps],
            },
        )


def describe(name: str, graph: Graph, seconds: float | None) -> dict[str, Any]:
    """A row: what a Graph costs."""
    return {
        "stage": name,
        "parameters": graph.parameter_count(),
        "bytes": graph.stored_bytes(),
        "MMAC/s": graph.macs_per_second() / 1e6,
        "seconds": seconds,
    }


def context_for(command: Compress, graph: Graph, ui: UI) -> Any:
    """What the stages may use: model, data, early Graph, seed, progress."""
    import edgesynth
    from edgesynth.data import load as load_data
    from edgesynth.stage import Context

    notes = card_of(command.model)
    model = model_of(command.train_as, graph, notes)
    spec = command.data or notes.get("data", "")
    data = None
    if model is not None and spec:
        rate, hop = model.data_rate()
        data = load_data(spec, rate, hop, cache=cache_folder(), progress=ui.progress)
    early = None
    beside = f"{command.model}-early"
    if command.early:
        early = open_graph(command.early)
    elif beside in edgesynth.checkpoints() or Path(f"{beside}.json").exists():
        early = open_graph(beside)
    return Context(
        model=model,
        data=data,
        early=early,
        seed=command.seed,
        progress=ui.progress,
        artifact=graph.name,
    )


def model_of(train_as: str, graph: Graph, notes: Mapping[str, Any]) -> Model | None:
    """The Model that trains a Graph: named by the user, by its card or by its own notes."""
    if train_as:
        return find_model(train_as)
    for told in (notes, graph.meta):
        if "model" in told:
            return find_model(
                str(told["model"]), str(told.get("config", "")), tuple(told.get("settings", ()))
            )
    return None
