"""The Graph: a network as data. Nodes, values, parameters, ports; no torch in it.

Every value is laid out (batch, time, *features) whatever the layout of the model it came from;
a Port remembers the outer layout. Time has `scale · T + offset` steps, T being the graph's own
unit of length, so one Graph stands for every length and every batch size.

A Graph is immutable: `edgesynth.edit` makes changed ones, `edgesynth.verify` checks them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.formats import FORMATS

if TYPE_CHECKING:
    from torch import nn

Attr = bool | int | float | str
KINDS = ("audio", "frame", "control", "event")


@dataclass(frozen=True)
class Shape:
    """Shape of one value: (batch, scale · T + offset, *features)."""

    features: tuple[int, ...]
    scale: Fraction = Fraction(1)
    offset: int = 0

    @property
    def channels(self) -> int:
        """Product of the feature sizes: what one time step holds."""
        n = 1
        for size in self.features:
            n *= size
        return n

    def steps(self, length: int) -> int:
        """Time steps at T = `length`."""
        n = self.scale * length + self.offset
        if n.denominator != 1:
            raise GraphError(f"length {length} is no multiple of {self.scale.denominator}")
        return int(n)


@dataclass(frozen=True, eq=False)
class Param:
    """One parameter array with its number format; read-only.

    `array`: values (f32) or codes (i8). `scale`: per-channel scale over axis 0, where the format
    has one. `trainable` False marks a fixed transform, never trained, trimmed or quantized.
    """

    array: np.ndarray
    format: str = "f32"
    scale: np.ndarray | None = None
    trainable: bool = True

    def __post_init__(self) -> None:
        spec = FORMATS[self.format]
        array = np.array(self.array, dtype=spec.dtype, order="C")  # a copy of our own
        array.setflags(write=False)
        object.__setattr__(self, "array", array)
        if spec.scaled != (self.scale is not None):
            needs = "needs" if spec.scaled else "has no"
            raise GraphError(f"a {self.format} parameter {needs} scale")
        if self.scale is not None:
            scale = np.array(self.scale, dtype="<f4")
            if scale.shape != array.shape[:1]:
                raise GraphError(f"scale of shape {scale.shape} on codes of shape {array.shape}")
            scale.setflags(write=False)
            object.__setattr__(self, "scale", scale)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    def values(self) -> np.ndarray:
        """The values that the runtime computes with, float32."""
        if self.scale is None:
            return self.array
        per_channel = self.scale.reshape((-1,) + (1,) * (self.array.ndim - 1))
        values: np.ndarray = (self.array.astype(np.float32) * per_channel).astype(np.float32)
        return values

    def stored_bytes(self) -> int:
        """Bytes of codes and scales, without padding."""
        return self.array.nbytes + (0 if self.scale is None else self.scale.nbytes)


@dataclass(frozen=True)
class Node:
    """One operation. `inputs` and `outputs` are value names; `params` maps an op's slot to a
    parameter name; `attrs` holds the op's declared attributes, all of them."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    attrs: Mapping[str, Attr] = field(default_factory=dict)


@dataclass(frozen=True)
class MidiSource:
    """How a note or controller moves a control.

    source: "key" (Hz from the key, equal temperament, A4 = 440), "velocity" (0…1 → low…high,
    `off` on release), "cc" (number, 0…1 → low…high), "bend" (±`high` semitones on a "key" control).
    `attack` and `release` are ramps in seconds.
    """

    source: str
    number: int = 0
    low: float = 0.0
    high: float = 1.0
    off: float = 0.0
    attack: float = 0.0
    release: float = 0.0


@dataclass(frozen=True)
class Port:
    """A named door of the Graph.

    kind: audio (every sample), frame (a vector every period), control (a scalar sampled on the
    clock, held between changes, with ramps), event. `layout` names the axes outside: B batch,
    T time, C features, e.g. "BT", "BTC", "BCT". `low`, `high`, `default`, `ramp` (seconds),
    `unit` and `midi` are for controls.
    """

    name: str
    direction: str
    value: str
    kind: str = "audio"
    layout: str = "BTC"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    default: float = 0.0
    ramp: float = 0.0
    midi: tuple[MidiSource, ...] = ()


