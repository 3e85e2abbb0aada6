"""How a note is bowed: velocity, force and vibrato over time, drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SHAPES = ("sustained", "crescendo", "diminuendo", "swell", "accent", "two strokes")


@dataclass(frozen=True)
class Gesture:
    """Curves on a grid of 1 kHz: velocity (signed) and force (0 to 1), [K]; hertz, the pitch that
    is fingered, [K]; place, the bow's distance from the bridge as a share of the string."""

    shape: str
    velocity: Array
    force: Array
    hertz: Array
    place: float


def _ease(time: Array, start: float, length: float) -> Array:
    """0 before `start`, 1 after `start + length`, a raised cosine between."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((time - start) / length, 0.0, 1.0))


def _dynamics(shape: str, phase: Array, low: float, high: float) -> Array:
    """Dynamic (0 to 1) over the stroke, whose own time is `phase` (0 to 1)."""
    rise = np.clip(phase, 0.0, 1.0)
    curves = {
        "sustained": np.full_like(rise, 0.5),
        "crescendo": rise,
        "diminuendo": 1.0 - rise,
        "swell": np.sin(np.pi * rise) ** 2,
        "accent": 0.25 + 0.75 * np.exp(-rise * 9.0),
        "two strokes": 0.3 + 0.7 * np.abs(np.sin(2.0 * np.pi * rise)),
    }
    return low + (high - low) * curves[shape]


def gesture(rng: np.random.Generator, shape: str, hertz: float, seconds: float) -> Gesture:
    """One bow stroke (two for "two strokes") of a note at `hertz` that lasts `seconds`."""
    time = np.arange(int(round(seconds * 1000.0)) + 1) / 1000.0
    start = rng.uniform(0.03, 0.08) * seconds / 2.56
    stop = seconds * rng.uniform(0.80, 0.88)
    attack, release = rng.uniform(0.02, 0.09), rng.uniform(0.03, 0.10)
    phase = (time - start) / (stop - start)
    dynamic = _dynamics(shape, phase, rng.uniform(0.0, 0.5), rng.uniform(0.6, 1.0))
    touch = _ease(time, start, attack) * (1.0 - _ease(time, stop, release))
    velocity = touch * 0.0125 * 12.0**dynamic
    if shape == "two strokes":
        velocity = velocity * (1.0 - 2.0 * _ease(time, (start + stop) / 2.0 - 0.03, 0.06))
    lean = rng.uniform(-0.09, 0.11)
    force = np.clip(0.32 + 0.50 * dynamic + lean, 0.12, 0.9)
    force *= _ease(time, start - 0.01, 0.02) * (1.0 - _ease(time, stop, release))
    onset = start + rng.uniform(0.25, 0.6)
    depth = rng.choice((0.0, 1.0), p=(0.25, 0.75)) * rng.uniform(8.0, 28.0)
    speed = rng.uniform(4.6, 6.2) * (1.0 + 0.06 * np.sin(2.0 * np.pi * 0.7 * time))
    swing = np.sin(2.0 * np.pi * np.cumsum(speed) / 1000.0) * _ease(time, onset, 0.4)
    drift = rng.uniform(-4.0, 4.0) * np.sin(2.0 * np.pi * rng.uniform(0.3, 0.9) * time)
    cents = depth * swing + drift
    return Gesture(shape, velocity, force, hertz * 2.0 ** (cents / 1200.0), rng.uniform(0.09, 0.15))
