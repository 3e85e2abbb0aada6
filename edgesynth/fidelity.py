"""How near an audio estimate is to its target: numpy metrics, silence-safe and deterministic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgesynth.errors import InputError

Array = NDArray[np.float64]
QUIET = -60.0
"""dB: frames whose target is under this (mean square, against 1) are left out."""
EPSILON = 1e-4
"""Magnitude of -80 dB against a full-scale sine, added as power before every logarithm."""
SIZES = (2048, 1024, 512)
BANDS = 40
SNR_CEILING = 200.0


def band_error(estimate: ArrayLike, target: ArrayLike, rate: float) -> float:
    """Mean |L' - L| in dB over 40 mel bands and frames of 100 ms, hop 50 ms.

    L = 10 log10(band power + EPSILON^2), from Hann power spectra in triangular bands (Davis and
    Mermelstein 1980; O'Shaughnessy's mel scale) from 30 Hz to rate / 2. Only frames of the target
    at or above QUIET count; 0 where there is none.
    """
    one, other = _pair(estimate, target)
    size = 2 * max(8, round(0.05 * rate))
    bands = _mel(size, rate)
    got, want = _power(one, size, size // 2), _power(other, size, size // 2)
    active = _active(other, size, size // 2)
    if not active.any():
        return 0.0
    gap = _decibel(got[active] @ bands) - _decibel(want[active] @ bands)
    return float(np.mean(np.abs(gap)))


def spectral_convergence(estimate: ArrayLike, target: ArrayLike, rate: float) -> float:
    """Mean over SIZES of ||S' - S|| / ||S||, Frobenius norms of STFT magnitudes (Arik, Jun and
    Diamos 2018, eq. 2); ||S|| is at least that of EPSILON in every bin."""
    one, other = _pair(estimate, target)
    values = []
    for size in SIZES:
        got = np.sqrt(_power(one, size, size // 4))
        want = np.sqrt(_power(other, size, size // 4))
        floor = EPSILON * np.sqrt(want.size)
        values.append(np.linalg.norm(got - want) / max(float(np.linalg.norm(want)), floor))
    return float(np.mean(values))


def log_spectral_distance(estimate: ArrayLike, target: ArrayLike, rate: float) -> float:
    """Mean over SIZES and active frames of sqrt(mean over bins of (L' - L)^2), in dB, with
    L = 10 log10(S^2 + EPSILON^2) (Gray and Markel 1976); 0 where no frame is active."""
    one, other = _pair(estimate, target)
    values = []
    for size in SIZES:
        active = _active(other, size, size // 4)
        if not active.any():
            continue
        gap = _decibel(_power(one, size, size // 4)[active])
        gap -= _decibel(_power(other, size, size // 4)[active])
        values.append(np.mean(np.sqrt(np.mean(gap**2, axis=1))))
    return float(np.mean(values)) if values else 0.0


def snr(estimate: ArrayLike, target: ArrayLike, rate: float) -> float:
    """10 log10(sum x^2 / sum (x - x')^2) in dB, at most SNR_CEILING; -SNR_CEILING at least."""
    one, other = _pair(estimate, target)
    tiny = 1e-30
    ratio = (np.sum(other**2) + tiny) / (np.sum((other - one) ** 2) + tiny)
    return float(np.clip(10.0 * np.log10(ratio), -SNR_CEILING, SNR_CEILING))


def esr(estimate: ArrayLike, target: ArrayLike, rate: float) -> float:
    """Error-to-signal ratio sum (x - x')^2 / sum x^2 (Wright et al. 2019, eq. 9, without
    pre-emphasis); the denominator is at least EPSILON^2 a sample."""
    one, other = _pair(estimate, target)
    return float(np.sum((other - one) ** 2) / max(np.sum(other**2), EPSILON**2 * len(other)))


def max_abs(estimate: ArrayLike, target: ArrayLike, rate: float) -> float:
    """max |x - x'|."""
    one, other = _pair(estimate, target)
    return float(np.max(np.abs(other - one)))


METRICS: dict[str, Callable[[ArrayLike, ArrayLike, float], float]] = {
    "band_error": band_error,
    "spectral_convergence": spectral_convergence,
    "log_spectral_distance": log_spectral_distance,
    "snr": snr,
    "esr": esr,
    "max_abs": max_abs,
}


def score(pairs: Iterable[tuple[ArrayLike, ArrayLike]], rate: float) -> dict[str, float]:
    """Every metric over (estimate, target) pairs: the mean over notes, the maximum of `max_abs`.

    Notes whose target is silent throughout (no frame at QUIET) count in `max_abs` only; InputError
    where all are, or where there is no pair.
    """
    rows: list[dict[str, float]] = []
    worst = 0.0
    for estimate, target in pairs:
        one, other = _pair(estimate, target)
        worst = max(worst, max_abs(one, other, rate))
        size = 2 * max(8, round(0.05 * rate))
        if _active(other, size, size // 2).any():
            rows.append({name: metric(one, other, rate) for name, metric in METRICS.items()})
    if not rows:
        raise InputError("nothing to score: no target holds a frame above -60 dB")
    means = {name: float(np.mean([row[name] for row in rows])) for name in METRICS}
    return {**means, "max_abs": worst}


def _pair(estimate: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    one, other = np.asarray(estimate, np.float64), np.asarray(target, np.float64)
    if one.ndim != 1 or one.shape != other.shape or not one.size:
        raise InputError(f"cannot compare audio of shapes {one.shape} and {other.shape}")
    for name, audio in (("estimate", one), ("target", other)):
        if not np.isfinite(audio).all():
            raise InputError(f"{name} holds NaN or infinity at sample {_first_bad(audio)}")
    return one, other


def _first_bad(audio: Array) -> int:
    return int(np.argmin(np.isfinite(audio)))


def _frames(audio: Array, size: int, hop: int) -> Array:
    """[frames, size], centred on multiples of hop, zeros past both ends."""
    padded = np.pad(audio, (size // 2, size // 2))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]


def _power(audio: Array, size: int, hop: int) -> Array:
    """Power spectra [frames, size // 2 + 1], 1 at the peak of a full-scale sine."""
    window = np.hanning(size + 1)[:-1]
    spectrum = np.fft.rfft(_frames(audio, size, hop) * (window * (2.0 / window.sum())))
    return np.square(spectrum.real) + np.square(spectrum.imag)


def _active(audio: Array, size: int, hop: int) -> NDArray[np.bool_]:
    level = np.mean(np.square(_frames(audio, size, hop)), axis=1)
    return np.asarray(level >= 10.0 ** (QUIET / 10.0))


def _decibel(power: Array) -> Array:
    return 10.0 * np.log10(power + EPSILON**2)


@lru_cache(maxsize=8)
def _mel(size: int, rate: float) -> Array:
    """[size // 2 + 1, BANDS] triangles whose centres are even in mel; no band is empty."""
    hertz = np.fft.rfftfreq(size, 1.0 / rate)
    mel = 1127.0 * np.log1p(np.array([30.0, rate / 2.0]) / 700.0)
    edges = 700.0 * np.expm1(np.linspace(mel[0], mel[1], BANDS + 2) / 1127.0)
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    rise = (hertz[:, None] - low) / (peak - low)
    fall = (high - hertz[:, None]) / (high - peak)
    return np.maximum(0.0, np.minimum(rise, fall))