@dataclass(frozen=True, eq=False)
class State:
    """One state array of a streaming Graph: belongs to `node`'s `slot`; `shape` without batch.

    dtype: "f4", "i8" (64-bit integer) or "u4". `init` names the parameter that a reset copies,
    None for zeros."""

    name: str
    node: str
    slot: str
    shape: tuple[int, ...]
    dtype: str = "f4"
    init: str | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: `nodes` in an order in which every input is made before it is used.

    rate: samples per second of the clock (the fastest value), None where the model has none.
    shapes: every value's Shape (made by `edgesynth.edit`, checked by `verify`).
    masks: unit masks by value name, bool over that value's last feature axis; True is alive.
    streaming: nodes keep state from call to call; `states` lists it, `delays` gives each output
    port's delay in clock samples against the offline Graph.
    meta: free JSON-able notes (model name, configuration), no behaviour.
    """

    name: str
    nodes: tuple[Node, ...]
    params: Mapping[str, Param]
    ports: tuple[Port, ...]
    shapes: Mapping[str, Shape]
    rate: float | None = None
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    streaming: bool = False
    states: tuple[State, ...] = ()
    delays: Mapping[str, int] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("params", "shapes", "masks", "delays", "meta"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __deepcopy__(self, memo: object) -> Graph:
        return self  # immutable

    @property
    def inputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if p.direction == "in")

    @property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if p.direction == "out")

    def node(self, name: str) -> Node:
        """The node of that name; GraphError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise GraphError(f"no node {name!r} in graph {self.name!r}")

    def producer(self, value: str) -> Node | None:
        """The node that makes `value`; None for a graph input."""
        return next((n for n in self.nodes if value in n.outputs), None)

    def consumers(self, value: str) -> tuple[Node, ...]:
        return tuple(n for n in self.nodes if value in n.inputs)

    @property
    def clock_scale(self) -> Fraction:
        """Time scale of the fastest port: one clock sample is one step of it."""
        return max(self.shapes[p.value].scale for p in self.ports)

    def period(self, value: str) -> int:
        """Clock samples per step of `value`."""
        period = self.clock_scale / self.shapes[value].scale
        if period.denominator != 1:
            raise GraphError(f"value {value!r} steps every {period} samples, not a whole number")
        return int(period)

    @property
    def latency(self) -> int:
        """Largest delay of any output, in clock samples."""
        return max(self.delays.values(), default=0)

    def parameter_count(self) -> int:
        """Stored values over all parameters, fixed ones included."""
        return sum(p.array.size for p in self.params.values())

    def stored_bytes(self) -> int:
        """Bytes of all parameters as stored, without padding."""
        return sum(p.stored_bytes() for p in self.params.values())

    def macs_per_second(self) -> float:
        """Multiply-adds per second of audio over all nodes (per second of T where rate is None)."""
        from edgesynth.ops import OPS

        total = 0.0
        for node in self.nodes:
            steps = (self.rate or 1.0) / self.period(node.outputs[0])
            total += steps * OPS[node.op].macs(node, self)
        return total

    def fingerprint(self) -> str:
        """SHA-256 over structure and parameters, as 64 hex digits; meta and masks left out."""
        from edgesynth.structure import structure

        h = hashlib.sha256()
        h.update(json.dumps(structure(self), sort_keys=True).encode())
        for name in sorted(self.params):
            p = self.params[name]
            h.update(f"{name}:{p.format}:{p.shape}".encode())
            h.update(p.array.tobytes())
            if p.scale is not None:
                h.update(p.scale.tobytes())
        return h.hexdigest()

    def module(self, random: str = "torch") -> nn.Module:
        """A trainable torch view of this Graph (see `edgesynth.module`)."""
        from edgesynth.module import GraphModule

        return GraphModule(self, random=random)

    def with_params(self, source: Any) -> Graph:
        """This Graph with parameter values taken from a module, or a mapping of arrays, of the
        same names and shapes; formats become f32. GraphError names what is missing or misshapen."""
        arrays = source.state_dict() if hasattr(source, "state_dict") else source
        arrays = {k.replace("/", "."): np.asarray(v) for k, v in arrays.items()}
        params = {}
        for name, old in self.params.items():
            if name not in arrays:
                raise GraphError(f"parameter {name!r} is missing")
            if tuple(arrays[name].shape) != old.shape:
                raise GraphError(f"parameter {name!r} is {arrays[name].shape}, not {old.shape}")
            params[name] = Param(arrays[name].astype(np.float32), trainable=old.trainable)
        return replace(self, params=params)
