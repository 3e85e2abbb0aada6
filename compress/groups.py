"""Channel groups: which channels of a Graph live and die together, and which may be cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgesynth.graph import Graph, Node
from edgesynth.ops import OPS
from edgesynth.ops.base import Span, Ties


class Axis(NamedTuple):
    """One axis that positions lie on: a value's channels (axis -1), or a parameter's axis."""

    kind: str
    name: str
    axis: int = -1


@dataclass(frozen=True, eq=False)
class Group:
    """Equal units: cutting unit u removes `members[axis][u]` from every axis.

    name: the first node that makes one of its values (the graph input where there is none).
    members: axis -> positions, int array (units, positions per unit), ascending within a unit.
    fixed: why its units may never be cut, "" where they may.
    """

    name: str
    members: Mapping[Axis, np.ndarray]
    fixed: str

    @property
    def size(self) -> int:
        """Number of units."""
        return len(next(iter(self.members.values())))

    @property
    def signature(self) -> tuple[tuple[Axis, int], ...]:
        """What one unit touches, and how often; names the same units before and after a cut."""
        return tuple((axis, table.shape[1]) for axis, table in self.members.items())

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values it has channels in, in graph order."""
        return tuple(a.name for a in self.members if a.kind == "value")

    def params(self) -> Iterator[tuple[str, int, np.ndarray]]:
        """(parameter, axis, positions of each unit) over all its parameters."""
        for axis, positions in self.members.items():
            if axis.kind == "param":
                yield axis.name, axis.axis, positions


def groups(graph: Graph) -> tuple[Group, ...]:
    """Every channel group of `graph`, fixed ones included, in graph order.

    Channels are tied by the ops (`Op.ties`) and by sharing a parameter; ports and parameters that
    are not trainable are never cut.
    """
    axes = _axes(graph)
    start = dict(zip(axes, np.cumsum([0, *axes.values()])[:-1].tolist(), strict=True))
    total = sum(axes.values())
    parent = list(range(total))
    why = [""] * total
    for node in graph.nodes:
        ties = _ties(graph, node)
        for spans in ties.sets:
            bases = [_base(node, span, start) for span in spans]
            for base in bases[1:]:
                for i in range(spans[0].length):
                    _join(parent, bases[0] + i, base + i)
        for span in ties.fixed:
            base = _base(node, span, start)
            why[base : base + span.length] = [f"{node.op} {node.name}"] * span.length
    for port in graph.ports:
        axis = Axis("value", port.value)
        why[start[axis] : start[axis] + axes[axis]] = [f"port {port.name}"] * axes[axis]
    for axis, size in axes.items():
        if axis.kind == "param" and not graph.params[axis.name].trainable:
            why[start[axis] : start[axis] + size] = [f"fixed parameter {axis.name}"] * size
    return _collect(graph, axes, parent, why)


def _ties(graph: Graph, node: Node) -> Ties:
    shapes = [graph.shapes[v] for v in node.inputs]
    params = {slot: graph.params[name] for slot, name in node.params.items()}
    return OPS[node.op].ties(node, shapes, params)


def _axes(graph: Graph) -> dict[Axis, int]:
    """Every axis with its length: values in graph order, then parameters as nodes use them."""
    made = [p.value for p in graph.inputs] + [v for n in graph.nodes for v in n.outputs]
    axes = {Axis("value", v): graph.shapes[v].features[-1] for v in made}
    for node in graph.nodes:
        for name in node.params.values():
            for i, size in enumerate(graph.params[name].shape):
                axes[Axis("param", name, i)] = size
    return axes


def _base(node: Node, span: Span, start: Mapping[Axis, int]) -> int:
    """Index of a span's first position."""
    if span.kind == "param":
        return start[Axis("param", node.params[str(span.key)], span.axis)] + span.start
    values = node.inputs if span.kind == "in" else node.outputs
    return start[Axis("value", values[int(span.key)])] + span.start


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _join(parent: list[int], a: int, b: int) -> None:
    """Make the sets of `a` and `b` one; the smaller index leads."""
    a, b = _root(parent, a), _root(parent, b)
    if a != b:
        parent[max(a, b)] = min(a, b)


def _collect(
    graph: Graph, axes: Mapping[Axis, int], parent: list[int], why: list[str]
) -> tuple[Group, ...]:
    """Units (connected positions) that touch the same axes equally often, as Groups."""
    units: dict[int, list[tuple[Axis, int]]] = {}
    reason: dict[int, str] = {}
    index = 0
    for axis, size in axes.items():
        for position in range(size):
            root = _root(parent, index)
            units.setdefault(root, []).append((axis, position))
            if why[index]:
                reason.setdefault(root, why[index])
            index += 1
    alike: dict[tuple[tuple[Axis, ...], str], list[list[int]]] = {}
    for root, places in units.items():
        if all(axis.kind == "param" for axis, _ in places):
            continue  # an axis that no channel lies on: taps of a kernel
        key = tuple(axis for axis, _ in places), reason.get(root, "")
        alike.setdefault(key, []).append([position for _, position in places])
    taken: dict[str, int] = {}
    found = []
    for (places_axes, fixed), rows in alike.items():
        table = np.array(rows, dtype=np.int64)
        members = {
            axis: table[:, [i for i, a in enumerate(places_axes) if a == axis]]
            for axis in dict.fromkeys(places_axes)
        }
        name = _name(graph, next(iter(members)))
        taken[name] = taken.get(name, 0) + 1
        unique = name if taken[name] == 1 else f"{name}.{taken[name]}"
        found.append(Group(unique, members, fixed))
    return tuple(found)


def _name(graph: Graph, axis: Axis) -> str:
    producer = graph.producer(axis.name)
    return axis.name if producer is None else producer.name
