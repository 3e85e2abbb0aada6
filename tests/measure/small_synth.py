"""A small synth that the measuring tests share: its Graph, artifact and inputs."""

from __future__ import annotations

from functools import cache

import numpy as np

from edgesynth.flow.api import export_bytes
from edgesynth.graph import Graph
from edgesynth.models.ddsp import DDSP
from edgesynth.stream import stream
from firmware_bridge.measure.doors import examples
from firmware_bridge.play import Player
from firmware_bridge.ports import Port

HOP = 48


@cache
def graph() -> Graph:
    """Streaming, two controls in, audio out, reverb included; odd widths."""
    config = DDSP(hidden=13, layers=1, harmonics=9, bands=17, reverb=33, rate=8000.0, hop=HOP)
    return stream(config.build()["decoder"])


@cache
def artifact() -> bytes:
    return export_bytes(graph(), golden=False)


@cache
def doors() -> tuple[Port, ...]:
    return Player(artifact()).ports


def inputs(frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    return examples(doors(), frames, seed)
