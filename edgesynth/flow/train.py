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
    steps: Annotated[int, "training steps"] = 8000
    early: Annotated[int, "step whose weights are kept as the rewind point"] = 500
    lr: Annotated[float, "highest learning rate"] = 1e-3
    seed: Annotated[int, "seed of weights, batches and noise"] = 0

    def run(self, ui: UI) -> Table:
        from edgesynth.data import load as load_data
        from edgesynth.save import save
        from edgesynth.train import Schedule, train

        if not 0 <= self.early < self.steps:
            raise InputError(f"--early {self.early}: at least 0 and below --steps {self.steps}")
        model = find_model(self.model, self.config, self.set)
        rate, hop = model.data_rate()
        data = load_data(self.data, rate, hop, seed=0, cache=cache_folder(), progress=ui.progress)
        ui.say(str(data.report))
        folder = self.out.with_name(f"{self.out.name}-run")
        begun = time.monotonic()
        with one_thread():
            graphs = {k: self._named(g, model) for k, g in model.build(self.seed).items()}
            schedule = Schedule(self.steps, lr=self.lr)
            done = train(model, graphs, data, schedule, self.seed, folder=folder, snapshots=(self.early,), progress=ui.progress)
            rows = []
            for name, graph in done.graphs.items():
                errors = score(model, graph, data)
                path = self.out if len(done.graphs) == 1 else self.out.with_name(f"{self.out.name}-{name}")
                card = self._card(model, data, graph, errors, done, time.monotonic() - begun)
                save(done.snapshots[self.early][name], path.with_name(f"{path.name}-early"), card | {"step": self.early, "held_out": {}})
                save(graph, path, card)
                rows.append({"saved": f"{path}.safetensors", "parameters": graph.parameter_count(),
                             "MMAC/s": graph.macs_per_second() / 1e6, **errors})
        return Table(tuple(rows[0]), rows)

    def _named(self, graph: Graph, model: Model) -> Graph:
        """The Graph with notes of what it is, so that its Model can be found again."""
        notes = {"model": self.model, "configuration": self.config, "settings": asdict(model)}
        return replace(graph, meta={**graph.meta, **notes})

    def _card(self, model: Model, data: Any, graph: Graph, errors: dict[str, float], done: Any, seconds: float) -> dict[str, Any]:
        words = ["edgesynth", "train", self.model, "--data", self.data]
        words += ["--config", self.config] if self.config else []
        words += [w for s in self.set for w in ("--set", s)]
        words += ["--steps", str(self.steps), "--early", str(self.early), "--lr", f"{self.lr:g}",
                  "--seed", str(self.seed), "--out", str(self.out)]
        return {
            "command": shlex.join(words), "step": self.steps, "seed": self.seed, "data": self.data,
            "data_fingerprint": getattr(data, "fingerprint", ""), "parameters": graph.parameter_count(),
            "held_out": errors, "training_seconds": round(seconds), "history": [dict(h) for h in done.history if "valid" in h],
        }


def score(model: Model, graph: Graph, data: Any, split: str = "test") -> dict[str, float]:
    """Held-out errors of the float Graph in torch, delay-free."""
    return model.evaluate(torch_render(graph), data, split)


def torch_render(graph: Graph) -> Any:
    """render(ports) -> ports of `Model.evaluate`, by the offline torch view with the runtime's noise."""
    import numpy as np
    import torch

    module = graph.module(random="counter")

    def render(ports: dict[str, Any]) -> dict[str, Any]:
        given = [torch.from_numpy(np.asarray(ports[p.name], np.float32))[None, :, None] for p in graph.inputs]
        with torch.no_grad():
            out = module(*given)
        outs = out if isinstance(out, tuple) else (out,)
        return {p.name: o.numpy().reshape(-1) for p, o in zip(graph.outputs, outs)}

    return render


def cache_folder() -> Path:
    """Where analysed data is kept between runs."""
    import os

    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "edgesynth"
