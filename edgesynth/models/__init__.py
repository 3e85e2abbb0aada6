"""The zoo: one file per model. `MODELS` maps a file's name to its Model class."""

from __future__ import annotations

import sys

from edgesynth.discover import subclasses
from edgesynth.models.base import Model

MODELS: dict[str, type[Model]] = subclasses(sys.modules[__name__], Model)
