"""Events of a block: control changes, notes, controllers and bends with their frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgesynth.errors import InputError
from firmware_bridge.library import EventRow
from firmware_bridge.ports import Port, resolve

KINDS = ("control", "note_on", "note_off", "cc", "bend")


@dataclass(frozen=True)
class Event:
    """Something that happens `offset` frames into a block.

    kind "control": target is a control's name or input index, value its new value, ramp the frames
    it takes to get there (None: the port's own). "note_on": target is the key 0…127, value the
    velocity 0…1. "note_off": target is the key. "cc": target is the controller 0…127, value 0…1.
    "bend": value -1…1.
    """

    offset: int
    kind: str
    target: int | str = 0
    value: float = 0.0
    ramp: float | None = None


def event_rows(
    first: Sequence[Event], events: Sequence[Event], inputs: Sequence[Port], frames: int, clip: bool
) -> tuple[Any, int]:
    """(C array, count) of `first` and then `events` in the order of their offsets; InputError says
    which event cannot be played in a block of `frames` frames."""
    ordered = [*first, *sorted(events, key=lambda e: e.offset)]
    rows = (EventRow * max(1, len(ordered)))()
    for i, event in enumerate(ordered):
        if event.kind not in KINDS:
            raise InputError(f"unknown event {event.kind!r}; known: {', '.join(KINDS)}")
        if not 0 <= event.offset < frames:
            raise InputError(f"{event.kind} at offset {event.offset} of a block of {frames} frames")
        ramp = -1.0 if event.ramp is None else float(event.ramp)
        if not math.isfinite(event.value) or not math.isfinite(ramp):
            raise InputError(f"{event.kind} event: value and ramp must be finite")
        if event.ramp is not None and ramp < 0:
            raise InputError(f"{event.kind} event: a ramp of {ramp:g} frames")
        index = _control(event, inputs, clip) if event.kind == "control" else _midi(event)
        rows[i] = EventRow(event.offset, KINDS.index(event.kind), index, event.value, ramp)
    return rows, len(ordered)


def _control(event: Event, inputs: Sequence[Port], clip: bool) -> int:
    if isinstance(event.target, str):
        port = resolve(event.target, inputs)
    elif 0 <= event.target < len(inputs):
        port = inputs[event.target]
    else:
        raise InputError(f"no input port {event.target}; there are {len(inputs)}")
    if port.kind != "control":
        raise InputError(f"port {port.name!r} is no control")
    port.check(np.asarray(event.value, np.float32), clip)
    return inputs.index(port)


def _midi(event: Event) -> int:
    low = -1.0 if event.kind == "bend" else 0.0
    if event.kind != "bend" and not (isinstance(event.target, int) and 0 <= event.target <= 127):
        raise InputError(f"{event.kind} event: number {event.target!r} does not lie in 0…127")
    if event.kind != "note_off" and not low <= event.value <= 1.0:
        raise InputError(f"{event.kind} event: value {event.value:g} does not lie in {low:g}…1")
    return event.target if isinstance(event.target, int) else 0
