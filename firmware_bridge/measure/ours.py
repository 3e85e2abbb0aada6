"""Our own runtime on the timing loop in C."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from math import lcm

import numpy as np

from edgesynth.errors import ArtifactError, InputError
from firmware_bridge.library import library, status_text
from firmware_bridge.measure.doors import examples, piece
from firmware_bridge.measure.statistics import whole_blocks
from firmware_bridge.play import Player
from firmware_bridge.ports import Port
from targets.artifact import read

RING, HOPS = 16, 8  # input blocks and hops played in turn, at least
LONGEST = 1 << 24  # frames of the shortest stretch of whole hops and whole blocks


class Ours:
    """One artifact on one kernel table.

    hop: frames after which everything in the net has made a step. allocations: allocator calls per
    block of the last series, counted where the hooks are preloaded.
    """

    def __init__(self, artifact: bytes, doors: Sequence[Port], kernels: str = "best") -> None:
        self.player = Player(artifact, kernels=kernels)
        self.doors = doors
        self.hop = lcm(*(v.period for v in read(artifact).values))
        self.allocations = 0.0

    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
        """Microseconds of each block from reset; inputs as from `example`, cut into a ring of
        blocks that holds whole hops, so that every block finds inputs of its own phase."""
        self.player.reset()
        count = ring(block, self.hop)
        feeds = [self._ring(d, inputs[d.name], block, count) for d in self.doors if d.direction == "in"]
        strides = [f.shape[1] for f in feeds]
        room = [d.channels * (block // d.period + 1) for d in self.doors if d.direction == "out"]
        keep = [np.zeros(n, np.float32) for n in room]
        taken = np.zeros(blocks, np.uint64)
        counted = ctypes.c_uint64()
        status = library().es_measure(
            ctypes.c_void_p(self.player.voice), block, blocks, len(feeds), _pointers(feeds),
            (ctypes.c_uint32 * max(1, len(strides)))(*strides), count, _pointers(keep),
            ctypes.c_void_p(taken.ctypes.data), ctypes.byref(counted),
        )
        if status != 0:
            raise ArtifactError(status_text(status))
        self.allocations = counted.value / blocks
        return taken / 1e3

    def example(self, block: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Inputs as long as the ring of blocks; see `ring`."""
        return examples(self.doors, ring(block, self.hop) * block, seed)

    def _ring(self, door: Port, x: np.ndarray, block: int, count: int) -> np.ndarray:
        """(count, floats of the longest block): what the port is fed, block after block."""
        parts = [np.atleast_2d(piece(door, x, k * block, block)) for k in range(count)]
        made = np.zeros((count, max(1, *(p.size for p in parts))), np.float32)
        for row, part in zip(made, parts, strict=True):
            row[: part.size] = part.ravel()
        return made


def ring(block: int, hop: int) -> int:
    """Blocks of a ring: whole hops, RING blocks and HOPS hops or more. InputError where block and hop
    hardly meet."""
    if lcm(block, hop) > LONGEST:
        raise InputError(
            f"blocks of {block}: a mean over whole hops of {hop} frames would take {lcm(block, hop)} "
            "frames; take a size that shares more factors with the hop"
        )
    return whole_blocks(block, hop, max(RING, -(-HOPS * hop // block)))


def _pointers(arrays: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    """C pointers of a list of arrays, which the caller keeps alive."""
    return (ctypes.c_void_p * max(1, len(arrays)))(*[a.ctypes.data for a in arrays])
