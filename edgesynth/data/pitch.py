"""Pitch per frame: followed closely where it is nearly known, found by pYIN where it is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def follow(
    audio: NDArray[np.floating], rate: float, nominal: Array, grid: float
) -> tuple[Array, Array]:
    """f0 (Hz) and clarity (0 to 1) on a grid of `grid` Hz, given f0 within about a semitone.

    audio: [N] at `rate`; nominal: Hz, [K] on the grid. The first three harmonics of the nominal
    curve are shifted to 0 Hz, smoothed over 4 periods, and their phase slopes, weighted by power,
    correct it (the phase vocoder's instantaneous frequency: Flanagan and Golden 1966). Where there
    is no sound the note's own median correction holds. `rate / grid` must be whole.
    """
    from scipy.signal import fftconvolve

    step, points = int(round(rate / grid)), len(nominal)
    at = np.arange(len(audio)) / step
    curve = np.interp(at, np.arange(points), nominal)
    turn = np.exp(-2j * np.pi * (np.cumsum(curve) - curve) / rate)
    window = np.hanning(int(4 * rate / np.median(nominal)) | 1)
    window /= window.sum()
    wave, slope, power = audio + 0j, np.zeros(points), np.zeros(points)
    energy = np.zeros(points)
    for harmonic in (1, 2, 3):
        wave = wave * turn
        smooth = _at(fftconvolve(wave, window, "same"), step, points)
        beat = smooth[1:] * np.conj(smooth[:-1])
        beat = np.append(beat, beat[-1:])
        weight = harmonic**2 * np.abs(beat)
        slope += weight * np.angle(beat) * grid / (2.0 * np.pi * harmonic)
        power += weight
        energy += 2.0 * np.abs(smooth) ** 2
    total = _at(fftconvolve(np.square(audio), window, "same"), step, points).real
    loud = power > 1e-3 * power.max()
    usual = float(np.median(slope[loud] / power[loud] / nominal[loud])) if loud.any() else 0.0
    tail = np.hanning(13)[1:-1]
    prior = 1e-5 * power.max() + 1e-30
    slope = np.convolve(slope + prior * usual * nominal, tail, "same")
    power = np.convolve(power + prior, tail, "same")
    floor = 1e-6 * max(float(total.max()), 1e-12)
    clarity = np.clip(energy / np.maximum(total, floor), 0.0, 1.0)
    return nominal + slope / power, clarity


def _at(values: NDArray[np.inexact], step: int, points: int) -> NDArray[np.inexact]:
    """Every `step`-th value, `points` of them, the last one held."""
    index = np.minimum(np.arange(points) * step, len(values) - 1)
    return values[index]
