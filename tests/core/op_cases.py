"""The ops' test cases as one-node Graphs with inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgesynth.edit import build
from edgesynth.graph import Graph, Node, Param, Port, Shape
from edgesynth.ops import OPS
from edgesynth.ops.base import Case, normal


def every() -> Iterator[tuple[str, str, Case]]:
    """(id, op, case) of every case of every op."""
    for name, op in OPS.items():
        for case in op.cases():
            yield f"{name}-{case.name}", name, case


def graph(op: str, case: Case, seed: int = 0) -> Graph:
    """The case as an offline Graph: input ports in0, in1 …, output port out; parameters are
    unit-normal over the square root of what one output sums, constants from 0.5 up."""
    names = [f"in{i}" for i in range(len(case.inputs))]
    params = {}
    for i, (slot, shape) in enumerate(case.params.items()):
        scale = float(np.sqrt(max(1, np.prod(shape[1:], dtype=int))))
        array = normal(shape, seed + i) / np.float32(scale)
        params[slot] = Param(np.abs(array) + 0.5 if slot == "constant" else array)
    node = Node("node", op, tuple(names), ("y",), {s: s for s in params}, dict(case.attrs))
    shapes = {n: Shape(tuple(f)) for n, f in zip(names, case.inputs, strict=True)}
    ports = [Port(n, "in", n, kind="frame") for n in names] + [Port("out", "out", "y", "frame")]
    return build(f"{op}-{case.name}", [node], params, ports, shapes)


def inputs(case: Case, batch: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    """float32 inputs by port name, (batch, length, *features): uniform in the case's ranges, else
    unit-normal times `scale` plus `offset`."""
    found = {}
    for i, features in enumerate(case.inputs):
        shape = (batch, case.length, *features)
        limits = case.input_ranges[i] if i < len(case.input_ranges) else None
        if limits is None:
            x = normal(shape, seed + 100 + i) * np.float32(case.scale) + np.float32(case.offset)
        else:
            x = np.random.default_rng(seed + 100 + i).uniform(*limits, shape)
        found[f"in{i}"] = x.astype(np.float32)
    return found
