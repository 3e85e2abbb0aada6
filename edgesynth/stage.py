"""What a stage is: Graph in, new Graph and a report out, its claims checked around it.

A stage is one frozen dataclass in `compress/<stage>.py`; the file's name is the stage's name.
Help stands on the fields: `keep: Annotated[float, "share of units to keep"] = 0.5`.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgesynth.errors import StageError
from edgesynth.graph import Graph
from edgesynth.progress import Progress, quiet
from edgesynth.verify import verify


@dataclass(frozen=True)
class Context:
    """What a stage may use besides its Graph.

    model, data: the `edgesynth.models.base.Model` and its data set, None for stages run on a bare
    Graph. early: the Graph at the rewind point, same structure as the recipe's first input.
    folder: where the run saves, None for nowhere. artifact: which of the model's graphs this is;
    others: the model's other graphs by artifact name, trained, which stay as they are.
    """

    model: Any = None
    data: Any = None
    early: Graph | None = None
    seed: int = 0
    folder: Path | None = None
    artifact: str = "decoder"
    others: Mapping[str, Graph] = field(default_factory=dict)
    progress: Progress = field(default=quiet)


@dataclass(frozen=True)
class Outcome:
    """A stage's result: the new Graph, what it says of itself (JSON-able), and the early Graph cut
    to the same structure, where there is one."""

    graph: Graph
    report: Mapping[str, Any]
    early: Graph | None = None


@dataclass(frozen=True)
class Stage(abc.ABC):
    """Base of every stage; pure: nothing of the input Graph changes."""

    def requires(self, graph: Graph, context: Context) -> None:
        """Raise StageError, naming what is missing, where the stage cannot run."""

    @abc.abstractmethod
    def run(self, graph: Graph, context: Context) -> Outcome:
        """Do the work."""

    def ensures(self, before: Graph, after: Outcome, context: Context) -> None:
        """Raise StageError where the result is not what the fields asked for."""

    def __call__(self, graph: Graph, context: Context | None = None) -> Outcome:
        """requires, run, verify, ensures."""
        context = context or Context()
        self.requires(graph, context)
        before = graph.fingerprint()
        outcome = self.run(graph, context)
        if graph.fingerprint() != before:
            raise StageError(f"{type(self).__name__} changed its input graph")
        verify(outcome.graph)
        self.ensures(graph, outcome, context)
        return outcome
