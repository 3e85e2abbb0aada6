"""Reads .esa bytes back into a Plan; every length and index is checked (docs/artifact.md)."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgesynth.errors import ArtifactError
from edgesynth.formats import FORMATS
from targets import records as r
from targets.golden import floats
from targets.pack import sizes
from targets.plan import (
    LANES,
    Golden,
    Plan,
    PlanMidi,
    PlanNode,
    PlanParam,
    PlanPort,
    PlanState,
    PlanValue,
)
from targets.records import Section

Rows = list[tuple[Any, ...]]


def read(blob: bytes) -> Plan:
    """The Plan that was written; names of values, parameters, states and nodes are not stored.

    ArtifactError says what is malformed.
    """
    head, sections = _header(bytes(blob))
    rate, chunk, latency, arena = head[6:]
    if not (math.isfinite(rate) and rate >= 0) or not 1 <= chunk <= r.CHUNK_LIMIT:
        raise ArtifactError(f"rate {rate} or chunk {chunk} is out of range")
    words = struct.unpack(f"<{len(sections[Section.WORDS]) // 4}I", sections[Section.WORDS])
    values = _values(_rows(sections, Section.VALUES, r.VALUE), chunk, arena)
    params = tuple(
        _param(row, i, sections.get(Section.WEIGHTS, b""))
        for i, row in enumerate(_rows(sections, Section.PARAMS, r.PARAM))
    )
    states = tuple(
        _state(row, i, params) for i, row in enumerate(_rows(sections, Section.STATES, r.STATE))
    )
    limits = (len(values), len(values), len(params), len(states))
    nodes = tuple(
        _node(row, i, words, limits) for i, row in enumerate(_rows(sections, Section.NODES, r.NODE))
    )
    strings = sections[Section.STRINGS]
    ports = tuple(
        _port(row, i, strings, values)
        for i, row in enumerate(_rows(sections, Section.PORTS, r.PORT))
    )
    _order(nodes, ports)
    midi = tuple(_midi(row, ports) for row in _rows(sections, Section.MIDI, r.MIDI))
    manifest = _manifest(sections.get(Section.MANIFEST))
    plan = Plan(
        rate, chunk, latency, arena, head[4], values, params, states, nodes, ports, midi, manifest,
        _golden(sections.get(Section.GOLDEN), ports),
    )
    return plan


def _header(blob: bytes) -> tuple[tuple[Any, ...], dict[Section, bytes]]:
    if blob[:4] != r.MAGIC:
        raise ArtifactError("this is not an edgesynth artifact")
    if len(blob) < r.HEADER_BYTES:
        raise ArtifactError("the artifact is shorter than its header")
    head = r.HEADER.unpack_from(blob)
    _, version, total, checksum, _, count = head[:6]
    if version != r.VERSION:
        raise ArtifactError(f"the artifact has version {version}; this reader knows {r.VERSION}")
    if not r.HEADER_BYTES <= total <= len(blob):
        raise ArtifactError(f"the artifact is {len(blob)} bytes long and says {total}")
    if zlib.crc32(blob[r.CHECKED_FROM : total]) != checksum:
        raise ArtifactError("the artifact's checksum does not match: the file is damaged")
    first = r.HEADER_BYTES + count * r.ROW.size
    if first > total or any(blob[68 : r.HEADER_BYTES]):
        raise ArtifactError("the artifact's section table is misplaced")
    sections: dict[Section, bytes] = {}
    last = 0
    for i in range(count):
        number, offset, size, rows = r.ROW.unpack_from(blob, r.HEADER_BYTES + i * r.ROW.size)
        if number <= last or offset % r.ALIGN or offset < first or offset + size > total:
            raise ArtifactError(f"section {number} of the artifact is misplaced")
        last = number
        if number in Section.__members__.values():
            section = Section(number)
            if size != rows * r.RECORD_BYTES[section]:
                raise ArtifactError(f"section {section.name}: {size} bytes for {rows} records")
            sections[section] = blob[offset : offset + size]
    for section in r.REQUIRED:
        if section not in sections:
            raise ArtifactError(f"section {section.name} is missing")
    if sections[Section.STRINGS][-1:] != b"\0":
        raise ArtifactError("section STRINGS does not end with a zero")
    return head, sections


def _rows(sections: dict[Section, bytes], section: Section, record: struct.Struct) -> Rows:
    """The section's records; ArtifactError where a reserved byte is set or a float is no number."""
    body = sections.get(section, b"")
    rows = list(record.iter_unpack(body))
    for i, row in enumerate(rows):
        finite = all(math.isfinite(field) for field in row)
        if not finite or record.pack(*row) != body[i * record.size : (i + 1) * record.size]:
            raise ArtifactError(f"section {section.name}, record {i}: reserved or unreadable bytes")
    return rows


