"""Numbers of the .esa format (docs/artifact.md): ids, record layouts, codes of closed lists."""

from __future__ import annotations

import struct
from enum import IntEnum

MAGIC = b"ESA\x1a"
VERSION = 1
ALIGN = 64
NONE = 0xFFFFFFFF
HEADER_BYTES = 96
GOLDEN_FRAMES = 256
CHUNK_LIMIT = 65536
BYTES_LIMIT = 2**32 - 1
NODE_VALUES = 64
NODE_PARAMS = 16
NODE_STATES = 16
PARAM_ELEMENTS = 2**31
STATE_ELEMENTS = 2**28


class Section(IntEnum):
    """Section ids; never reused."""

    STRINGS = 1
    WORDS = 2
    VALUES = 3
    PARAMS = 4
    STATES = 5
    NODES = 6
    PORTS = 7
    MIDI = 8
    WEIGHTS = 9
    MANIFEST = 10
    GOLDEN = 11


REQUIRED = (Section.STRINGS, Section.WORDS, Section.VALUES, Section.NODES, Section.PORTS)

HEADER = struct.Struct("<4s3I32sIf3I28x")
CHECKED_FROM = 16
ROW = struct.Struct("<4I")
VALUE = struct.Struct("<3I4x")
PARAM = struct.Struct("<12I16x")
STATE = struct.Struct("<3I4x")
NODE = struct.Struct("<12I16x")
PORT = struct.Struct("<8I3fI16x")
MIDI = struct.Struct("<3I3f2I")
GOLDEN = struct.Struct("<If2I")

RECORD_BYTES = {
    Section.STRINGS: 1,
    Section.WORDS: 4,
    Section.VALUES: VALUE.size,
    Section.PARAMS: PARAM.size,
    Section.STATES: STATE.size,
    Section.NODES: NODE.size,
    Section.PORTS: PORT.size,
    Section.MIDI: MIDI.size,
    Section.WEIGHTS: 1,
    Section.MANIFEST: 1,
    Section.GOLDEN: 1,
}

LAYOUTS = ("plain", "vector", "panels")
DTYPES = ("f4", "i8", "u4")
DIRECTIONS = ("in", "out")
KINDS = ("audio", "frame", "control", "event")
SOURCES = ("key", "velocity", "cc", "bend")


def aligned(n: int) -> int:
    """`n` rounded up to a multiple of ALIGN."""
    return -(-n // ALIGN) * ALIGN
