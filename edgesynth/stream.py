"""Offline Graph to streaming Graph: explicit state, delays summed and evened out."""

from __future__ import annotations

from dataclasses import replace

from edgesynth.edit import infer
from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, State
from edgesynth.ops import OPS
from edgesynth.verify import by_slot, verify


def stream(graph: Graph) -> Graph:
    """The Graph that computes the same step by step, its outputs `delays` clock samples late.

    Where inputs of one node differ in delay, `delay` nodes hold the earlier ones back. A node's
    `start` is the first step at which its inputs count. GraphError names an op that cannot stream.
    """
    if graph.streaming:
        raise GraphError(f"graph {graph.name!r} is streaming already")
    line = _Line(graph)
    for node in graph.nodes:
        line.add(node)
    shapes = infer(line.nodes, graph.params, line.inputs, streaming=True)
    states = []
    for node in line.nodes:
        slots = by_slot(node, graph.params)
        specs = OPS[node.op].state(node, [shapes[v] for v in node.inputs], slots)
        states += [
            State(f"{node.name}.{slot}", node.name, slot, s.shape, s.dtype, s.init)
            for slot, s in specs.items()
        ]
    streaming = replace(
        graph,
        nodes=tuple(line.nodes),
        shapes=shapes,
        masks=line.masks,
        streaming=True,
        states=tuple(states),
        delays={p.name: line.delays[p.value] for p in graph.outputs},
    )
    verify(streaming)
    return streaming


class _Line:
    """Nodes in the making; `delays` is every value's delay in clock samples."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self.inputs = {p.value: replace(graph.shapes[p.value], offset=0) for p in graph.inputs}
        self.delays = dict.fromkeys(self.inputs, 0)
        self.masks = dict(graph.masks)
        self.names = {n.name for n in graph.nodes} | set(graph.shapes)

    def add(self, node: Node) -> None:
        """Append `node`, its inputs brought to one delay."""
        graph, op = self.graph, OPS[node.op]
        due = max(self.delays[v] for v in node.inputs)
        inputs = tuple(self.held(node, v, due) for v in node.inputs)
        attrs = dict(node.attrs)
        if "start" in op.attrs:
            attrs["start"] = self.steps(node, node.inputs[0], due)
        node = replace(node, inputs=inputs, attrs=attrs)
        shapes = [graph.shapes[self.source(v)] for v in inputs]
        try:
            lag = op.delay(node, shapes, by_slot(node, graph.params))
        except (GraphError, NotImplementedError) as e:
            raise GraphError(f"op {node.op!r} of node {node.name!r} cannot stream: {e}") from e
        for value in node.outputs:
            self.delays[value] = due + lag * graph.period(value)
        self.nodes.append(node)

    def steps(self, node: Node, value: str, samples: int) -> int:
        """`samples` of the clock as steps of `value`."""
        period = self.graph.period(value)
        if samples % period:
            raise GraphError(
                f"op {node.op!r} of node {node.name!r} cannot stream: a delay of {samples} samples "
                f"is no whole number of {value!r}'s steps of {period}"
            )
        return samples // period

    def source(self, value: str) -> str:
        """The value of the offline Graph that `value` is, or is held back from."""
        return value if value in self.graph.shapes else value.rsplit("@", 1)[0]

    def held(self, node: Node, value: str, due: int) -> str:
        """`value` at a delay of `due` clock samples; makes the `delay` node once."""
        early = due - self.delays[value]
        if not early:
            return value
        steps = self.steps(node, value, early)
        late = f"{value}@{due}"
        if late not in self.delays:
            if late in self.names:
                raise GraphError(f"{late!r} is taken; names with '@' are stream's own")
            attrs = {"steps": steps, "start": self.steps(node, value, self.delays[value])}
            self.nodes.append(Node(late, "delay", (value,), (late,), {}, attrs))
            self.delays[late] = due
            if value in self.masks:
                self.masks[late] = self.masks[value]
        return late
