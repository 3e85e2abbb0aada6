"""A bowed string with vibrato, dynamics, bow noise and a wooden body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgesynth.data.instruments._body import body
from edgesynth.data.instruments._gesture import SHAPES, gesture
from edgesynth.data.instruments._string import RATE, bow
from edgesynth.data.instruments.base import GRID, Instrument, Take
from edgesynth.data.pitch import follow
from edgesynth.progress import Progress, quiet

PEAK = 0.84


@dataclass(frozen=True)
class Bowed(Instrument):
    """Violin-like: pitches spread evenly from G3 to C6, six bowing shapes in turn."""

    lowest: float = 55.0
    highest: float = 84.0

    def play(self, seed: int, progress: Progress = quiet) -> list[Take]:
        """All notes at 48 kHz; f0 is measured on the string, since friction flattens it."""
        from scipy.signal import butter, oaconvolve, sosfilt

        rng = np.random.default_rng([seed, 0x57])
        keys = np.linspace(self.lowest, self.highest, self.notes)
        keys = keys + rng.uniform(-0.1, 0.1, self.notes)
        shapes = [SHAPES[i % len(SHAPES)] for i in rng.permutation(self.notes)]
        hertz = 440.0 * 2.0 ** ((keys - 69.0) / 12.0)
        gestures = [
            gesture(rng, shape, float(h), self.seconds)
            for shape, h in zip(shapes, hertz, strict=True)
        ]
        string, grit = bow(gestures, seed, progress)
        hiss = sosfilt(butter(2, (1500.0, 9000.0), "band", fs=RATE, output="sos"), grit)
        sound = oaconvolve(string + 1.6 * hiss, body(RATE, 11)[None], axes=1)[:, : string.shape[1]]
        sound = sosfilt(butter(2, 80.0, "high", fs=RATE, output="sos"), sound)
        sound *= PEAK / np.abs(sound).max()
        fade = np.clip(np.arange(sound.shape[1])[::-1] / (0.02 * RATE), 0.0, 1.0)
        takes = []
        for i, g in enumerate(gestures):
            f0, voiced = follow(string[i], RATE, g.hertz, GRID)
            name = f"bowed-{keys[i]:06.2f}-{g.shape.replace(' ', '-')}"
            takes.append(Take(name, sound[i] * fade, RATE, f0, voiced, GRID, float(keys[i])))
            progress("measuring pitch", i + 1, self.notes)
        return takes
