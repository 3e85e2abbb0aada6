"""Windows of notes as training batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgesynth.data.notes import Array, Notes
from edgesynth.errors import InputError

Batch = tuple[Array, Array, Array]


def windows(notes: Notes, frames: int, batch: int, seed: int = 0) -> Iterator[Batch]:
    """Endless aligned (audio [batch, frames * hop], f0 and loudness [batch, frames]), float32.

    Every note comes once per round, in an order shuffled by seed, from a start drawn evenly over
    its frames; notes shorter than a window are left out, and InputError names them if all are.
    """
    usable = [i for i, f0 in enumerate(notes.f0) if len(f0) >= frames]
    if not usable or frames < 1 or batch < 1:
        longest = max((len(f0) for f0 in notes.f0), default=0)
        raise InputError(f"no note holds {frames} frames (longest: {longest}): ask for less")
    return _endless(notes, usable, frames, batch, np.random.default_rng(seed))


def _endless(
    notes: Notes, usable: list[int], frames: int, batch: int, rng: np.random.Generator
) -> Iterator[Batch]:
    queue: list[int] = []
    while True:
        while len(queue) < batch:
            queue.extend(int(i) for i in rng.permutation(usable))
        chosen, queue = queue[:batch], queue[batch:]
        starts = [int(rng.integers(0, len(notes.f0[i]) - frames + 1)) for i in chosen]
        pairs = list(zip(chosen, starts, strict=True))
        hop = notes.hop
        yield (
            np.stack([notes.audio[i][s * hop : (s + frames) * hop] for i, s in pairs]),
            np.stack([notes.f0[i][s : s + frames] for i, s in pairs]),
            np.stack([notes.loudness[i][s : s + frames] for i, s in pairs]),
        )
