"""What makes a Graph well-formed; `verify` raises GraphError naming what is not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import KINDS, Graph, Node, Param, Port, Shape
from edgesynth.ops.base import Choice, Op

LAYOUTS = ("BTC", "BCT", "TBC", "BT", "TB")
_MISFIT = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


def verify(graph: Graph) -> None:
    """Check names, order, ops, attributes, slots, shapes, parameters, ports, masks and states.

    Raises GraphError with one line that names the first thing that does not hold.
    """
    _params(graph)
    made = _values(graph)
    for node in graph.nodes:
        check_node(node, graph.params)
    _shapes(graph)
    if graph.streaming:
        for node in graph.nodes:
            _states(graph, node, by_slot(node, graph.params))
    _ports(graph, made)
    _masks(graph)
    _all_used(graph)


def op_of(node: Node) -> Op:
    """The node's op; GraphError names node and op if there is none."""
    from edgesynth.ops import OPS

    if node.op not in OPS:
        raise GraphError(f"node {node.name!r}: no op {node.op!r}; there are {', '.join(OPS)}")
    return OPS[node.op]


def by_slot(node: Node, params: Mapping[str, Param]) -> dict[str, Param]:
    """The node's parameters by slot; GraphError names one that the Graph has not."""
    for slot, name in node.params.items():
        if name not in params:
            raise GraphError(f"node {node.name!r}: {slot} names no parameter {name!r}")
    return {slot: params[name] for slot, name in node.params.items()}


def node_shapes(
    node: Node, shapes: Mapping[str, Shape], params: Mapping[str, Param], streaming: bool = False
) -> tuple[Shape, ...]:
    """Output shapes by the node's op; a streaming node has no offset in time."""
    outputs = made_shapes(node, shapes, params)
    if len(outputs) != len(node.outputs):
        raise GraphError(f"node {node.name!r} has {len(node.outputs)} outputs, not {len(outputs)}")
    return tuple(replace(s, offset=0) for s in outputs) if streaming else outputs


def made_shapes(
    node: Node, shapes: Mapping[str, Shape], params: Mapping[str, Param]
) -> tuple[Shape, ...]:
    """What the node's op says its outputs are; the node's own outputs are not looked at."""
    op = op_of(node)
    try:
        return op.shapes(node, [shapes[v] for v in node.inputs], by_slot(node, params))
    except _MISFIT as e:
        raise GraphError(f"node {node.name!r} does not fit op {node.op!r}: {e!r}") from e


def check_node(node: Node, params: Mapping[str, Param]) -> None:
    """Check attributes and slots of one node against its op."""
    op = op_of(node)
    for attr in node.attrs:
        if attr not in op.attrs:
            raise GraphError(f"node {node.name!r}: op {node.op!r} has no attribute {attr!r}")
    for attr, kind in op.attrs.items():
        if attr not in node.attrs:
            raise GraphError(f"node {node.name!r}: attribute {attr!r} is missing")
        _attribute(node, attr, kind)
    slots = by_slot(node, params)
    known = {s.rstrip("?"): s for s in op.slots}
    for slot, param in slots.items():
        if slot not in known:
            raise GraphError(f"node {node.name!r}: op {node.op!r} has no slot {slot!r}")
        if param.format != "f32" and slot not in op.quantizable:
            raise GraphError(f"node {node.name!r}: {slot} may not be {param.format}")
    for slot, declared in known.items():
        if not declared.endswith("?") and slot not in slots:
            raise GraphError(f"node {node.name!r}: slot {slot!r} is empty")


def _attribute(node: Node, attr: str, kind: type | Choice) -> None:
    value = node.attrs[attr]
    where = f"node {node.name!r}: attribute {attr!r} is {value!r}"
    if isinstance(kind, Choice):
        if value not in kind.options:
            raise GraphError(f"{where}, not one of {', '.join(kind.options)}")
    elif type(value) is not kind:
        raise GraphError(f"{where}, not of type {kind.__name__}")
    elif kind is int and not -(2**31) <= int(value) < 2**32:
        raise GraphError(f"{where}, outside 32 bits")
    elif kind is float and not (math.isfinite(float(value)) and abs(float(value)) < 3.4e38):
        raise GraphError(f"{where}, not a finite 32-bit number")


def _unique(names: Iterable[str], what: str, graph: Graph) -> None:
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not name:
            raise GraphError(f"{what} of graph {graph.name!r} has no name: {name!r}")
        if name in seen:
            raise GraphError(f"{what} {name!r} comes twice in graph {graph.name!r}")
        seen.add(name)


def _params(graph: Graph) -> None:
    for name, param in graph.params.items():
        if not np.isfinite(param.array).all():
            raise GraphError(f"parameter {name!r} is not finite")
        scale = param.scale
        if scale is not None and not (np.isfinite(scale).all() and (scale >= 0).all()):
            raise GraphError(f"parameter {name!r} has a scale that is negative or not finite")


