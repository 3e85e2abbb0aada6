"""Remove units of channel groups from a Graph, or mask them: two ways to the same sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compress.groups import Axis, Group
from edgesynth import edit
from edgesynth.errors import StageError
from edgesynth.graph import Attr, Graph, Node

Kept = Mapping[str, np.ndarray]
"""Group name -> indices of the units that stay; a group that is not named stays whole."""


def cut(graph: Graph, found: Sequence[Group], kept: Kept) -> Graph:
    """`graph` without the units that `kept` leaves out: arrays shrink, attributes follow.

    found: `groups(graph)`. StageError for an unknown or fixed group, or one left empty.
    """
    alive = {axis: np.flatnonzero(mask) for axis, mask in _alive(graph, found, kept).items()}
    params: dict[str, dict[int, list[int]]] = {}
    values: dict[str, list[int]] = {}
    for axis, index in alive.items():
        if axis.kind == "param":
            params.setdefault(axis.name, {})[axis.axis] = index.tolist()
        else:
            values[axis.name] = index.tolist()
    attrs = {node.name: changed for node in graph.nodes if (changed := _attrs(graph, node, alive))}
    return edit.cut(graph, params=params, attrs=attrs, values=values)


def mask(graph: Graph, found: Sequence[Group], kept: Kept) -> Graph:
    """`graph` with masks on every value of the units that `kept` leaves out: it computes what
    `cut` computes, at full size. Masks that it has stay as well."""
    alive = _alive(graph, found, kept)
    masks = {axis.name: m for axis, m in alive.items() if axis.kind == "value"}
    both = {v: m & masks.get(v, True) for v, m in graph.masks.items()}
    return edit.with_masks(graph, masks | both)


def _alive(graph: Graph, found: Sequence[Group], kept: Kept) -> dict[Axis, np.ndarray]:
    """Axis -> bool over its positions, for every axis that loses any."""
    by_name = {g.name: g for g in found}
    alive: dict[Axis, np.ndarray] = {}
    for name, units in kept.items():
        if name not in by_name:
            raise StageError(f"no channel group {name!r}")
        group = by_name[name]
        dead = np.setdiff1d(np.arange(group.size), units)
        if not dead.size:
            continue
        if group.fixed:
            raise StageError(f"group {name!r} is fixed by {group.fixed}")
        if dead.size == group.size:
            raise StageError(f"group {name!r} would lose all its {group.size} units")
        for axis, positions in group.members.items():
            if axis not in alive:
                alive[axis] = np.ones(_length(graph, axis), dtype=bool)
            alive[axis][positions[dead].ravel()] = False
    return alive


def _length(graph: Graph, axis: Axis) -> int:
    if axis.kind == "param":
        return graph.params[axis.name].shape[axis.axis]
    return graph.shapes[axis.name].features[-1]


def _attrs(graph: Graph, node: Node, alive: Mapping[Axis, np.ndarray]) -> dict[str, Attr]:
    """The attributes of `node` that follow from the channels left of its first input."""
    index = alive.get(Axis("value", node.inputs[0]))
    if index is None:
        return {}
    if node.op == "slice":
        first, length = int(node.attrs["start_channel"]), int(node.attrs["length"])
        inside = int(np.count_nonzero((index >= first) & (index < first + length)))
        return {"start_channel": int(np.count_nonzero(index < first)), "length": inside}
    if node.op == "conv1d" and node.attrs["groups"] != 1:
        name = node.params["weight"]
        reads = alive.get(Axis("param", name, 1))
        width = graph.params[name].shape[1] if reads is None else len(reads)
        return {"groups": len(index) // width}
    return {}
