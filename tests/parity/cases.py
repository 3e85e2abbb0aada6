"""The rows of the parity matrix: every op's cases as one-node graphs, and small nets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import lcm
from zlib import crc32

import numpy as np
from parity import nets

from edgesynth.edit import build, with_params
from edgesynth.graph import Graph, Node, Param, Port, Shape
from edgesynth.ops import OPS
from edgesynth.ops.base import Case
from edgesynth.stream import stream


@dataclass(frozen=True, eq=False)
class Example:
    """One row: an offline Graph with its seeded inputs, (steps, channels) by port name."""

    name: str
    graph: Graph
    inputs: dict[str, np.ndarray]
    ranges: dict[str, tuple[float, float]]
    scale: float = 1.0
    offset: float = 0.0

    @property
    def steps(self) -> int:
        """T of the inputs."""
        return len(next(iter(self.inputs.values())))

    def of(self, steps: int, seed: int = 1) -> Example:
        """The same row with other inputs, `steps` long."""
        rng = np.random.default_rng(seed)
        made = {}
        for port in self.graph.inputs:
            shape = (steps, self.graph.shapes[port.value].channels)
            if port.name in self.ranges:
                values = rng.uniform(*self.ranges[port.name], shape)
            else:
                values = rng.standard_normal(shape) * self.scale + self.offset
            made[port.name] = values.astype(np.float32)
        return replace(self, inputs=made)


def one_node(op: str, case: Case) -> Example:
    """The graph of one op's case; constants of binary nodes are kept away from zero."""
    rng = np.random.default_rng(crc32(f"{op}/{case.name}".encode()))
    params = {}
    for slot, shape in case.params.items():
        array = rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))
        if slot == "constant":
            array = np.abs(array) + 0.5
        params[slot] = Param(array.astype(np.float32))
    values = [f"in{i}" for i in range(len(case.inputs))]
    node = Node(op, op, tuple(values), ("out",), {s: s for s in params}, case.attrs)
    inputs = {v: Shape(f) for v, f in zip(values, case.inputs, strict=True)}
    bare = build("draft", [node], params, (), inputs)
    kind = "audio" if bare.shapes["out"].scale == 1 else "frame"
    ports = (*(Port(v, "in", v, kind) for v in values), Port("out", "out", "out"))
    graph = build(f"{op}-{case.name}", [node], params, ports, inputs)
    given = zip(values, case.input_ranges, strict=False)
    example = Example(
        f"{op}/{case.name}", graph, {}, {v: r for v, r in given if r}, case.scale, case.offset
    )
    late = stream(graph).latency // graph.period("in0")
    held = int(case.attrs.get("steps", 0))  # a delay's first steps are silent
    return example.of(case.length + late + held)


def quantized(example: Example) -> Example | None:
    """The row with every parameter that may be i8 in i8; None where there is none."""
    changed = {}
    for node in example.graph.nodes:
        for slot in OPS[node.op].quantizable:
            if slot in node.params:
                array = example.graph.params[node.params[slot]].array
                peak = np.abs(array).reshape(len(array), -1).max(1)
                scale = (np.where(peak > 0, peak, 1) / 127).astype(np.float32)
                codes = np.rint(array / scale.reshape(-1, *(1,) * (array.ndim - 1)))
                changed[node.params[slot]] = Param(codes.clip(-127, 127), "i8", scale)
    if not changed:
        return None
    return replace(example, name=f"{example.name}-i8", graph=with_params(example.graph, changed))


def _floats() -> Iterator[Example]:
    for op in OPS:
        for case in OPS[op].cases():
            yield one_node(op, case)
    yield Example("net/recurrent", nets.recurrent(), {}, {}).of(40)
    yield Example("net/convolutional", nets.convolutional(), {}, {}).of(60)
    ranges = {"f0": (60.0, 900.0), "loudness": (-50.0, -5.0)}
    yield Example("net/synth", nets.synth(), {}, ranges).of(30)


@cache
def examples() -> dict[str, Example]:
    """Every row by name."""
    found = {}
    for example in _floats():
        found[example.name] = example
        codes = quantized(example)
        if codes is not None:
            found[codes.name] = codes
    return found


def slowest(graph: Graph) -> int:
    """Clock samples of the least stretch that holds whole steps of every value."""
    return lcm(*(graph.period(v) for v in graph.shapes))