def _values(graph: Graph) -> set[str]:
    """Check names and order; gives the names of all values."""
    _unique((n.name for n in graph.nodes), "node", graph)
    inputs = [p.value for p in graph.inputs]
    _unique([*inputs, *(v for n in graph.nodes for v in n.outputs)], "value", graph)
    made = set(inputs)
    for node in graph.nodes:
        for value in node.inputs:
            if value not in made:
                raise GraphError(f"node {node.name!r} reads {value!r} before it is made")
        if not node.outputs:
            raise GraphError(f"node {node.name!r} makes no value")
        made.update(node.outputs)
    if made != set(graph.shapes):
        odd = sorted(made ^ set(graph.shapes))[0]
        raise GraphError(f"value {odd!r} is {'without shape' if odd in made else 'never made'}")
    for value, shape in graph.shapes.items():
        if len(shape.features) != 1 or shape.channels < 1 or shape.scale <= 0:
            raise GraphError(f"value {value!r} has features {shape.features}, scale {shape.scale}")
    return made


def _shapes(graph: Graph) -> None:
    for node in graph.nodes:
        expected = node_shapes(node, graph.shapes, graph.params, graph.streaming)
        for value, shape in zip(node.outputs, expected, strict=True):
            if graph.shapes[value] != shape:
                old = graph.shapes[value]
                raise GraphError(f"value {value!r} is {old}, node {node.name!r} makes {shape}")


def _ports(graph: Graph, made: set[str]) -> None:
    if not graph.outputs:
        raise GraphError(f"graph {graph.name!r} has no output port")
    _unique((p.name for p in graph.ports), "port", graph)
    for port in graph.ports:
        if port.direction not in ("in", "out") or port.kind not in KINDS:
            raise GraphError(f"port {port.name!r} is {port.direction!r}, {port.kind!r}")
        if port.value not in made:
            raise GraphError(f"port {port.name!r} points at no value {port.value!r}")
        channels = graph.shapes[port.value].channels
        if port.layout not in LAYOUTS or ("C" not in port.layout and channels != 1):
            raise GraphError(f"port {port.name!r}: layout {port.layout!r} on {channels} channels")
        _control(port)
    for value in made:
        graph.period(value)
    if graph.rate is not None and not 0 < graph.rate < math.inf:
        raise GraphError(f"graph {graph.name!r} has rate {graph.rate}")
    outs = {p.name for p in graph.outputs}
    for name, delay in graph.delays.items():
        if name not in outs or type(delay) is not int or delay < 0:
            raise GraphError(f"delay {delay!r} of {name!r}: no such output port, or no delay")


def _control(port: Port) -> None:
    numbers = [port.default, port.ramp, *(v for v in (port.low, port.high) if v is not None)]
    if not all(math.isfinite(v) for v in numbers) or port.ramp < 0:
        raise GraphError(f"port {port.name!r} has a range, default or ramp that is not a number")
    if port.low is not None and port.high is not None and port.low > port.high:
        raise GraphError(f"port {port.name!r}: low {port.low} is above high {port.high}")
    if port.kind == "control":
        low = -math.inf if port.low is None else port.low
        high = math.inf if port.high is None else port.high
        if not low <= port.default <= high:
            raise GraphError(f"port {port.name!r}: default {port.default} outside {low}…{high}")


def _masks(graph: Graph) -> None:
    for value, mask in graph.masks.items():
        if value not in graph.shapes:
            raise GraphError(f"mask on no value {value!r}")
        if mask.dtype != np.bool_ or mask.shape != graph.shapes[value].features[-1:]:
            raise GraphError(f"mask of value {value!r}: {mask.dtype}{mask.shape} does not fit")


def _states(graph: Graph, node: Node, slots: Mapping[str, Param]) -> None:
    specs = op_of(node).state(node, [graph.shapes[v] for v in node.inputs], slots)
    states = {s.slot: s for s in graph.states if s.node == node.name}
    if set(states) != set(specs):
        raise GraphError(f"node {node.name!r} has states {sorted(states)}, not {sorted(specs)}")
    for slot, spec in specs.items():
        state = states[slot]
        if state.shape != spec.shape or state.dtype != spec.dtype:
            raise GraphError(f"state {state.name!r} does not fit node {node.name!r}")


def _all_used(graph: Graph) -> None:
    used = {name for n in graph.nodes for name in n.params.values()}
    used |= {s.init for s in graph.states if s.init is not None}
    for name in sorted(set(graph.params) ^ used):
        raise GraphError(f"parameter {name!r} is {'used, not there' if name in used else 'unused'}")
    _unique((s.name for s in graph.states), "state", graph)
    nodes = {n.name for n in graph.nodes}
    for state in graph.states:
        if not graph.streaming or state.node not in nodes:
            raise GraphError(f"state {state.name!r} belongs to no streaming node {state.node!r}")
    if not graph.streaming and graph.delays:
        raise GraphError(f"graph {graph.name!r} has delays but is not streaming")
