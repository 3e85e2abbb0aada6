"""Plan to .esa bytes and back; docs/artifact.md is the format's specification."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from edgesynth.errors import ArtifactError
from edgesynth.formats import FORMATS
from targets import records as r
from targets.golden import golden as make_golden
from targets.plan import Golden, Plan
from targets.reader import read
from targets.records import Section

__all__ = ["read", "write"]


def write(plan: Plan, golden: Golden | Mapping[str, Any] | None = None) -> bytes:
    """The artifact; the same Plan gives the same bytes.

    golden: test vectors (see `targets.golden.golden`) instead of the Plan's own.
    ArtifactError where the artifact would not fit 32-bit offsets.
    """
    pair = plan.golden if golden is None else golden
    if isinstance(pair, Mapping):
        pair = make_golden(plan, pair)
    strings, words, weights = _Strings(), _Words(), _Weights()
    bodies: dict[Section, bytes] = {
        Section.VALUES: b"".join(
            r.VALUE.pack(v.channels, v.period, v.offset) for v in plan.values
        ),
        Section.PARAMS: _params(plan, weights),
        Section.STATES: b"".join(
            r.STATE.pack(r.DTYPES.index(s.dtype), s.elements, _or_none(s.init))
            for s in plan.states
        ),
        Section.NODES: _nodes(plan, words),
        Section.PORTS: _ports(plan, strings),
        Section.MIDI: _midi(plan),
        Section.WEIGHTS: bytes(weights.data),
        Section.MANIFEST: json.dumps(
            dict(plan.manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode(),
        Section.STRINGS: bytes(strings.data) or b"\0",
        Section.WORDS: bytes(words.data),
    }
    if pair is not None:
        head = r.GOLDEN.pack(pair.frames, pair.tolerance, pair.inputs.size, pair.outputs.size)
        bodies[Section.GOLDEN] = head + pair.inputs.tobytes() + pair.outputs.tobytes()
    kept = {i: b for i, b in sorted(bodies.items()) if b or i in r.REQUIRED}
    return _join(plan, kept)


def _join(plan: Plan, sections: Mapping[Section, bytes]) -> bytes:
    at = r.HEADER_BYTES + r.ROW.size * len(sections)
    rows, parts = [], []
    for section, body in sections.items():
        pad = r.aligned(at) - at
        rows.append(
            r.ROW.pack(section, at + pad, len(body), len(body) // r.RECORD_BYTES[section])
            if at + pad + len(body) <= r.BYTES_LIMIT
            else b""
        )
        parts += [bytes(pad), body]
        at += pad + len(body)
    end = r.aligned(at) - at
    total = at + end
    if total > r.BYTES_LIMIT:
        raise ArtifactError(f"the artifact would take {total} bytes; the format ends at 4 GiB")

    def header(checksum: int) -> bytes:
        return r.HEADER.pack(
            r.MAGIC, r.VERSION, total, checksum, plan.hash, len(sections),
            plan.rate, plan.chunk, plan.latency, plan.arena_floats,
        )

    tail = b"".join([*rows, *parts, bytes(end)])
    return header(zlib.crc32(tail, zlib.crc32(header(0)[r.CHECKED_FROM :]))) + tail


class _Strings:
    """Zero-terminated texts, each stored once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._known: dict[str, int] = {}

    def add(self, text: str) -> int:
        if "\0" in text:
            raise ArtifactError(f"name {text!r} holds a zero character")
        if text not in self._known:
            self._known[text] = len(self.data)
            self.data += text.encode() + b"\0"
        return self._known[text]


class _Words:
    """The pool of 32-bit lists; equal lists are stored once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._known: dict[bytes, int] = {}

    def add(self, values: Sequence[int]) -> tuple[int, int]:
        body = b"".join(v.to_bytes(4, "little") for v in values)
        if not body:
            return 0, 0
        if body not in self._known:
            self._known[body] = len(self.data) // 4
            self.data += body
        return len(values), self._known[body]


class _Weights:
    """Raw parameter bytes, each block aligned."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, body: bytes) -> tuple[int, int]:
        if not body:
            return 0, 0
        self.data += bytes(r.aligned(len(self.data)) - len(self.data))
        at = len(self.data)
        self.data += body
        if len(self.data) > r.BYTES_LIMIT:
            raise ArtifactError("the weights take more than 4 GiB; the format ends there")
        return at, len(body)


def _or_none(index: int | None) -> int:
    return r.NONE if index is None else index


def _params(plan: Plan, weights: _Weights) -> bytes:
    rows = []
    for p in plan.params:
        dims = p.shape + (1,) * (4 - len(p.shape))
        rows.append(
            r.PARAM.pack(
                FORMATS[p.format].id, r.LAYOUTS.index(p.layout), p.blocks, len(p.shape), *dims,
                *weights.add(p.data), *weights.add(p.scale),
            )
        )
    return b"".join(rows)


def _nodes(plan: Plan, words: _Words) -> bytes:
    rows = []
    for n in plan.nodes:
        lists = (n.inputs, n.outputs, tuple(map(_or_none, n.params)), n.states, n.attrs)
        flat = [word for values in lists for word in words.add(values)]
        rows.append(r.NODE.pack(n.op, n.period, *flat))
    return b"".join(rows)


def _ports(plan: Plan, strings: _Strings) -> bytes:
    return b"".join(
        r.PORT.pack(
            strings.add(p.name), strings.add(p.unit), r.DIRECTIONS.index(p.direction),
            r.KINDS.index(p.kind), _or_none(p.value), p.channels, p.period, p.delay,
            p.low, p.high, p.default, p.ramp,
        )
        for p in plan.ports
    )


def _midi(plan: Plan) -> bytes:
    return b"".join(
        r.MIDI.pack(
            r.SOURCES.index(m.source), m.number, m.port, m.low, m.high, m.off, m.attack, m.release
        )
        for m in plan.midi
    )
