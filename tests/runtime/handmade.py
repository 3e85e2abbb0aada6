"""Artifacts written by hand from docs/artifact.md, apart from targets/: an independent reading."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

NONE = 0xFFFFFFFF
KIND = {"audio": 0, "frame": 1, "control": 2, "event": 3}


@dataclass
class Net:
    """Records as tuples in the order of docs/artifact.md; reserved words are added by `blob`."""

    chunk: int = 32
    rate: float = 48000.0
    latency: int = 0
    hash: bytes = bytes(range(32))
    arena: int = 0
    values: list[tuple[int, int, int]] = field(default_factory=list)
    params: list[tuple[int, ...]] = field(default_factory=list)
    states: list[tuple[int, int, int]] = field(default_factory=list)
    nodes: list[tuple[int, ...]] = field(default_factory=list)
    ports: list[tuple[int | float, ...]] = field(default_factory=list)
    midi: list[tuple[int | float, ...]] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    strings: bytes = b"\0"
    weights: bytes = b""
    manifest: bytes = b""
    golden: bytes = b""

    def value(self, channels: int, period: int = 1) -> int:
        """A value of its own place in the arena; its index."""
        stride = 1 if channels == 1 else -(-channels // 16) * 16
        self.values.append((channels, period, self.arena))
        self.arena += (-(-self.chunk // period) * stride + 16 + 15) // 16 * 16
        return len(self.values) - 1

    def text(self, text: str) -> int:
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text.encode()) - 1

    def port(
        self, name: str, direction: int, kind: str, value: int,
        low: float = 0.0, high: float = 0.0, default: float = 0.0, ramp: int = 0,
    ) -> None:
        channels, period, _ = self.values[value] if value != NONE else (0, 1, 0)
        self.ports.append(
            (self.text(name), 0, direction, KIND[kind], value, channels, period, 0,
             low, high, default, ramp)
        )

    def node(self, op: int, period: int, *lists: Sequence[int]) -> None:
        """Lists: inputs, outputs, params, states, attributes."""
        row = [op, period]
        for words in lists:
            row += [len(words), len(self.words)]
            self.words += words
        self.nodes.append(tuple(row))

    def blob(self) -> bytes:
        """The artifact's bytes, checksum included."""
        rows = {
            1: (self.strings, len(self.strings)),
            2: (struct.pack(f"<{len(self.words)}I", *self.words), len(self.words)),
            3: records("<3I4x", self.values),
            4: records("<12I16x", self.params),
            5: records("<3I4x", self.states),
            6: records("<12I16x", self.nodes),
            7: records("<8I3fI16x", self.ports),
            8: records("<3I3f2I", self.midi),
            9: (self.weights, len(self.weights)),
            10: (self.manifest, len(self.manifest)),
            11: (self.golden, len(self.golden)),
        }
        kept = {i: row for i, row in rows.items() if row[0] or i in (1, 2, 3, 6, 7)}
        at = 96 + 16 * len(kept)
        table, body = b"", b""
        for number, (data, count) in kept.items():
            pad = -at % 64
            table += struct.pack("<4I", number, at + pad, len(data), count)
            body += bytes(pad) + data
            at += pad + len(data)
        head = struct.pack("<32sIf3I28x", self.hash, len(kept), self.rate, self.chunk,
                           self.latency, self.arena)
        tail = head + table + body
        return b"ESA\x1a" + struct.pack("<3I", 1, at, zlib.crc32(tail)) + tail


def records(layout: str, rows: Sequence[tuple[int | float, ...]]) -> tuple[bytes, int]:
    return b"".join(struct.pack(layout, *row) for row in rows), len(rows)


def repaired(blob: bytes | bytearray) -> bytes:
    """The blob with its checksum made right again."""
    size = min(len(blob), struct.unpack_from("<I", blob, 8)[0])
    return bytes(blob[:12]) + struct.pack("<I", zlib.crc32(blob[16:size])) + bytes(blob[16:])


def wire(channels: int = 1, chunk: int = 32, control: bool = False) -> Net:
    """Audio in, the same audio out; no node. `control`: with a control that nothing reads."""
    net = Net(chunk=chunk)
    value = net.value(channels)
    net.port("in", 0, "audio", value)
    if control:
        net.port("unread", 0, "control", net.value(1))
    net.port("out", 1, "audio", value)
    return net


def controls(chunk: int = 32, period: int = 1, ramp: int = 0) -> Net:
    """Pitch, level and cutoff controls that come out again as they were sampled."""
    net = Net(chunk=chunk)
    pitch, level, cutoff = (net.value(1, period) for _ in range(3))
    net.port("pitch", 0, "control", pitch, 20.0, 4000.0, 220.0, ramp)
    net.port("level", 0, "control", level, -80.0, 0.0, -30.0, ramp)
    net.port("cutoff", 0, "control", cutoff)
    for name, value in (("p", pitch), ("l", level), ("c", cutoff)):
        net.port(name, 1, "frame", value)
    net.midi = [
        (0, 0, 0, 0.0, 0.0, 0.0, 7, 0),  # key, glide of 7 frames
        (1, 0, 1, -60.0, -6.0, -80.0, 5, 11),  # velocity: attack 5, release 11
        (2, 74, 2, 0.0, 10.0, 0.0, 3, 0),  # controller 74
        (3, 0, 0, 0.0, 2.0, 0.0, 0, 0),  # bend, two semitones
    ]
    return net
