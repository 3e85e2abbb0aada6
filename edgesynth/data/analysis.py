"""Sound to controls on one clock: f0 and loudness at the frames, one scale for every source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgesynth.data.instruments.base import GRID, Take
from edgesynth.data.loudness import loudness
from edgesynth.data.notes import Array, Notes, split_labels
from edgesynth.data.recording import check, pitch
from edgesynth.data.resample import resample


@dataclass(frozen=True)
class Controls:
    """f0 (Hz, held where unvoiced), confidence in it (0 to 1) and A-weighted dB, [T] each."""

    f0: Array
    voiced: Array
    loudness: Array


def analyse(audio: NDArray[np.floating], rate: float, hop: int) -> Controls:
    """Controls of mono audio [N] at `rate` Hz, T = N // hop; frame k lies at sample k * hop.

    Not causal: loudness looks ahead 32 ms, pitch over the whole recording. InputError for NaN,
    silence, and audio shorter than 0.25 s.
    """
    wave = np.asarray(audio, np.float64)
    check(wave, rate, "audio")
    f0, voiced = pitch(wave, rate)
    frames = len(wave) // hop
    level = loudness(wave.astype(np.float32), rate, hop)
    return Controls(
        _at_frames(f0, GRID, frames, hop / rate), _at_frames(voiced, GRID, frames, hop / rate),
        level,
    )


def assemble(takes: list[Take], rate: float, hop: int, report: list[str]) -> Notes:
    """Resample each take, cut it to whole frames, read f0 at the frames, measure loudness."""
    labels = split_labels([t.pitch for t in takes])
    audio: list[Array] = []
    f0: list[Array] = []
    voiced: list[Array] = []
    level: list[Array] = []
    for take in takes:
        wave = resample(take.audio, take.rate, rate).astype(np.float32)
        frames = len(wave) // hop
        wave = np.ascontiguousarray(wave[: frames * hop])
        audio.append(wave)
        f0.append(_at_frames(take.f0, take.grid, frames, hop / rate))
        voiced.append(_at_frames(take.voiced, take.grid, frames, hop / rate))
        level.append(loudness(wave, rate, hop))
    return Notes(
        rate, hop, tuple(audio), tuple(f0), tuple(voiced), tuple(level),
        tuple(t.name for t in takes), labels, tuple(report),
    )


def _at_frames(curve: NDArray[np.floating], grid: float, frames: int, period: float) -> Array:
    """A curve on a grid of `grid` Hz, read every `period` seconds."""
    at = np.arange(frames) * (period * grid)
    return np.asarray(np.interp(at, np.arange(len(curve)), curve), np.float32)
