"""Takes to Notes: one rate, one clock, one loudness scale, a split."""

from __future__ import annotations

import numpy as np

from edgesynth.data.instruments.base import Take
from edgesynth.data.loudness import loudness
from edgesynth.data.notes import Array, Notes, split_labels
from edgesynth.data.resample import resample


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
        at = np.arange(frames) * (hop / rate * take.grid)
        points = np.arange(len(take.f0))
        audio.append(wave)
        f0.append(np.interp(at, points, take.f0).astype(np.float32))
        voiced.append(np.interp(at, points, take.voiced).astype(np.float32))
        level.append(loudness(wave, rate, hop))
    return Notes(
        rate, hop, tuple(audio), tuple(f0), tuple(voiced), tuple(level),
        tuple(t.name for t in takes), labels, tuple(report),
    )
