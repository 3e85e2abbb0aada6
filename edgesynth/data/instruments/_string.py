"""A bowed string as a digital waveguide, all notes side by side, one sample at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgesynth.data.instruments._gesture import Gesture
from edgesynth.progress import Progress, quiet

Array = NDArray[np.float64]
RATE = 48000.0
_CHUNK = 480
_POLE = 0.48
_LOSS = 0.972
_GRIT = 0.035
_SOFT, _FIRM = 120.0, 24000.0


def _lagrange(delay: Array) -> tuple[NDArray[np.int64], Array]:
    """Whole delay and cubic taps [4, ...] that together delay by `delay` samples (1 or more)."""
    whole = np.floor(delay).astype(np.int64) - 1
    d = delay - whole
    taps = np.stack([
        -(d - 1.0) * (d - 2.0) * (d - 3.0) / 6.0, d * (d - 2.0) * (d - 3.0) / 2.0,
        -d * (d - 1.0) * (d - 3.0) / 2.0, d * (d - 1.0) * (d - 2.0) / 6.0,
    ])
    return whole, taps


def bow(gestures: list[Gesture], seed: int, progress: Progress = quiet) -> tuple[Array, Array]:
    """Velocity wave at the bridge and bow noise, [notes, samples] each, at RATE.

    Two delay lines, nut to bow and bow to bridge, meet at the bow, where a friction curve
    rho = min(1, (slope |dv| + 3/4)^-4) with slope 5 - 4 force says how much of the velocity
    difference the string takes over (Smith 1986; McIntyre, Schumacher and Woodhouse 1983). Grit,
    noise in proportion to bow velocity, enters at the contact. The wave that reaches the bridge has
    its corner rounded the more, the lighter the bow presses (Cremer 1984, ch. 3): a one-pole low
    pass whose corner rises from 120 Hz to 24 kHz with force.
    """
    rng = np.random.default_rng([seed, 0xB0])
    notes, points = len(gestures), len(gestures[0].velocity)
    samples = int((points - 1) * RATE / 1000.0)
    curves = [np.stack([getattr(g, k) for g in gestures]) for k in ("velocity", "force", "hertz")]
    period = RATE / curves[2].mean(axis=1)
    near = np.maximum(1, np.round(period * np.array([g.place for g in gestures]))).astype(int)
    lag = _POLE / (1.0 - _POLE)
    size = 1 << int(np.ceil(np.log2(period.max() * 1.1 + 8.0)))
    mask, lane = size - 1, np.arange(notes)
    nut, bridge = np.zeros(size * notes), np.zeros(size * notes)
    past, rounded, out = np.zeros(notes), np.zeros(notes), np.zeros((samples, notes))
    grit = np.zeros((samples, notes))
    steps = np.arange(4)[:, None]
    for start in range(0, samples, _CHUNK):
        span = np.arange(start, min(start + _CHUNK, samples))
        at = span * (1000.0 / RATE)
        base = at.astype(int)
        mix = (at - base)[:, None]
        speed, press, hertz = (c.T[base] * (1 - mix) + c.T[base + 1] * mix for c in curves)
        whole, taps = _lagrange(RATE / hertz - near - lag)
        noise = rng.standard_normal((len(span), notes)) * _GRIT * np.abs(speed)
        speed = speed + noise
        slope = 5.0 - 4.0 * press
        grit[span] = noise * press
        held = press > 1e-3
        corner = np.exp(-2.0 * np.pi / RATE * _SOFT * (_FIRM / _SOFT) ** press)
        sharp = 1.0 - corner
        for k, n in enumerate(span):
            late = bridge.take(((n - near) & mask) * notes + lane)
            past = _LOSS * ((1.0 - _POLE) * late + _POLE * past)
            reads = ((n - whole[k] - steps) & mask) * notes + lane
            back = -(nut.take(reads) * taps[:, k]).sum(axis=0)
            gap = speed[k] - (back - past)
            grip = slope[k] * np.abs(gap) + 0.75
            grip *= grip
            pull = gap * np.minimum(1.0, 1.0 / (grip * grip)) * held[k]
            row = (n & mask) * notes
            nut[row : row + notes] = pull - past
            bridge[row : row + notes] = pull + back
            rounded = sharp[k] * late + corner[k] * rounded
            out[n] = rounded
        progress("bowing", int(span[-1]) + 1, samples)
    return out.T.copy(), grit.T.copy()
