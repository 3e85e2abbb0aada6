"""Our own runtime on the timing loop in C."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np

from edgesynth.errors import ArtifactError
from firmware_bridge.library import library, status_text
from firmware_bridge.measure.doors import Door, examples, hop, piece
from firmware_bridge.play import Player

RING = 16  # different input blocks, played in turn


class Ours:
    """One artifact on one kernel table."""

    def __init__(self, artifact: bytes, doors: tuple[Door, ...], kernels: str = "best") -> None:
        self.player = Player(artifact, kernels=kernels)
        self.doors = doors
        self.hop = hop(doors)
        self.allocations = 0.0  # per block of the last series, where hooks are preloaded

    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
        """Microseconds of each block; inputs as from `examples`, cut into a ring of blocks."""
        self.player.reset()
        feeds, strides, keep = [], [], []
        for door in self.doors:
            if door.direction != "in":
                continue
            parts = [np.atleast_2d(piece(door, inputs[door.name], k * block, block)) for k in range(RING)]
            width = max(p.shape[1] for p in parts)
            ring = np.zeros((RING, door.channels * max(1, width)), np.float32)
            for k, p in enumerate(parts):
                ring[k, :p.size] = p.ravel()
            feeds.append(ring)
            strides.append(ring.shape[1])
        for door in self.doors:
            if door.direction == "out":
                keep.append(np.zeros(door.channels * (block + 1), np.float32))
        taken = np.zeros(blocks, np.uint64)
        counted = ctypes.c_uint64()
        status = library().es_measure(
            ctypes.c_void_p(self.player.voice), block, blocks, len(feeds), _pointers(feeds),
            (ctypes.c_uint32 * max(1, len(strides)))(*strides), RING, _pointers(keep),
            ctypes.c_void_p(taken.ctypes.data), ctypes.byref(counted),
        )
        if status != 0:
            raise ArtifactError(status_text(status))
        self.allocations = counted.value / blocks
        return taken / 1e3

    def example(self, block: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Inputs long enough for a ring of blocks."""
        return examples(self.doors, (RING + 1) * max(block, self.hop), seed)


def _pointers(arrays: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    """C pointers of a list of arrays, which the caller keeps alive."""
    return (ctypes.c_void_p * max(1, len(arrays)))(*[a.ctypes.data for a in arrays])
