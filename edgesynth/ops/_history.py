"""ONNX forms that streaming ops share: steps before `start`, and a history put before the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgesynth.graph import Graph, Node


def early(node: Node, build: Any, value: str, period: int) -> str:
    """Bool (steps, 1): the steps of `value` that lie before the node's `start`."""
    first = build.first_step(period)
    count = build.node("Squeeze", build.steps(value))
    numbers = build.node("Range", first, build.node("Add", first, count), build.int_scalar(1))
    flags = build.node("Less", numbers, build.int_scalar(int(node.attrs["start"])))
    return str(build.node("Unsqueeze", flags, build.int_const(1)))


def hush(node: Node, build: Any, value: str, graph: Graph) -> str:
    """`value` (1, steps, C) with the steps before the node's `start` set to zero."""
    if not node.attrs["start"]:
        return value
    flags = early(node, build, value, graph.period(node.inputs[0]))
    return str(build.node("Where", flags, build.const(np.float32(0)), value))


def joined(node: Node, build: Any, value: str, history: str, graph: Graph) -> tuple[str, str]:
    """(history then value along time, the history that the next call needs)."""
    x = build.node("Concat", history, hush(node, build, value, graph), axis=1)
    return str(x), str(build.slice(x, 1, build.steps(value), np.iinfo(np.int64).max))
