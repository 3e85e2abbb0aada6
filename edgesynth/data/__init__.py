"""Training data: `load` reads a spec into `Notes`; `windows` makes batches of them."""

from __future__ import annotations

import math
from pathlib import Path

from edgesynth.data.analysis import assemble
from edgesynth.data.batches import windows
from edgesynth.data.cache import Cache
from edgesynth.data.notes import Notes
from edgesynth.data.sources import SOURCES
from edgesynth.data.sources.base import Request
from edgesynth.errors import InputError
from edgesynth.progress import Progress, quiet

__all__ = ["Notes", "load", "windows"]


def load(
    spec: str | Path,
    rate: float,
    hop: int,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress = quiet,
) -> Notes:
    """Read and analyse `spec` at `rate` Hz with one frame per `hop` samples.

    spec: `<source>:<rest>` for a file of `edgesynth/data/sources/` (`instrument:bowed`,
    `render:violin`), or the path of a folder or a file of recordings. cache: a folder that keeps
    what is slow to make, None for none. The same spec, seed and content give the same notes.
    InputError says in one line what cannot be read; what was refused or changed is in the report.
    """
    if not (math.isfinite(rate) and 1000.0 <= rate <= 384000.0 and 1 <= hop <= rate):
        raise InputError(f"rate {rate:g} Hz with hop {hop}: rate from 1 to 384 kHz, hop from 1")
    if not str(spec).strip():
        raise InputError("no data named: give instrument:bowed, render:violin or a path")
    request = Request(float(rate), int(hop), seed, Cache(cache).keep, progress)
    prefix, colon, rest = str(spec).partition(":")
    try:
        named = bool(colon) and prefix in SOURCES and not Path(spec).exists()
        source, what = (SOURCES[prefix], rest) if named else (SOURCES["folder"], str(spec))
        takes = source.read(what, request)
    except OSError as error:
        raise InputError(f"cannot read {str(spec)[:80]!r}: {error.strerror}") from error
    return assemble(takes, request.rate, request.hop, request.report)
