"""edgesynth train."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from edgesynth.errors import InputError
from edgesynth.flow._model import find_model
from edgesynth.flow.base import ARGUMENT, UI, Command, Table, one_thread
from edgesynth.graph import Graph
from edgesynth.models.base import Model
from edgesynth.runs import cache_folder


@dataclass(frozen=True)
class Train(Command):
    """Train a model of the zoo, or your own file.py:function, from a folder of recordings.

    The data is a folder or file of WAV, FLAC or AIFF, `instrument:NAME` (built-in physical models)
    or `render:PROGRAM` (FluidSynth). Stop it with Ctrl-C and run the same command to go on.
    """

    table: ClassVar[bool] = True

    model: Annotated[str, "a model of the zoo or file.py:function", ARGUMENT]
    data: Annotated[str, "folder or file of recordings, instrument:NAME or render:PROGRAM"]
    out: Annotated[Path, "where to save: OUT.safetensors and OUT.json, with OUT-early beside it"]
    config: Annotated[str, "named configuration, see `edgesynth models`"] = ""
    set: Annotated[tuple[str, ...], "one setting, KEY=VALUE; may be given several times"] = ()
    steps: Annotated[int, "training steps"] = 12000
    early: Annotated[int, "step whose weights are kept as the rewind point"] = 500
    lr: Annotated[float, "highest learning rate"] = 1e-3
    seed: Annotated[int, "seed of weights, batches and noise"] = 0

    def run(self, ui: UI) -> Table:
        from edgesynth.data import load as load_data
        from edgesynth.train import Schedule, train

        if not 0 <= self.early < self.steps:
            raise InputError(f"--early {self.early}: at least 0 and below --steps {self.steps}")
        model = find_model(self.model, self.config, self.set)
        rate, hop = model.data_rate()
        data = load_data(self.data, rate, hop, cache=cache_folder(), progress=ui.progress)
        for line in data.report:
            ui.say(line)
        begun = time.monotonic()
        with one_thread():
            graphs = {k: self._named(g) for k, g in model.build(self.seed).items()}
            done = train(
                model,
                graphs,
                data,
                Schedule(self.steps, lr=self.lr),
                self.seed,
                folder=self.out.with_name(f"{self.out.name}-run"),
                snapshots=(self.early,),
                progress=ui.progress,
            )
            seconds = round(time.monotonic() - begun)
            rows = [self._save(name, done, model, data, seconds) for name in done.graphs]
        return Table(tuple(rows[0]), rows)

    def _named(self, graph: Graph) -> Graph:
        """The Graph with notes of how to build its Model again."""
        notes = {"model": self.model, "config": self.config, "settings": list(self.set)}
        return replace(graph, meta={**graph.meta, **notes})

    def _save(self, name: str, done: Any, model: Model, data: Any, seconds: int) -> dict[str, Any]:
        """Judge one trained Graph on the held-out notes, save it with its card and its early state."""
        from edgesynth.save import save
        from edgesynth.training.render import torch_render

        graph: Graph = done.graphs[name]
        path = self.out if len(done.graphs) == 1 else self.out.with_name(f"{self.out.name}-{name}")
        errors = model.evaluate(torch_render(graph), data)
        card = {
            "command": self._words(),
            "model": self.model,
            "config": self.config,
            "settings": list(self.set),
            "configuration": asdict(model),
            "data": self.data,
            "data_fingerprint": data.fingerprint,
            "notes": {s: data.splits.count(s) for s in ("train", "valid", "test")},
            "seed": self.seed,
            "steps": self.steps,
            "parameters": graph.parameter_count(),
            "training_seconds": seconds,
            "history": [dict(h) for h in done.history if "valid" in h],
        }
        save(
            done.snapshots[self.early][name],
            path.with_name(f"{path.name}-early"),
            {**card, "step": self.early},
        )
        save(
            graph,
            path,
            {**card, "step": self.steps, "held_out": errors, "floor": model.floor(graph, data)},
        )
        return {
            "saved": f"{path}.safetensors",
            "parameters": graph.parameter_count(),
            "MMAC/s": graph.macs_per_second() / 1e6,
            **errors,
        }

    def _words(self) -> str:
        """The command that trains this checkpoint."""
        words = [
            "edgesynth",
            "train",
            self.model,
            *(["--config", self.config] if self.config else []),
        ]
        words += ["--data", self.data, *(w for s in self.set for w in ("--set", s))]
        words += ["--steps", str(self.steps), "--early", str(self.early), "--lr", f"{self.lr:g}"]
        return shlex.join([*words, "--seed", str(self.seed), "-o", self.out.name])
