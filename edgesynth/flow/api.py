"""The Python face that needs more than the core: `edgesynth.export` and `edgesynth.play`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgesynth.flow._drive import reference
from edgesynth.graph import Graph

GOLDEN_FRAMES = 256


def export_bytes(graph: Graph, target: str = "host", golden: bool = True) -> bytes:
    """Lower a Graph for a target and write its artifact.

    golden adds test vectors of 256 frames from the torch reference, where torch is installed.
    """
    from targets.artifact import write
    from targets.base import target as find
    from targets.lower import lower

    plan = lower(graph, find(target))
    return write(plan, golden=_golden(graph) if golden else None)


def _golden(graph: Graph) -> dict[str, Any] | None:
    """Inputs and torch outputs of the first frames from reset; None without torch."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        return None
    from edgesynth.stream import stream
    from firmware_bridge.measure.doors import doors_of, examples

    streamed = graph if graph.streaming else stream(graph)
    periods = [streamed.period(p.value) for p in streamed.ports]
    unit = int(np.lcm.reduce(periods))
    frames = GOLDEN_FRAMES // unit * unit
    if frames == 0:
        return None
    inputs = examples(doors_of(streamed), frames, seed=7)
    outputs = reference(streamed, inputs)
    peak = max((float(np.abs(v).max()) for v in outputs.values()), default=1.0)
    return {
        "frames": frames,
        "inputs": inputs,
        "outputs": outputs,
        "tolerance": 1e-4 * max(1.0, peak),
    }


def play(artifact: bytes | str | Path, kernels: str = "best") -> Any:
    """A `firmware_bridge.play.Player` for an artifact's bytes or path."""
    from firmware_bridge.play import Player

    return Player(artifact, kernels=kernels)
