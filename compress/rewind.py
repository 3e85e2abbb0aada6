"""One round of a lottery: trim, put the survivors back to a stored state, train again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np

from compress.cut import cut
from compress.groups import groups
from compress.trim import Trim, alike
from edgesynth.errors import StageError
from edgesynth.graph import Graph
from edgesynth.stage import Context, Outcome, Stage
from edgesynth.train import Schedule, train

Rewind = Literal["weight", "lr", "none", "reinit"]


@dataclass(frozen=True)
class Round(Stage):
    """Trim, rewind, retrain; `compress.ticket` chains rounds."""

    trim: Annotated[Trim, "which units go"]
    schedule: Annotated[Schedule, "how the survivors train"]
    rewind: Annotated[Rewind, "what the survivors start from"] = "weight"

    def requires(self, graph: Graph, context: Context) -> None:
        if context.model is None or context.data is None:
            raise StageError("ticket trains: it needs a model and its data")
        if self.rewind == "weight" and context.early is None:
            raise StageError(
                "rewind = \"weight\" needs the model's early state; use rewind = \"lr\" without one"
            )

    def run(self, graph: Graph, context: Context) -> Outcome:
        trimmed = self.trim(graph, context)
        begin = self._begin(graph, trimmed, context)
        trained = train(
            context.model,
            {context.artifact: begin} | {k: frozen(g) for k, g in context.others.items()},
            context.data,
            self.schedule,
            seed=context.seed,
            folder=None if context.folder is None else context.folder / "training",
            snapshots=(self.schedule.start,),
            progress=context.progress,
        )
        started = trained.snapshots[self.schedule.start][context.artifact]
        if not equal_bits(started, begin):
            raise StageError("training did not start from the rewound weights")
        report = {
            **{k: trimmed.report[k] for k in ("units", "parameters", "macs_per_second", "groups")},
            "moved": trimmed.report["moved"],
            "kept": trimmed.report["kept"],
            "steps": self.schedule.steps - self.schedule.start,
            "begin": begin.fingerprint(),
            "history": [dict(entry) for entry in trained.history],
        }
        return Outcome(trained.graphs[context.artifact], report, trimmed.early)

    def ensures(self, before: Graph, after: Outcome, context: Context) -> None:
        stay = {name: np.array(index) for name, index in after.report["kept"].items()}
        stored = {"weight": context.early, "lr": before, "none": before}.get(self.rewind)
        if stored is not None:
            expected = cut(stored, groups(stored), stay)
            if expected.fingerprint() != after.report["begin"]:
                raise StageError("the rewound weights differ from the stored ones")

    def _begin(self, graph: Graph, trimmed: Outcome, context: Context) -> Graph:
        """The Graph that training starts from."""
        if self.rewind == "weight":
            assert trimmed.early is not None
            return trimmed.early
        if self.rewind != "reinit":
            return trimmed.graph
        fresh: Graph = context.model.build(fresh_seed(context.seed))[context.artifact]
        if not alike(fresh, graph):
            raise StageError(
                "rewind = \"reinit\" needs a graph as the model builds it; put ticket before fold "
                "and trim"
            )
        stay = {name: np.array(index) for name, index in trimmed.report["kept"].items()}
        return cut(fresh, groups(fresh), stay)


def fresh_seed(seed: int) -> int:
    """The seed of a re-initialised net: far from those that dense nets are trained with."""
    return 1_000_003 + seed


def frozen(graph: Graph) -> Graph:
    """The Graph with no parameter trainable."""
    return replace(
        graph, params={name: replace(p, trainable=False) for name, p in graph.params.items()}
    )


def equal_bits(a: Graph, b: Graph) -> bool:
    """Whether two Graphs hold the same parameter values, bit for bit."""
    pairs: list[tuple[Any, Any]] = [(a.params[name], b.params.get(name)) for name in a.params]
    return a.params.keys() == b.params.keys() and all(
        p.shape == q.shape and p.values().tobytes() == q.values().tobytes() for p, q in pairs
    )
