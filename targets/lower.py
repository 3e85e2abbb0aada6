"""From a Graph to a Plan for one target: packed parameters, arena offsets, indices, manifest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgesynth.errors import ArtifactError, GraphError
from edgesynth.formats import FORMATS
from edgesynth.graph import Graph, MidiSource, Node, Param, Port
from edgesynth.ops import OPS
from edgesynth.ops.base import Choice, Op, Pack
from edgesynth.verify import verify
from targets.base import Target
from targets.manifest import manifest
from targets.memory import lifetimes, place
from targets.pack import pack
from targets.plan import Plan, PlanMidi, PlanNode, PlanParam, PlanPort, PlanState, PlanValue
from targets.records import CHUNK_LIMIT, NODE_VALUES, PARAM_ELEMENTS, STATE_ELEMENTS

PLAIN = Pack("plain")


def lower(graph: Graph, target: Target, chunk: int | None = None) -> Plan:
    """The Plan of `graph` (offline Graphs are streamed first) on `target`.

    chunk: frames per inner pass instead of the target's. GraphError names what cannot be lowered;
    ArtifactError says what the target has too little memory for.
    """
    graph = streamed(graph)
    verify(graph)
    chunk = target.chunk if chunk is None else chunk
    if not 1 <= chunk <= CHUNK_LIMIT:
        raise GraphError(f"chunk {chunk} does not lie in 1…{CHUNK_LIMIT}")
    fallbacks: list[str] = []
    if graph.rate and not target.native and graph.rate != target.rate:
        fallbacks.append(f"rate: the net runs at {graph.rate:g} Hz, {target.name} at {target.rate}")
    params = _Params(graph, fallbacks)
    values, index, arena = _values(graph, chunk)
    states = tuple(
        PlanState(
            s.dtype, int(np.prod(s.shape, dtype=np.int64)),
            None if s.init is None else params.add(s.init, PLAIN, False, s.name), s.name,
        )
        for s in graph.states
    )
    nodes = tuple(_node(graph, node, index, params) for node in graph.nodes)
    ports = tuple(_port(graph, p, index) for p in graph.inputs + graph.outputs)
    plan = Plan(
        rate=float(graph.rate or 0.0),
        chunk=chunk,
        latency=graph.latency,
        arena_floats=arena,
        hash=bytes.fromhex(graph.fingerprint()),
        values=values,
        params=tuple(params.packed),
        states=states,
        nodes=nodes,
        ports=ports,
        midi=tuple(_midi(graph, m, i) for i, p in enumerate(graph.inputs) for m in p.midi),
        manifest={},
    )
    _fits(plan, target)
    return replace(plan, manifest=manifest(plan, graph, target, fallbacks))


def streamed(graph: Graph) -> Graph:
    """The Graph in streaming form; GraphError where a mask shuts units that nobody cut."""
    for value, mask in graph.masks.items():
        if not mask.all():
            raise GraphError(f"graph {graph.name!r} has masked units in {value!r}: trim them first")
    if graph.streaming:
        return graph
    from edgesynth.stream import stream

    return stream(graph)


class _Params:
    """Packed parameters, one for each pair of parameter and layout in use."""

    def __init__(self, graph: Graph, fallbacks: list[str]) -> None:
        self.graph = graph
        self.fallbacks = fallbacks
        self.packed: list[PlanParam] = []
        self._known: dict[tuple[str, Pack, bool], int] = {}

    def add(self, name: str, how: Pack, quantizable: bool, user: str) -> int:
        """Index of parameter `name` laid out as `how`; codes widen to f32 where they must."""
        param = self.graph.params[name]
        widen = param.scale is not None and not quantizable
        if widen:
            self.fallbacks.append(f"{user}: {name} is stored as f32, not {param.format}")
            param = Param(param.values())
        key = (name, how, widen)
        if key not in self._known:
            self._known[key] = len(self.packed)
            self.packed.append(pack(param, how, name))
        return self._known[key]


def _values(graph: Graph, chunk: int) -> tuple[tuple[PlanValue, ...], dict[str, int], int]:
    names = list(dict.fromkeys(
        [p.value for p in graph.inputs] + [v for n in graph.nodes for v in n.outputs]
    ))
    index = {name: i for i, name in enumerate(names)}
    values = [PlanValue(graph.shapes[v].channels, graph.period(v), 0, v) for v in names]
    lives = lifetimes(
        [v.floats(chunk) for v in values],
        [([index[v] for v in n.inputs], [index[v] for v in n.outputs]) for n in graph.nodes],
        [index[p.value] for p in graph.inputs],
        [index[p.value] for p in graph.outputs],
    )
    offsets, arena = place(lives)
    placed = tuple(replace(v, offset=o) for v, o in zip(values, offsets, strict=True))
    return placed, index, arena


def _node(graph: Graph, node: Node, index: dict[str, int], params: _Params) -> PlanNode:
    op = OPS[node.op]
    slots: list[int | None] = []
    for slot in op.slots:
        slot = slot.rstrip("?")
        name = node.params.get(slot)
        how = op.pack.get(slot, PLAIN)
        quantizable = slot in op.quantizable
        slots.append(None if name is None else params.add(name, how, quantizable, node.name))
    if max(len(node.inputs), len(node.outputs)) > NODE_VALUES:
        raise GraphError(f"{node.name}: a node has at most {NODE_VALUES} inputs and outputs")
    slot_params = {slot: graph.params[name] for slot, name in node.params.items()}
    specs = op.state(node, [graph.shapes[v] for v in node.inputs], slot_params)
    own = {s.slot: i for i, s in enumerate(graph.states) if s.node == node.name}
    return PlanNode(
        op=op.id,
        period=graph.period(node.outputs[0]),
        inputs=tuple(index[v] for v in node.inputs),
        outputs=tuple(index[v] for v in node.outputs),
        params=tuple(slots),
        states=tuple(own[slot] for slot in specs),
        attrs=words(op, node),
        name=node.name,
    )


def words(op: Op, node: Node) -> tuple[int, ...]:
    """The node's attributes as unsigned 32-bit words, in artifact order."""
    found = []
    for name, kind in op.attrs.items():
        value = node.attrs[name]
        if isinstance(kind, Choice):
            found.append(kind.options.index(str(value)))
        elif kind is float:
            found.append(int(np.float32(value).view(np.uint32)))
        else:
            whole = int(value)
            if not -(2**31) <= whole < 2**32:
                raise GraphError(f"{node.name}: {name} = {whole} does not fit 32 bits")
            found.append(whole & 0xFFFFFFFF)
    return tuple(found)


