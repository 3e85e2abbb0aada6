"""`instrument:<name>[?notes=…&seconds=…]`: notes of a physical model, with no download."""

from __future__ import annotations

import dataclasses
import inspect
from difflib import get_close_matches
from urllib.parse import parse_qsl

import numpy as np

from edgesynth.data.instruments import INSTRUMENTS
from edgesynth.data.instruments.base import Instrument as Model
from edgesynth.data.instruments.base import Take
from edgesynth.data.sources.base import Arrays, Request, Source
from edgesynth.errors import InputError

LIMIT = 1800.0
"""Seconds of sound that are held in memory at once."""


class Instrument(Source):
    """Plays an instrument of `edgesynth.data.instruments`, its fields set after a `?`."""

    def read(self, rest: str, request: Request) -> list[Take]:
        """All its notes, at the instrument's own rate."""
        model = _model(rest)
        settings = dataclasses.asdict(model)
        key = {"instrument": rest, "seed": request.seed, "code": _code(), **settings}

        def make() -> Arrays:
            takes = model.play(request.seed, request.progress)
            return {
                "audio": np.stack([t.audio for t in takes]).astype(np.float32),
                "f0": np.stack([t.f0 for t in takes]).astype(np.float32),
                "voiced": np.stack([t.voiced for t in takes]).astype(np.float32),
                "name": np.array([t.name for t in takes]),
                "number": np.array([[t.rate, t.grid, t.pitch] for t in takes]),
            }

        kept = request.keep(key, make)
        request.report.append(
            f"played {model.notes} notes of {model.seconds:g} s, seed {request.seed}"
        )
        return [
            Take(str(name), audio, float(n[0]), f0, voiced, float(n[1]), float(n[2]))
            for name, audio, f0, voiced, n in zip(
                kept["name"], kept["audio"], kept["f0"], kept["voiced"], kept["number"],
                strict=True,
            )
        ]


def _model(rest: str) -> Model:
    """The instrument that `name?field=value&…` describes."""
    name, _, query = rest.partition("?")
    if name not in INSTRUMENTS:
        near = get_close_matches(name, INSTRUMENTS, 1) or sorted(INSTRUMENTS)
        raise InputError(f"no instrument {name!r}: did you mean {near[0]!r}?")
    kind = INSTRUMENTS[name]
    fields = {f.name: f for f in dataclasses.fields(kind)}
    values: dict[str, float] = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in fields:
            raise InputError(f"instrument {name} has no {key!r}: use {', '.join(fields)}")
        whole = isinstance(fields[key].default, int)
        try:
            values[key] = int(text) if whole else float(text)
        except ValueError:
            raise InputError(f"instrument {name}: {key}={text!r} is not a number") from None
    model = kind(**values)  # type: ignore[arg-type]
    if not (3 <= model.notes <= 2000 and 0.25 <= model.seconds <= 30.0):
        raise InputError(f"instrument {name}: notes from 3 to 2000, seconds from 0.25 to 30")
    if model.notes * model.seconds > LIMIT:
        raise InputError(f"instrument {name}: notes times seconds, {LIMIT:g} at most")
    return model


def _code() -> str:
    """The text of every module that shapes the sound, so that a change makes new notes."""
    import hashlib
    from pathlib import Path

    folder = Path(inspect.getfile(Model)).parent
    files = [*sorted(folder.glob("*.py")), folder.parent / "pitch.py"]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
