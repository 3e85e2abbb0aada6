"""Sums of |value| per channel while a model runs over its validation data."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from edgesynth.errors import StageError
from edgesynth.graph import Graph
from edgesynth.stage import Context


def sums(graph: Graph, values: Collection[str], context: Context) -> dict[str, np.ndarray]:
    """{value: float64 sum of |value| over batch, time and every validation batch, per channel}.

    The model's loss drives the graph as it does in training; nothing is trained.
    """
    import torch

    from edgesynth.module import GraphModule

    numbers = {node.name: node.outputs for node in graph.nodes}
    total = {v: torch.zeros(graph.shapes[v].channels, dtype=torch.float64) for v in values}

    class Watched(GraphModule):
        """Adds up what the graph computes."""

        def _keep(self, step: Any, made: list[Any], outputs: Any) -> None:
            super()._keep(step, made, outputs)
            for value, index in zip(numbers[step.node.name], step.outputs, strict=True):
                if value in total:
                    total[value] += made[index].detach().abs().double().sum(dim=(0, 1))

    modules: dict[str, Any] = {name: other.module() for name, other in context.others.items()}
    modules[context.artifact] = Watched(graph)
    batches = list(context.model.batches(context.data, "valid"))
    if not batches:
        raise StageError("the validation split is empty: give more data, or use magnitude")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for done, batch in enumerate(batches):
            context.progress("listening to units", done, len(batches))
            context.model.loss(modules, batch)
        context.progress("listening to units", len(batches), len(batches))
    return {value: array.numpy() for value, array in total.items()}