def _need(good: bool, what: str) -> None:
    if not good:
        raise ArtifactError(f"{what} is out of bounds")


def _values(rows: Rows, chunk: int, arena: int) -> tuple[PlanValue, ...]:
    for i, (channels, period, offset) in enumerate(rows):
        _need(channels > 0 and period > 0 and offset % LANES == 0, f"value {i}")
        _need(offset + PlanValue(channels, period, offset).floats(chunk) <= arena, f"value {i}")
    return tuple(PlanValue(*row) for row in rows)


def _param(row: tuple[Any, ...], index: int, weights: bytes) -> PlanParam:
    number, layout, blocks, rank, *rest = row
    dims, (at, size, scale_at, scale_size) = rest[:4], rest[4:]
    what = f"parameter {index}"
    formats = {f.id: name for name, f in FORMATS.items()}
    _need(number in formats and layout < len(r.LAYOUTS) and rank <= 4 and blocks >= 1, what)
    _need(min(dims) >= 1 and set(dims[rank:]) <= {1} and dims[0] % blocks == 0, what)
    name, kind = formats[number], r.LAYOUTS[layout]
    _need({"plain": blocks == 1, "vector": rank <= 1, "panels": rank in (2, 3)}[kind], what)
    _need((size, scale_size) == sizes(name, kind, blocks, tuple(dims[:rank])), what)
    _need(size <= r.PARAM_ELEMENTS * FORMATS[name].bytes, what)
    _need(scale_size > 0 or scale_at == 0, what)
    for start, length in ((at, size), (scale_at, scale_size)):
        _need(start % r.ALIGN == 0 and start + length <= len(weights), what)
    return PlanParam(
        name, kind, blocks, tuple(dims[:rank]),
        weights[at : at + size], weights[scale_at : scale_at + scale_size],
    )


def _state(row: tuple[Any, ...], index: int, params: Sequence[PlanParam]) -> PlanState:
    dtype, elements, init = row
    what = f"state {index}"
    _need(dtype < len(r.DTYPES) and elements <= r.STATE_ELEMENTS, what)
    if init == r.NONE:
        return PlanState(r.DTYPES[dtype], elements)
    _need(init < len(params) and r.DTYPES[dtype] == "f4", what)
    _need(params[init].format == "f32" and math.prod(params[init].shape) == elements, what)
    return PlanState(r.DTYPES[dtype], elements, init)


def _node(
    row: tuple[Any, ...], index: int, words: Sequence[int], limits: Sequence[int]
) -> PlanNode:
    op, period, *lists = row
    what = f"node {index}"
    _need(period > 0, what)
    found: list[tuple[int, ...]] = []
    for count, first in zip(lists[::2], lists[1::2], strict=True):
        _need(first + count <= len(words), what)
        found.append(tuple(words[first : first + count]))
    inputs, outputs, params, states, attrs = found
    for part, limit in zip((inputs, outputs, params, states), limits, strict=True):
        _need(all(v < limit or (part is params and v == r.NONE) for v in part), what)
    _need(1 <= len(outputs) <= r.NODE_VALUES >= len(inputs), what)
    _need(len(params) <= r.NODE_PARAMS and len(states) <= r.NODE_STATES, what)
    slots = tuple(None if v == r.NONE else v for v in params)
    return PlanNode(op, period, inputs, outputs, slots, states, attrs)


