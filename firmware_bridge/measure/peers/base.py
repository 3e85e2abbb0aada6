"""What a peer is: another runtime that plays the same streaming Graph."""

from __future__ import annotations

import abc
from collections.abc import Mapping

import numpy as np

from edgesynth.graph import Graph


class Peer(abc.ABC):
    """Built from a streaming Graph; one thread. ModuleNotFoundError where it is not installed.

    hop: frames of the shortest call. Where a block is shorter, a call comes every few blocks; a
    longer block is played by one call of all whole hops that it holds.
    """

    hop: int

    @abc.abstractmethod
    def __init__(self, graph: Graph) -> None: ...

    @abc.abstractmethod
    def play(self, inputs: Mapping[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
        """Outputs (channels, steps) from reset over `frames` frames, whole hops, for validation."""

    @abc.abstractmethod
    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
        """Microseconds of each of `blocks` blocks, whole hops of them, fresh input each. A block
        in which no call is due counts as 0."""

    @abc.abstractmethod
    def call(self) -> None:
        """One more inference of the size timed last, for counting allocations."""

    @property
    @abc.abstractmethod
    def calls_per_block(self) -> float:
        """Inferences per block of the size timed last."""
