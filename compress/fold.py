"""Fold: constants and gains multiplied into neighbouring weights, where that is exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated

from compress.affine import Rewrite, after_producer, before_consumer, merged, norm_gain
from compress.trim import alike
from edgesynth import edit
from edgesynth.errors import StageError
from edgesynth.graph import Graph
from edgesynth.stage import Context, Outcome, Stage

RULES: tuple[Callable[[Graph], Iterator[Rewrite]], ...] = (
    merged, after_producer, before_consumer, norm_gain,
)


@dataclass(frozen=True)
class Fold(Stage):
    """Remove arithmetic that a neighbouring linear, conv1d, gru or layer_norm can do in its own
    weights: constants that multiply or add, and the gain and bias of a layer_norm before a linear.
    Equal up to rounding; nothing is folded across a mask, an output port or a shared parameter,
    nor where more values would be stored than before."""

    norms: Annotated[
        bool, "fold a layer_norm's gain and bias into the linear, gru or conv1d after it"
    ] = True

    def requires(self, graph: Graph, context: Context) -> None:
        if graph.streaming:
            raise StageError(f"graph {graph.name!r} is streaming; fold it before it is streamed")
        if context.early is not None and not alike(graph, context.early):
            raise StageError("the early graph has another structure than the graph to be folded")

    def run(self, graph: Graph, context: Context) -> Outcome:
        after, done = self._folded(graph)
        early = None if context.early is None else self._folded(context.early)[0]
        report = {
            "folded": done,
            "nodes": {"before": len(graph.nodes), "after": len(after.nodes)},
            "parameters": {"before": graph.parameter_count(), "after": after.parameter_count()},
        }
        return Outcome(after, report, early)

    def ensures(self, before: Graph, after: Outcome, context: Context) -> None:
        if after.graph.parameter_count() > before.parameter_count():
            raise StageError("folding stored more values than before")
        if [p.name for p in after.graph.ports] != [p.name for p in before.ports]:
            raise StageError("folding changed the ports")
        if after.early is not None and not alike(after.graph, after.early):
            raise StageError("the early graph did not fold like the graph: a constant near zero?")

    def _folded(self, graph: Graph) -> tuple[Graph, list[str]]:
        """Apply rewrites until none is left; the Graph and a line for each."""
        done: list[str] = []
        rules = RULES if self.norms else RULES[:-1]
        while True:
            rewrite = next((r for rule in rules for r in rule(graph)), None)
            if rewrite is None:
                return graph, done
            graph = _apply(graph, rewrite)
            done.append(rewrite.told)


def _apply(graph: Graph, rewrite: Rewrite) -> Graph:
    nodes = [
        rewrite.nodes.get(n.name, n) for n in graph.nodes if n.name not in rewrite.gone
    ]
    return replace(
        edit.with_nodes(graph, nodes, params={**graph.params, **rewrite.params}), meta=graph.meta
    )
