"""Other runtimes that a benchmark can be run against: one file a runtime."""

from __future__ import annotations

import sys

from edgesynth.discover import subclasses
from firmware_bridge.measure.peers.base import Peer

PEERS: dict[str, type[Peer]] = subclasses(sys.modules[__name__], Peer)
