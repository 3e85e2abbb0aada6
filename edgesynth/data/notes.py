"""Notes: what training data is, once read and analysed, whatever it came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgesynth.errors import InputError

Array = NDArray[np.float32]
SPLITS = ("train", "valid", "test")
_CYCLE = 11
_HELD_OUT = {2: "test", 4: "valid", 7: "test"}


@dataclass(frozen=True)
class Notes:
    """Analysed notes on one clock: frame k describes the audio around sample k * hop.

    audio: mono float32, [T * hop] each, at `rate` Hz. f0: Hz per frame [T], always positive (held
    through silence). voiced: confidence in f0, 0 to 1 [T]. loudness: A-weighted dB, 0 for a
    full-scale 1 kHz sine, never under `edgesynth.data.loudness.FLOOR` [T]. splits: one label a
    note. report: what was read, changed or refused, one line each.
    """

    rate: float
    hop: int
    audio: tuple[Array, ...]
    f0: tuple[Array, ...]
    voiced: tuple[Array, ...]
    loudness: tuple[Array, ...]
    names: tuple[str, ...]
    splits: tuple[str, ...]
    report: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.audio)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over clock, names, splits and arrays, 64 hex digits: what a run's name includes."""
        h = hashlib.sha256(repr((self.rate, self.hop, self.names, self.splits)).encode())
        for arrays in (self.audio, self.f0, self.loudness):
            for array in arrays:
                h.update(np.ascontiguousarray(array, "<f4").tobytes())
        return h.hexdigest()

    def split(self, label: str) -> Notes:
        """The notes of one split ("train", "valid" or "test"), in order; the report is kept."""
        if label not in SPLITS:
            raise InputError(f"no split {label!r}: use one of {', '.join(SPLITS)}")
        return self.pick([i for i, name in enumerate(self.splits) if name == label])

    def pick(self, indices: list[int]) -> Notes:
        """The notes at these indices, in that order."""

        def of(values: tuple[Array, ...]) -> tuple[Array, ...]:
            return tuple(values[i] for i in indices)

        return Notes(
            self.rate, self.hop, of(self.audio), of(self.f0), of(self.voiced), of(self.loudness),
            tuple(self.names[i] for i in indices), tuple(self.splits[i] for i in indices),
            self.report,
        )


def split_labels(pitches: list[float]) -> tuple[str, ...]:
    """A split label a note, from its pitch (any monotonic unit), so that a note is in one split.

    In order of pitch, two of eleven are test notes and one is a valid note, each between trained
    ones; the lowest and the highest are trained. Few notes still give one of each. Under three
    notes nothing can be held out: InputError.
    """
    count = len(pitches)
    if count < 3:
        raise InputError(f"{count} usable notes: at least 3 are needed to train, validate and test")
    order = sorted(range(count), key=lambda i: (pitches[i], i))
    ranked = ["train"] * count
    for rank in range(1, count - 1):
        ranked[rank] = _HELD_OUT.get(rank % _CYCLE, "train")
    if "test" not in ranked:
        ranked[count // 2] = "test"
    if "valid" not in ranked:
        ranked[ranked.index("train", 1)] = "valid"
    labels = [""] * count
    for rank, index in enumerate(order):
        labels[index] = ranked[rank]
    return tuple(labels)
