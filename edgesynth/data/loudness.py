"""A-weighted loudness per frame, the one scale that every source's control is on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLOOR = -80.0
SECONDS = 0.064


def a_weight(hertz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Power gain of A-weighting at frequencies in Hz, 1 at 1 kHz (IEC 61672-1, annex E)."""
    square = np.square(hertz)
    low = square * square * 12194.0**2
    bands = np.sqrt((square + 107.7**2) * (square + 737.9**2))
    curve = low / ((square + 20.6**2) * bands * (square + 12194.0**2))
    return np.asarray(np.square(curve / 0.794328), np.float64)


def window_length(rate: float) -> int:
    """Samples of the analysis window: the power of two nearest to 64 ms."""
    return int(2 ** round(np.log2(SECONDS * rate)))


def loudness(audio: NDArray[np.float32], rate: float, hop: int) -> NDArray[np.float32]:
    """dB per frame, [len(audio) // hop]; 0 dB is a sine of amplitude 1 at 1 kHz.

    Hann power spectra centred on sample k * hop, A-weighted and summed (Engel et al. 2020, DDSP,
    appendix B, with the window here 64 ms). The window looks ahead by half its length: the curve
    is not causal. Silence gives FLOOR.
    """
    frames, size = len(audio) // hop, window_length(rate)
    window = np.hanning(size + 1)[:-1]
    weight = a_weight(np.fft.rfftfreq(size, 1.0 / rate))
    weight[1:-1] *= 2.0
    weight *= 2.0 / (size * np.sum(window**2))
    padded = np.pad(np.asarray(audio, np.float64), (size // 2, size // 2 + hop))
    views = np.lib.stride_tricks.sliding_window_view(padded, size)[: frames * hop : hop]
    level = np.empty(frames)
    for start in range(0, frames, 256):
        power = np.abs(np.fft.rfft(views[start : start + 256] * window)) ** 2
        level[start : start + 256] = power @ weight
    decibel = 10.0 * np.log10(np.maximum(level, 10.0 ** (FLOOR / 10.0)))
    return np.asarray(decibel, np.float32)
