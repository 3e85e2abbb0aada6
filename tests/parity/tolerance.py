"""How far a column may lie from the reference: one formula, and exceptions with causes."""

from __future__ import annotations

import numpy as np

from edgesynth.graph import Graph, Node
from edgesynth.ops import OPS

ROUNDOFF = 2.0**-24
FUNCTION = 4  # half-ulps of the largest output that one function value may be off

EXCEPTIONS: dict[str, tuple[float, str]] = {
    "layer_norm/c2": (
        8.0, "two channels that lie close: the norm magnifies the rounding of their difference"
    ),
}
"""Row name -> (factor, cause)."""


def reduction(node: Node, graph: Graph) -> float:
    """Terms of the sum behind one output of a node: its multiply-adds per output channel, or the
    channels that it reads where these are more."""
    outputs = sum(graph.shapes[v].channels for v in node.outputs)
    reads = max(graph.shapes[v].channels for v in node.inputs)
    return max(OPS[node.op].macs(node, graph) / outputs, reads)


def tolerance(name: str, graph: Graph, expected: dict[str, np.ndarray]) -> float:
    """Largest absolute error allowed on any output of the row `name`.

    Every node adds (FUNCTION + terms) half-ulps of the largest output; i8 weights round half as
    much again, where codes are scaled.
    """
    peak = max(1.0, *(float(np.abs(v).max(initial=0.0)) for v in expected.values()))
    steps = 0.0
    for node in graph.nodes:
        codes = any(graph.params[p].format != "f32" for p in node.params.values())
        steps += FUNCTION + (1.5 if codes else 1.0) * reduction(node, graph)
    factor, _ = EXCEPTIONS.get(name, (1.0, ""))
    return ROUNDOFF * steps * peak * factor
