"""Ports as a Player shows them: what they take and give, and the checks of what is fed to them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from edgesynth.errors import ArtifactError, InputError
from firmware_bridge.library import ModelInfo, PortInfo, status_text

KINDS = ("audio", "frame", "control", "event")


@dataclass(frozen=True)
class Port:
    """One door of an artifact.

    period: frames per step. delay: frames an output lags its input. low, high: a control's range,
    None where none is stated. ramp: frames that a change takes where it names no ramp of its own.
    """

    name: str
    direction: str
    kind: str
    channels: int
    period: int
    delay: int = 0
    low: float | None = None
    high: float | None = None
    default: float = 0.0
    ramp: int = 0
    unit: str = ""

    def check(self, value: np.ndarray, clip: bool) -> None:
        """Raise InputError where a control is not finite or, unless clipped, out of range."""
        if self.kind == "event":
            raise InputError(f"port {self.name!r} takes events, not values")
        if self.kind != "control":
            return
        if not np.isfinite(value).all():
            raise InputError(f"control {self.name!r}: the value must be finite")
        if clip or self.low is None or self.high is None or value.size == 0:
            return
        least, most = float(value.min()), float(value.max())
        if least < self.low or most > self.high:
            worst = least if least < self.low else most
            raise InputError(
                f"control {self.name!r} = {worst:g} lies outside {self.low:g}…{self.high:g}"
                f"{' ' + self.unit if self.unit else ''}"
            )

    def shaped(self, array: np.ndarray | None, steps: int) -> np.ndarray | None:
        """`array` as contiguous (channels, steps) float32; None stays None where it may."""
        if array is None:
            if self.kind in ("audio", "frame") and steps:
                raise InputError(f"port {self.name!r} needs {steps} steps and got none")
            return None
        if self.kind == "control":
            good = array.shape in ((steps,), (1, steps))
        else:
            flat = self.channels == 1 and array.shape == (steps,)
            good = flat or array.shape == (self.channels, steps)
        if not good:
            want = f"({steps},)" if self.channels == 1 else f"({self.channels}, {steps})"
            raise InputError(f"port {self.name!r} needs an array {want}, not {array.shape}")
        return np.ascontiguousarray(array, np.float32)


def resolve(name: str, ports: Sequence[Port]) -> Port:
    """The port of that name; InputError names the nearest."""
    for port in ports:
        if port.name == name:
            return port
    near = get_close_matches(str(name), [p.name for p in ports], n=1, cutoff=0.0)
    raise InputError(f"no port {name!r}" + (f"; nearest is {near[0]!r}" if near else ""))


def read_ports(
    lib: ctypes.CDLL, model: object, info: ModelInfo
) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """(inputs, outputs) of an opened model. ArtifactError: a name is no UTF-8 or comes twice."""
    found: list[tuple[Port, ...]] = []
    for direction, count in ((0, info.inputs), (1, info.outputs)):
        side = []
        for i in range(count):
            row = PortInfo()
            status = lib.es_model_port(model, direction, i, ctypes.byref(row))
            if status != 0:
                raise ArtifactError(status_text(status))
            side.append(_port(row))
        if len({p.name for p in side}) != len(side):
            raise ArtifactError("two ports of one direction have the same name")
        found.append(tuple(side))
    return found[0], found[1]


def _port(row: PortInfo) -> Port:
    ranged = (row.low, row.high) != (0.0, 0.0)
    try:
        name, unit = row.name.decode(), row.unit.decode()
    except UnicodeDecodeError:
        raise ArtifactError("a port's name is no UTF-8") from None
    return Port(
        name=name, direction=("in", "out")[row.direction], kind=KINDS[row.kind],
        channels=row.channels, period=row.period, delay=row.delay,
        low=float(row.low) if ranged else None, high=float(row.high) if ranged else None,
        default=float(row.initial), ramp=row.ramp, unit=unit,
    )
