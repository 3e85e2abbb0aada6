"""From a model to a checkpoint: train it from scratch, judge it once, write weights and card."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgesynth.errors import InputError
from edgesynth.models.base import Model
from edgesynth.progress import Progress, quiet
from edgesynth.save import save
from edgesynth.train import Observer, Schedule, Trained, train
from edgesynth.training.render import torch_render

EARLY = "-early"


@dataclass(frozen=True)
class Wish:
    """What a user asked for: `edgesynth train` with these options. The command that says the same
    stands in the model card."""

    model: str
    config: str
    data: str
    steps: int
    early: int
    seed: int = 0
    lr: float = 1e-3

    def command(self, output: Path) -> str:
        """The command line that trains this checkpoint."""
        words = ["edgesynth", "train", self.model, "--config", self.config, "--data", self.data]
        words += ["--seed", str(self.seed), "--steps", str(self.steps), "--early", str(self.early)]
        words += [] if self.lr == Wish.lr else ["--lr", f"{self.lr:g}"]
        return shlex.join([*words, "-o", str(output)])

    def build(self) -> Model:
        """The model in its configuration; InputError names what there is."""
        from edgesynth.models import MODELS

        if self.model not in MODELS:
            raise InputError(f"no model {self.model!r}; there are {', '.join(MODELS)}")
        kind = MODELS[self.model]
        if self.config not in kind.configurations:
            known = ", ".join(kind.configurations)
            raise InputError(f"{self.model} has no configuration {self.config!r}, only {known}")
        return kind(**kind.configurations[self.config])


def train_bundle(
    wish: Wish,
    output: Path,
    folder: Path | None = None,
    cache: Path | None = None,
    progress: Progress = quiet,
    observe: Observer | None = None,
) -> dict[str, Any]:
    """Train, judge on the held-out notes, and write `output` and `output`-early (each .safetensors
    and .json; several artifacts get their names appended). Gives the card of the final one.

    folder: where an interrupted training goes on from. cache: for analysed data.
    """
    import torch

    from edgesynth.data import load

    if not 0 <= wish.early <= wish.steps:
        raise InputError(f"early step {wish.early} lies outside 0 … {wish.steps}")
    model = wish.build()
    rate, hop = model.data_rate()
    data = load(wish.data, rate, hop, wish.seed, cache, progress)
    began = time.perf_counter()
    schedule = Schedule(wish.steps, wish.lr)
    done = train(
        model, model.build(wish.seed), data, schedule, wish.seed, folder, (wish.early,), progress,
        observe,
    )
    card = {
        "command": wish.command(Path(output.name)),
        **asdict(wish),
        "configuration": asdict(model),
        "notes": {s: list(data.splits).count(s) for s in ("train", "valid", "test")},
        "report": list(data.report),
        "training_seconds": round(time.perf_counter() - began),
        "torch": str(torch.__version__),
        "history": [dict(r) for r in done.history if "valid" in r],
    }
    return _write(model, done, data, wish, output, card)


def _write(
    model: Model, done: Trained, data: Any, wish: Wish, output: Path, card: dict[str, Any]
) -> dict[str, Any]:
    final = {**card, "step": wish.steps, "errors": {}, "floor": {}}
    several = len(done.graphs) > 1
    for artifact, graph in done.graphs.items():
        render = torch_render(graph)
        name = f"{output.name}-{artifact}" if several else output.name
        final["errors"] = rounded(model.evaluate(render, data))
        final["floor"] = rounded(model.floor(graph, data))
        save(graph, output.with_name(name), final)
        early = done.snapshots[wish.early][artifact]
        save(early, output.with_name(name + EARLY), {**card, "step": wish.early})
    return final


def rounded(errors: Mapping[str, float]) -> dict[str, float]:
    """Five significant digits: what a card shows."""
    return {name: float(f"{value:.5g}") for name, value in errors.items()}
