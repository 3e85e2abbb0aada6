"""Artifacts of small nets by name: a whole DDSP decoder, and every case of every op."""

from __future__ import annotations

from collections.abc import Iterator

from core import op_cases

from edgesynth.graph import Graph
from edgesynth.models.ddsp import DDSP
from targets.artifact import write
from targets.base import target
from targets.lower import lower


def ddsp() -> Graph:
    sizes = {"hidden": 6, "layers": 1, "harmonics": 5, "bands": 5, "reverb": 9}
    return DDSP(**sizes, rate=8000.0, hop=20).build()["decoder"]


def decoder(chunk: int = 64) -> bytes:
    """A DDSP decoder with few units, reverb included."""
    return write(lower(ddsp(), target("host"), chunk=chunk))


def op_artifacts(chunk: int = 16) -> Iterator[tuple[str, bytes]]:
    """(name, artifact) of every op case, streaming."""
    for name, op, case in op_cases.every():
        yield name, write(lower(op_cases.graph(op, case), target("host"), chunk=chunk))
