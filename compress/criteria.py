"""Importance of units: one function per criterion, picked up by its name.

A criterion takes (graph, groups, context, seed) and gives {group name: one score per unit},
higher is more important, for the groups that may be cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from compress.groups import Axis, Group
from edgesynth.errors import InputError, StageError
from edgesynth.graph import Graph
from edgesynth.stage import Context

Scores = dict[str, np.ndarray]
Criterion = Callable[[Graph, Sequence[Group], Context, int], Scores]


def magnitude(graph: Graph, found: Sequence[Group], context: Context, seed: int) -> Scores:
    """Sum of |w| over a unit's incoming weights (Esling et al., "Diet deep generative audio models
    with structured lottery", DAFx 2020, section 3.1): rows of matrices and kernels, all gates of a
    recurrent unit."""
    scores = {}
    for group in _cuttable(found):
        total = np.zeros(group.size)
        for name, positions in _incoming(graph, group):
            array = np.abs(graph.params[name].values().astype(np.float64))
            per_row = array.reshape(len(array), -1).sum(axis=1)
            total += per_row[positions].sum(axis=1)
        scores[group.name] = total
    return scores


def activation(graph: Graph, found: Sequence[Group], context: Context, seed: int) -> Scores:
    """Sum of |value| of a unit over the whole validation split (same paper): the last value of
    its group in graph order, so after norm and activation. Needs a model and data."""
    from compress.watch import sums

    if context.model is None or context.data is None:
        raise StageError("criterion activation needs a model and data; magnitude needs none")
    heard = {group.name: group.values[-1] for group in _cuttable(found)}
    total = sums(graph, frozenset(heard.values()), context)
    return {
        group.name: total[heard[group.name]][
            group.members[Axis("value", heard[group.name])]
        ].sum(axis=1)
        for group in _cuttable(found)
    }


def random(graph: Graph, found: Sequence[Group], context: Context, seed: int) -> Scores:
    """Uniform scores: the control that every other criterion has to beat."""
    draw = np.random.default_rng([seed % 2**32, context.seed % 2**32])
    return {group.name: draw.random(group.size) for group in _cuttable(found)}


CRITERIA: dict[str, Criterion] = {f.__name__: f for f in (magnitude, activation, random)}
SCALES = ("none", "max", "dimension")


def scaled(scores: Scores, scale: str, graph: Graph, found: Sequence[Group]) -> Scores:
    """Scores made comparable between groups: divided by the group's largest ("max") or by the
    number of weights that come into a unit ("dimension"), or as they are ("none")."""
    if scale == "none":
        return scores
    if scale == "max":
        return {k: v / (v.max() if v.max() > 0 else 1.0) for k, v in scores.items()}
    if scale != "dimension":
        raise InputError(f"scale {scale!r} is not one of {', '.join(SCALES)}")
    fan = {
        g.name: sum(
            positions.shape[1] * graph.params[name].array[0].size
            for name, positions in _incoming(graph, g)
        )
        for g in _cuttable(found)
    }
    return {k: v / max(fan[k], 1) for k, v in scores.items()}


def _cuttable(found: Sequence[Group]) -> list[Group]:
    return [g for g in found if not g.fixed]


def _incoming(graph: Graph, group: Group) -> list[tuple[str, np.ndarray]]:
    """(weight, rows of each unit): what makes the group's units, biases and gains left out."""
    return [
        (name, positions)
        for name, axis, positions in group.params()
        if axis == 0 and graph.params[name].array.ndim >= 2
    ]
