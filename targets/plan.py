"""The Plan: a Graph lowered for one target, everything by index, ready to be written as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LANES = 16
"""Channels, panels and vectors are padded to a multiple of this many values."""


def padded(n: int) -> int:
    """`n` rounded up to a multiple of LANES."""
    return -(-n // LANES) * LANES


@dataclass(frozen=True)
class PlanValue:
    """One edge. offset: floats into the arena, a multiple of LANES. Names are not stored."""

    channels: int
    period: int
    offset: int
    name: str = field(default="", compare=False)

    @property
    def stride(self) -> int:
        """Floats per step."""
        return 1 if self.channels == 1 else padded(self.channels)

    def floats(self, chunk: int) -> int:
        """Arena floats that a pass of `chunk` frames needs, padding included."""
        return -(-chunk // self.period) * self.stride + LANES


@dataclass(frozen=True)
class PlanParam:
    """One packed parameter. shape: logical, before padding; data, scale: as in the artifact."""

    format: str
    layout: str
    blocks: int
    shape: tuple[int, ...]
    data: bytes
    scale: bytes = b""
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class PlanState:
    """One state array; dtype "f4", "i8" (64-bit integer), "u4"; init: parameter index or None."""

    dtype: str
    elements: int
    init: int | None = None
    name: str = field(default="", compare=False)

    @property
    def bytes(self) -> int:
        """Bytes in a voice, padded to 64."""
        return -(-self.elements * (8 if self.dtype == "i8" else 4) // 64) * 64


@dataclass(frozen=True)
class PlanNode:
    """One operation. params: an index or None per slot of the op; attrs: its 32-bit words."""

    op: int
    period: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    params: tuple[int | None, ...] = ()
    states: tuple[int, ...] = ()
    attrs: tuple[int, ...] = ()
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class PlanMidi:
    """How a note or controller moves an input port; attack and release in frames."""

    source: str
    number: int
    port: int
    low: float
    high: float
    off: float
    attack: int
    release: int


@dataclass(frozen=True)
class PlanPort:
    """One door; low and high are both 0 where no range is stated; ramp and delay in frames.

    value: None, and channels 0, for events."""

    name: str
    unit: str
    direction: str
    kind: str
    value: int | None
    channels: int
    period: int
    delay: int = 0
    low: float = 0.0
    high: float = 0.0
    default: float = 0.0
    ramp: int = 0


@dataclass(frozen=True, eq=False)
class Golden:
    """A test pair from reset; inputs, outputs: float32, all ports in order, each planar."""

    frames: int
    tolerance: float
    inputs: np.ndarray
    outputs: np.ndarray

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Golden) and (
            (self.frames, self.tolerance, self.inputs.tobytes(), self.outputs.tobytes())
            == (other.frames, other.tolerance, other.inputs.tobytes(), other.outputs.tobytes())
        )


@dataclass(frozen=True)
class Plan:
    """A lowered Graph. Inputs stand before outputs in `ports`; nodes stand in running order.

    rate: Hz, 0 where the net has none. hash: 32 bytes, SHA-256 of the streaming Graph. manifest:
    JSON-able, for hosts, with what the target did not honour under "fallbacks".
    """

    rate: float
    chunk: int
    latency: int
    arena_floats: int
    hash: bytes
    values: tuple[PlanValue, ...]
    params: tuple[PlanParam, ...]
    states: tuple[PlanState, ...]
    nodes: tuple[PlanNode, ...]
    ports: tuple[PlanPort, ...]
    midi: tuple[PlanMidi, ...]
    manifest: Mapping[str, Any]
    golden: Golden | None = None

    @property
    def inputs(self) -> tuple[PlanPort, ...]:
        return tuple(p for p in self.ports if p.direction == "in")

    @property
    def outputs(self) -> tuple[PlanPort, ...]:
        return tuple(p for p in self.ports if p.direction == "out")

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """What was asked and is not honoured here, one line each."""
        return tuple(self.manifest.get("fallbacks", ()))

    @property
    def weight_bytes(self) -> int:
        """Bytes of packed parameters, scales and padding included."""
        return sum(len(p.data) + len(p.scale) for p in self.params)

    @property
    def state_bytes(self) -> int:
        """Bytes of state in a voice, padding included."""
        return sum(s.bytes for s in self.states)
