"""edgesynth: trained neural synths, made small, played in real time on small boards."""

from __future__ import annotations

__version__ = "0.1.0"
