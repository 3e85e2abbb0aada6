"""The physical models: one file per instrument. `INSTRUMENTS` maps a file's name to its class."""

from __future__ import annotations

import sys

from edgesynth.data.instruments.base import Instrument
from edgesynth.discover import subclasses

INSTRUMENTS: dict[str, type[Instrument]] = subclasses(sys.modules[__name__], Instrument)
