"""What an instrument is: a physical model that plays a seeded set of notes."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgesynth.progress import Progress, quiet

GRID = 1000.0
"""Hz: the grid that a model's own f0 is given on, before `load` reads it at the frames."""


@dataclass(frozen=True)
class Take:
    """One note as a source gives it: float audio [N] at `rate`; f0 (Hz) and confidence on a grid
    of `grid` Hz that starts at sample 0; `pitch` orders the notes for the split."""

    name: str
    audio: NDArray[np.floating]
    rate: float
    f0: NDArray[np.floating]
    voiced: NDArray[np.floating]
    grid: float
    pitch: float


@dataclass(frozen=True)
class Instrument(abc.ABC):
    """A physical model; the same seed, count and length give the same notes, bit for bit."""

    notes: int = 112
    seconds: float = 2.56

    @abc.abstractmethod
    def play(self, seed: int, progress: Progress = quiet) -> list[Take]:
        """All notes, at the model's own rate, peaking together under full scale."""