def _port(
    row: tuple[Any, ...], index: int, strings: bytes, values: Sequence[PlanValue]
) -> PlanPort:
    name, unit, direction, kind, value, channels, period, *rest = row
    what = f"port {index}"
    _need(name < len(strings) and unit < len(strings), what)
    _need(direction < len(r.DIRECTIONS) and kind < len(r.KINDS) and period > 0, what)
    if r.KINDS[kind] == "event":
        _need(value == r.NONE and channels == 0 and r.DIRECTIONS[direction] == "in", what)
    else:
        _need(value < len(values), what)
        _need((channels, period) == (values[value].channels, values[value].period), what)
        _need(r.KINDS[kind] != "audio" or period == 1, what)
        _need(r.KINDS[kind] != "control" or channels == 1, what)
    delay, low, high, default, ramp = rest
    _need(low <= high, what)
    return PlanPort(
        _text(strings, name), _text(strings, unit), r.DIRECTIONS[direction], r.KINDS[kind],
        None if value == r.NONE else value, channels, period, delay, low, high, default, ramp,
    )


def _text(strings: bytes, at: int) -> str:
    try:
        return strings[at : strings.index(0, at)].decode()
    except UnicodeDecodeError:
        raise ArtifactError("a name of the artifact is not UTF-8") from None


def _order(nodes: Sequence[PlanNode], ports: Sequence[PlanPort]) -> None:
    """Inputs before outputs; every value made once and before it is read."""
    directions = [p.direction for p in ports]
    _need(directions == sorted(directions, key=r.DIRECTIONS.index), "the order of ports")
    names = {(p.direction, p.name) for p in ports}
    if len(names) != len(ports):
        raise ArtifactError("two ports of one direction have the same name")
    made = {p.value for p in ports if p.direction == "in"}
    for i, node in enumerate(nodes):
        ordered = made.issuperset(node.inputs) and made.isdisjoint(node.outputs)
        _need(ordered, f"the running order at node {i}")
        made.update(node.outputs)
    _need(made.issuperset(p.value for p in ports), "the running order at an output port")


def _midi(row: tuple[Any, ...], ports: Sequence[PlanPort]) -> PlanMidi:
    source, number, port, *rest = row
    _need(source < len(r.SOURCES) and number <= 127 and port < len(ports), "a MIDI row")
    _need((ports[port].direction, ports[port].kind) == ("in", "control"), "a MIDI row")
    return PlanMidi(r.SOURCES[source], number, port, *rest)


def _manifest(body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ArtifactError("the manifest is no JSON") from None
    if not isinstance(found, dict):
        raise ArtifactError("the manifest is no JSON object")
    return found


def _golden(body: bytes | None, ports: Sequence[PlanPort]) -> Golden | None:
    if body is None:
        return None
    _need(len(body) >= r.GOLDEN.size, "the test vectors")
    frames, tolerance, n_in, n_out = r.GOLDEN.unpack_from(body)
    _need(1 <= frames <= r.GOLDEN_FRAMES and math.isfinite(tolerance), "the test vectors")
    _need(tolerance >= 0 and len(body) == r.GOLDEN.size + 4 * (n_in + n_out), "the test vectors")
    need = [floats([p for p in ports if p.direction == d], frames) for d in r.DIRECTIONS]
    _need(need == [n_in, n_out], "the test vectors")
    data = np.frombuffer(body, "<f4", offset=r.GOLDEN.size)
    _need(bool(np.isfinite(data).all()), "the test vectors")
    return Golden(frames, tolerance, data[:n_in], data[n_in:])
