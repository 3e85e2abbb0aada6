"""The test pair of an artifact: inputs and outputs from reset, in the order a voice takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgesynth.errors import InputError
from targets.plan import Golden, Plan, PlanPort
from targets.records import GOLDEN_FRAMES


def port_shape(port: PlanPort, frames: int) -> tuple[int, int]:
    """(steps, channels) of a port's data over `frames` frames from reset, as a voice takes it."""
    if port.kind == "event":
        return (0, port.channels)
    if port.kind == "control":
        return (frames if port.direction == "in" else -(-frames // port.period), 1)
    return (-(-frames // port.period), port.channels)


def floats(ports: Sequence[PlanPort], frames: int) -> int:
    """Floats of all `ports` together over `frames` frames from reset."""
    return sum(steps * channels for steps, channels in (port_shape(p, frames) for p in ports))


def golden(plan: Plan, pair: Mapping[str, Any]) -> Golden:
    """A Golden from {"frames", "tolerance", "inputs", "outputs"}.

    inputs, outputs: port name -> array (channels, steps) or (steps,), from reset, steps at the
    port's own period; a control input may also hold one value per frame. Longer arrays are cut.
    InputError names what misfits.
    """
    frames, tolerance = int(pair["frames"]), float(pair["tolerance"])
    if not 1 <= frames <= GOLDEN_FRAMES:
        raise InputError(f"test vectors of {frames} frames; 1 to {GOLDEN_FRAMES} are allowed")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise InputError(f"test vectors with tolerance {tolerance}")
    return Golden(
        frames,
        float(np.float32(tolerance)),
        _planar(plan.inputs, pair["inputs"], frames),
        _planar(plan.outputs, pair["outputs"], frames),
    )


def _planar(ports: Sequence[PlanPort], given: Mapping[str, Any], frames: int) -> np.ndarray:
    parts = [np.zeros(0, np.float32)]
    for port in ports:
        steps, channels = port_shape(port, frames)
        if not steps:
            continue
        if port.name not in given:
            raise InputError(f"test vectors lack port {port.name!r}")
        array = np.atleast_2d(np.asarray(given[port.name], np.float32))
        if port.kind == "control" and array.shape[-1] < steps:
            array = np.repeat(array, port.period, axis=-1)
        if array.ndim != 2 or array.shape[0] != channels or array.shape[1] < steps:
            raise InputError(f"port {port.name!r}: {array.shape}, not {(channels, steps)}")
        if not np.isfinite(array[:, :steps]).all():
            raise InputError(f"port {port.name!r}: test vectors are not finite")
        parts.append(array[:, :steps].ravel())
    joined = np.concatenate(parts).astype("<f4")
    joined.setflags(write=False)
    return joined