def _port(graph: Graph, port: Port, index: dict[str, int]) -> PlanPort:
    shape = graph.shapes[port.value]
    if (port.low is None) != (port.high is None):
        raise GraphError(f"port {port.name}: give both ends of the range or none")
    if port.kind == "event" and port.direction == "out":
        raise GraphError(f"port {port.name}: events come in only")
    event, period = port.kind == "event", graph.period(port.value)
    if port.kind == "audio" and period != 1:
        raise GraphError(f"port {port.name}: audio steps every sample, not every {period}")
    return PlanPort(
        name=port.name,
        unit=port.unit,
        direction=port.direction,
        kind=port.kind,
        value=None if event else index[port.value],
        channels=0 if event else shape.channels,
        period=period,
        delay=graph.delays.get(port.name, 0) if port.direction == "out" else 0,
        low=_f32(port.low or 0.0),
        high=_f32(port.high or 0.0),
        default=_f32(port.default),
        ramp=_frames(graph, port.ramp, f"port {port.name}: ramp"),
    )


def _midi(graph: Graph, source: MidiSource, port: int) -> PlanMidi:
    what = f"port {graph.inputs[port].name}: {source.source}"
    return PlanMidi(
        source.source, source.number, port, _f32(source.low), _f32(source.high), _f32(source.off),
        _frames(graph, source.attack, f"{what} attack"),
        _frames(graph, source.release, f"{what} release"),
    )


def _f32(value: float) -> float:
    return float(np.float32(value))


def _frames(graph: Graph, seconds: float, what: str) -> int:
    """Seconds as frames of the clock; GraphError where the Graph has no rate."""
    if seconds < 0 or (seconds and not graph.rate):
        raise GraphError(f"{what} of {seconds} s: negative, or the graph has no rate")
    return round(seconds * (graph.rate or 0.0))


def _fits(plan: Plan, target: Target) -> None:
    """ArtifactError where arena, state and weights together pass the target's memory or disk."""
    for p in plan.params:
        if len(p.data) > PARAM_ELEMENTS * FORMATS[p.format].bytes:
            raise ArtifactError(f"parameter {p.name!r} is too large for the format")
    for s in plan.states:
        if s.elements > STATE_ELEMENTS:
            raise ArtifactError(f"state {s.name!r} has {s.elements} elements, too many")
    need = 4 * plan.arena_floats + plan.state_bytes + plan.weight_bytes
    if plan.arena_floats >= 2**32 or need > (target.ram_bytes or need):
        raise ArtifactError(
            f"the net needs {need} bytes of memory ({4 * plan.arena_floats} of them arena at chunk "
            f"{plan.chunk}); {target.name} has {target.ram_bytes}: take a smaller chunk or net"
        )
    if plan.weight_bytes > (target.disk_bytes or plan.weight_bytes):
        raise ArtifactError(
            f"the weights take {plan.weight_bytes} bytes; {target.name} stores {target.disk_bytes}"
        )
