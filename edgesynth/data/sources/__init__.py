"""The sources: one file per kind of spec. `SOURCES` maps a prefix (file name) to its instance."""

from __future__ import annotations

import sys

from edgesynth.data.sources.base import Source
from edgesynth.discover import subclasses

SOURCES: dict[str, Source] = {
    name: kind() for name, kind in subclasses(sys.modules[__name__], Source).items()
}
