"""A runtime's ports as one plain list, and seeded inputs that exercise them.

Arrays are (channels, steps) float32, steps at the port's own period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgesynth.graph import Graph
from firmware_bridge.ports import Port as Door


def doors_of(graph: Graph) -> tuple[Door, ...]:
    """The ports of a Graph as a runtime shows them, in the same order."""
    return tuple(
        Door(p.name, p.direction, p.kind, graph.shapes[p.value].channels, graph.period(p.value),
             low=p.low, high=p.high, default=p.default, unit=p.unit)
        for p in graph.ports
    )


def hop(doors: Sequence[Door]) -> int:
    """Least common multiple of all periods: after so many frames every port has made a step."""
    return int(np.lcm.reduce([d.period for d in doors]))


def examples(doors: Sequence[Door], frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Seeded inputs: controls wander through the middle of their range, audio is a decaying tone
    in noise, frames are unit normal."""
    rng = np.random.default_rng(seed)
    made = {}
    for door in doors:
        if door.direction != "in":
            continue
        steps = -(-frames // door.period)
        if door.kind == "control":
            made[door.name] = _wander(door, steps, rng)
        elif door.kind == "audio":
            t = np.arange(steps)
            tone = 0.4 * np.sin(0.05 * t) * np.exp(-t / 2e4)
            made[door.name] = (tone + 0.2 * rng.standard_normal((door.channels, steps))).astype(np.float32)
        else:
            made[door.name] = rng.standard_normal((door.channels, steps)).astype(np.float32)
    return made


def _wander(door: Door, steps: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth random path over the middle of a control's range (geometric for Hz)."""
    low = door.low if door.low is not None else door.default - 1.0
    high = door.high if door.high is not None else door.default + 1.0
    phases = rng.uniform(0, 2 * np.pi, (door.channels, 3, 1))
    rates = np.array([0.011, 0.037, 0.0071])[None, :, None]
    path = 0.5 + 0.45 * np.sin(rates * np.arange(steps)[None, None, :] + phases).mean(axis=1)
    geometric = door.unit == "Hz" and low > 0
    wandered = low * (high / low) ** path if geometric else low + (high - low) * path
    return np.asarray(wandered, np.float32)


def held(x: np.ndarray, period: int, frames: int) -> np.ndarray:
    """(channels, steps) at a period as (channels, frames), each step held."""
    return np.repeat(x, period, axis=-1)[..., :frames]


def piece(door: Door, x: np.ndarray, start: int, frames: int) -> np.ndarray:
    """What a port is fed for the frames [start, start + frames): a control's held values (frames,),
    a frame port's due steps, an audio port's samples."""
    if door.kind == "control":
        return np.ascontiguousarray(x[0, (start + np.arange(frames)) // door.period])
    if door.kind == "frame":
        first, last = -(-start // door.period), -(-(start + frames) // door.period)
        return np.ascontiguousarray(x[:, first:last])
    return np.ascontiguousarray(x[:, start:start + frames])


def play(
    player: Any, doors: Sequence[Door], inputs: Mapping[str, np.ndarray], frames: int, block: int
) -> dict[str, np.ndarray]:
    """The runtime's outputs over `frames` frames, fed `block` frames a call: (channels, steps)."""
    outputs = [d.name for d in doors if d.direction == "out"]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
    for start in range(0, frames, block):
        n = min(block, frames - start)
        fed = {d.name: piece(d, inputs[d.name], start, n) for d in doors if d.direction == "in"}
        out = player.process(fed, frames=n)
        out = out if isinstance(out, dict) else {outputs[0]: out}
        for name, value in out.items():
            parts[name].append(np.atleast_2d(np.array(value)))
    return {k: np.concatenate(v, axis=-1) for k, v in parts.items()}
