"""Drive a Graph or an artifact with the same inputs: examples, the torch reference, the runtime.

Port arrays here are (channels, steps) float32, steps at the port's own period.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgesynth.graph import Graph, Port


def example_ports(graph: Graph, frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Seeded inputs that exercise every port: controls wander through their range, audio is a
    decaying noise with a tone, frames are unit normal."""
    rng = np.random.default_rng(seed)
    made = {}
    for port in graph.inputs:
        period, channels = graph.period(port.value), graph.shapes[port.value].channels
        steps = -(-frames // period)
        if port.kind == "control" or port.low is not None:
            made[port.name] = wander(port, channels, steps, rng)
        elif port.kind == "audio":
            t = np.arange(steps)
            tone = 0.4 * np.sin(0.05 * t) * np.exp(-t / 2e4)
            made[port.name] = (tone + 0.2 * rng.standard_normal((channels, steps))).astype(np.float32)
        else:
            made[port.name] = rng.standard_normal((channels, steps)).astype(np.float32)
    return made


def wander(port: Port, channels: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth random path over the middle 80 % of a control's range (geometric for Hz)."""
    low = port.low if port.low is not None else port.default - 1.0
    high = port.high if port.high is not None else port.default + 1.0
    phases = rng.uniform(0, 2 * np.pi, (channels, 3, 1))
    t = np.arange(steps)[None, None, :]
    rates = np.array([0.011, 0.037, 0.0071])[None, :, None]
    path = 0.5 + 0.4 * np.sin(rates * t + phases).mean(axis=1)
    if port.unit == "Hz" and low > 0:
        return (low * (high / low) ** path).astype(np.float32)
    return (low + (high - low) * path).astype(np.float32)


def held(port_array: np.ndarray, period: int, frames: int) -> np.ndarray:
    """(channels, steps) at a period -> (channels, frames), each step held."""
    return np.repeat(port_array, period, axis=-1)[..., :frames]


def reference(graph: Graph, inputs: Mapping[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
    """Streaming torch outputs from reset, (channels, steps), by the runtime's random numbers."""
    import torch

    from edgesynth.module import StreamModule
    from edgesynth.stream import stream

    streamed = graph if graph.streaming else stream(graph)
    module = StreamModule(streamed)
    tensors = {
        p.name: torch.from_numpy(np.ascontiguousarray(inputs[p.name].T))[None] for p in streamed.inputs
    }
    with torch.no_grad():
        outputs = module(tensors)
    return {k: v[0].numpy().T.copy() for k, v in outputs.items()}


def play_ports(
    player: Any, graph: Graph, inputs: Mapping[str, np.ndarray], frames: int, block: int
) -> dict[str, np.ndarray]:
    """The runtime's outputs over `frames`, fed block by block: (channels, frames) or steps."""
    parts: dict[str, list[np.ndarray]] = {p.name: [] for p in graph.outputs}
    for start in range(0, frames, block):
        n = min(block, frames - start)
        fed = {}
        for port in graph.inputs:
            period = graph.period(port.value)
            x = inputs[port.name]
            if port.kind == "control":
                steps = (start + np.arange(n)) // period
                fed[port.name] = np.ascontiguousarray(x[0, steps])
            elif port.kind == "frame":
                first, last = -(-start // period), -(-(start + n) // period)
                fed[port.name] = np.ascontiguousarray(x[:, first:last])
            else:
                fed[port.name] = np.ascontiguousarray(x[:, start:start + n])
        out = player.process(fed, frames=n)
        if not isinstance(out, dict):
            out = {graph.outputs[0].name: out}
        for name, value in out.items():
            parts[name].append(np.atleast_2d(np.array(value)))
    return {k: np.concatenate(v, axis=-1) for k, v in parts.items()}
