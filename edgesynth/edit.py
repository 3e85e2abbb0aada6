"""The functions that make changed Graphs; shapes are always inferred anew, nothing is mutated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Attr, Graph, Node, Param, Port, Shape
from edgesynth.verify import check_node, node_shapes, op_of

Kept = Mapping[int, Sequence[int]]
"""Axis -> the positions kept on it, in the order given."""


def build(
    name: str,
    nodes: Iterable[Node],
    params: Mapping[str, Param],
    ports: Iterable[Port],
    inputs: Mapping[str, Shape],
    rate: float | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Graph:
    """A Graph from its parts: `inputs` gives the Shape of each input port's value.

    Integers given for float attributes become floats. GraphError names the node that misfits;
    `edgesynth.verify` checks the rest.
    """
    nodes = tuple(typed(n) for n in nodes)
    shapes = infer(nodes, params, inputs)
    return Graph(name, nodes, params, tuple(ports), shapes, rate=rate, meta=meta or {})


def infer(
    nodes: Iterable[Node],
    params: Mapping[str, Param],
    inputs: Mapping[str, Shape],
    streaming: bool = False,
) -> dict[str, Shape]:
    """Every value's Shape, from the inputs' and what the ops say."""
    shapes = dict(inputs)
    for node in nodes:
        check_node(node, params)
        for value in node.inputs:
            if value not in shapes:
                raise GraphError(f"node {node.name!r} reads {value!r} before it is made")
        shapes |= zip(node.outputs, node_shapes(node, shapes, params, streaming), strict=True)
    return shapes


def with_param(graph: Graph, name: str, param: Param) -> Graph:
    """The Graph with one parameter replaced."""
    return with_params(graph, {name: param})


def with_params(graph: Graph, params: Mapping[str, Param]) -> Graph:
    """The Graph with some parameters replaced (their format may change); others stay."""
    for name in params:
        if name not in graph.params:
            raise GraphError(f"no parameter {name!r} in graph {graph.name!r}")
    return _again(graph, params={**graph.params, **params})


def with_nodes(
    graph: Graph,
    nodes: Iterable[Node],
    params: Mapping[str, Param] | None = None,
    ports: Iterable[Port] | None = None,
) -> Graph:
    """The Graph with other nodes, and other parameters and ports where given; parameters that no
    node uses any more go. Input values keep their shapes; masks of values that went, go."""
    nodes = tuple(typed(n) for n in nodes)
    used = {name for n in nodes for name in n.params.values()}
    pool = graph.params if params is None else params
    kept = {k: v for k, v in pool.items() if k in used}
    return _again(
        graph, nodes=nodes, params=kept, ports=graph.ports if ports is None else tuple(ports)
    )


def set_attr(graph: Graph, node: str, **attrs: Attr) -> Graph:
    """The Graph with attributes of one node changed."""
    old = graph.node(node)
    new = replace(old, attrs={**old.attrs, **attrs})
    return with_nodes(graph, [new if n is old else n for n in graph.nodes])


def with_masks(graph: Graph, masks: Mapping[str, Any]) -> Graph:
    """The Graph with exactly these unit masks; True is alive."""
    arrays = {}
    for value, mask in masks.items():
        array = np.array(mask, dtype=bool)
        if value not in graph.shapes or array.shape != graph.shapes[value].features[-1:]:
            raise GraphError(f"mask of {array.shape} on value {value!r} does not fit")
        array.setflags(write=False)
        arrays[value] = array
    return replace(graph, masks=arrays)


def with_meta(graph: Graph, **meta: Any) -> Graph:
    """The Graph with some notes added or changed."""
    return replace(graph, meta={**graph.meta, **meta})


def rename(graph: Graph, name: str) -> Graph:
    """The Graph under another name."""
    return replace(graph, name=name)


def cut(
    graph: Graph,
    params: Mapping[str, Kept],
    attrs: Mapping[str, Mapping[str, Attr]] | None = None,
    values: Mapping[str, Sequence[int]] | None = None,
) -> Graph:
    """The Graph with fewer channels.

    params: parameter -> axis -> kept positions. attrs: node -> attributes that change with it
    (a slice's start_channel and length, a convolution's groups). values: value -> kept channels,
    which slices masks and the shapes of graph inputs; every masked value that shrinks must stand
    there. Shapes are inferred anew; GraphError names a node that no longer fits.
    """
    if graph.streaming:
        raise GraphError(f"graph {graph.name!r} is streaming; cut the offline graph")
    values, attrs = values or {}, attrs or {}
    for name in (*params, *attrs, *values):
        if name not in graph.params and name not in graph.shapes:
            graph.node(name)
    new_params = dict(graph.params)
    for name, kept in params.items():
        if name not in graph.params:
            raise GraphError(f"no parameter {name!r} in graph {graph.name!r}")
        new_params[name] = _sliced(name, graph.params[name], kept)
    nodes = [typed(replace(n, attrs={**n.attrs, **attrs.get(n.name, {})})) for n in graph.nodes]
    shapes = dict(graph.shapes)
    masks = dict(graph.masks)
    for value, kept_channels in values.items():
        index = _index(value, kept_channels, graph.shapes[value].channels)
        shapes[value] = replace(graph.shapes[value], features=(len(index),))
        if value in masks:
            masks[value] = masks[value][index]
    inputs = {p.value: shapes[p.value] for p in graph.inputs}
    made = infer(nodes, new_params, inputs)
    for value in (*values, *masks):
        size = masks[value].size if value in masks else shapes[value].channels
        if made[value].channels != size:
            raise GraphError(f"value {value!r} has {made[value].channels} channels, {size} asked")
    done = replace(graph, nodes=tuple(nodes), params=new_params, shapes=made, masks={})
    return with_masks(done, masks)


def drop_dead(graph: Graph) -> Graph:
    """The Graph without nodes that no output needs, and without their parameters; ports stay."""
    needed = {p.value for p in graph.outputs}
    alive: list[Node] = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            alive.append(node)
            needed.update(node.inputs)
    return with_nodes(graph, reversed(alive))


def _again(graph: Graph, **changes: Any) -> Graph:
    """`replace` with shapes inferred anew and masks, states of what is gone left out."""
    new = replace(graph, **changes)
    inputs = {p.value: graph.shapes[p.value] for p in new.inputs if p.value in graph.shapes}
    shapes = infer(new.nodes, new.params, inputs, graph.streaming)
    names = {n.name for n in new.nodes}
    masks = {v: m for v, m in graph.masks.items() if v in shapes}
    states = tuple(s for s in graph.states if s.node in names)
    return with_masks(replace(new, shapes=shapes, states=states), masks)


def typed(node: Node) -> Node:
    """The node with integers given for float attributes made floats."""
    kinds = op_of(node).attrs
    attrs = {
        k: float(v) if kinds.get(k) is float and type(v) is int else v
        for k, v in node.attrs.items()
    }
    return replace(node, attrs=attrs)


def _index(name: str, kept: Sequence[int], size: int) -> np.ndarray:
    index = np.asarray(list(kept), dtype=np.int64)
    if not index.size or index.min() < 0 or index.max() >= size:
        raise GraphError(f"{name!r}: kept positions must be some of 0…{size - 1}")
    if np.unique(index).size != index.size:
        raise GraphError(f"{name!r}: a kept position comes twice")
    return index


def _sliced(name: str, param: Param, kept: Kept) -> Param:
    array, scale = param.array, param.scale
    for axis, positions in kept.items():
        if not 0 <= axis < array.ndim:
            raise GraphError(f"parameter {name!r} has no axis {axis}")
        index = _index(name, positions, array.shape[axis])
        array = np.take(array, index, axis=axis)
        if axis == 0 and scale is not None:
            scale = scale[index]
    return Param(array, param.format, scale, param.trainable)
