"""Columns of the parity matrix for cross-compiled builds in an emulator, one start for all rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import numpy as np
from parity.cases import Example, examples, slowest
from parity.columns import Column, Outputs, artifact

from edgesynth.stream import stream
from firmware_bridge.emulate import Job, missing, play_jobs
from targets.base import target

CHUNK = 48


class Board(Column):
    """A board's build on the kernels that it picks."""

    board: ClassVar[str]

    def available(self) -> str:
        return missing(target(self.board)) or ""

    def play(self, example: Example) -> Outputs:
        return played(self.board)[example.name]

    def play_all(self, rows: Sequence[tuple[Example, int]]) -> list[Outputs]:
        """Every row with its block size, from reset, (steps, channels) by port name."""
        found = play_jobs(self.board, [job(example, block) for example, block in rows])
        return [{k: v.T.copy() for k, v in made.items()} for made in found]


class Aarch64(Board):
    name = "aarch64"
    board = "pi4"


class Armhf(Board):
    name = "armhf"
    board = "bela"


BOARDS = (Aarch64(), Armhf())


@cache
def played(board: str) -> dict[str, Outputs]:
    """All rows of the matrix on a board, in blocks of 64."""
    column = next(c for c in BOARDS if c.board == board)
    made = column.play_all([(example, 64) for example in examples().values()])
    return dict(zip(examples(), made, strict=True))


def job(example: Example, block: int) -> Job:
    """The row as the player takes it."""
    from firmware_bridge.play import Player

    blob = artifact(example.graph, CHUNK)
    total = example.steps * slowest(stream(example.graph))
    inputs = {k: np.ascontiguousarray(v.T) for k, v in example.inputs.items()}
    return Job(blob, Player(blob).ports, inputs, total, min(block, total))
