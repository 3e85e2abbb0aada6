"""The body of a bowed instrument: radiating modes as one impulse response."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Hz, quality, gain: air and plate modes of a violin by their usual names (Woodhouse 2014).
_SIGNATURE = (
    (275.0, 22.0, 0.9), (405.0, 28.0, 0.35), (465.0, 35.0, 1.0), (548.0, 38.0, 1.1),
    (705.0, 30.0, 0.5), (860.0, 32.0, 0.6), (1020.0, 34.0, 0.55), (1190.0, 34.0, 0.6),
)


def body(rate: float, seed: int) -> NDArray[np.float64]:
    """Impulse response, unit energy, 0.15 s at `rate`, with no gain at 0 Hz.

    The named low modes, then 40 modes spread to 9 kHz whose gains follow a bridge hill around
    2.4 kHz; `seed` places the spread ones.
    """
    rng = np.random.default_rng(seed)
    hertz = np.geomspace(1350.0, 9000.0, 40) * rng.uniform(0.97, 1.03, 40)
    hill = 0.75 / (1.0 + ((hertz - 2400.0) / 1100.0) ** 2) + 0.12
    signs = rng.choice((-1.0, 1.0), 40)
    modes = [*_SIGNATURE, *zip(hertz, np.full(40, 26.0), hill * signs, strict=True)]
    time = np.arange(int(0.15 * rate)) / rate
    response = np.zeros_like(time)
    for centre, quality, gain in modes:
        decay = np.exp(-np.pi * centre / quality * time)
        response += gain * centre / quality * decay * np.sin(2.0 * np.pi * centre * time)
    response *= np.hanning(2 * len(time))[len(time) :]
    response -= response.mean()
    return np.asarray(response / np.sqrt(np.sum(response**2)))
