"""Both readers of the artifact, Python's and C's, on the same damage under a right checksum."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from parity.columns import artifact
from parity.nets import convolutional, synth

from edgesynth.errors import ArtifactError
from firmware_bridge.play import Player
from targets.artifact import read
from targets.records import Section

BLOBS = (artifact(synth(), 64), artifact(convolutional(), 64))
VALUES = [0, 1, 2, 3, 7, 15, 16, 48, 63, 64, 65, 128, 2**10, 2**16, 2**16 + 1, 2**31, 2**32 - 1]
PYTHON_ONLY = ("UTF-8", "JSON", "order")
"""What Python alone checks: names and manifest, which C does not read; running order, on which C
stays memory-safe (net.h)."""
C_ONLY = ("a node of the net is malformed", "an operation that this kernel table lacks")
"""What C alone checks: each op's own sizes."""


def structure(blob: bytes) -> list[int]:
    """Byte offsets of every 32-bit word that is neither weight, name nor manifest."""
    count = struct.unpack_from("<I", blob, 48)[0]
    found = list(range(48, 96 + 16 * count, 4))
    for i in range(count):
        number, offset, size, _ = struct.unpack_from("<4I", blob, 96 + 16 * i)
        if number not in (Section.WEIGHTS, Section.MANIFEST, Section.STRINGS):
            found += range(offset, offset + size, 4)
    return found


@example(0, [(2, 0)])
@given(
    st.integers(0, 1),
    st.lists(st.tuples(st.integers(0, 2**12), st.sampled_from(VALUES)), min_size=1, max_size=2),
)
def test_what_c_opens_python_reads(which: int, edits: list[tuple[int, int]]) -> None:
    blob = bytearray(BLOBS[which])
    words = structure(BLOBS[which])
    for position, value in edits:
        at = words[position % len(words)]
        blob[at : at + 4] = value.to_bytes(4, "little")
    blob[12:16] = zlib.crc32(blob[16:]).to_bytes(4, "little")
    ours, theirs = refusal(read, bytes(blob)), refusal(Player, bytes(blob))
    if ours and not theirs:
        assert any(word in ours for word in PYTHON_ONLY), ours
    if theirs and not ours:
        assert any(word in theirs for word in C_ONLY), theirs


def refusal(reader: Callable[[bytes], Any], blob: bytes) -> str:
    """What the reader says against the artifact; empty where it takes it."""
    try:
        reader(blob)
    except ArtifactError as error:
        return str(error)
    return ""
