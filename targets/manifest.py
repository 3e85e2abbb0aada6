"""The manifest of an artifact: what a host wants to know, as plain JSON-able data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from edgesynth.errors import GraphError
from edgesynth.graph import Graph
from targets.base import Target
from targets.plan import Plan, PlanPort


def manifest(plan: Plan, graph: Graph, target: Target, fallbacks: Sequence[str]) -> dict[str, Any]:
    """name, version, rate, chunk, latency, ports, params by format, bytes, MACs, meta, fingerprint.

    Ramps and MIDI times are in frames, delays and latency too. GraphError where meta is no JSON.
    """
    params: dict[str, dict[str, int]] = {}
    used = {name for node in graph.nodes for name in node.params.values()}
    for name in sorted(used):
        entry = params.setdefault(graph.params[name].format, {"count": 0, "values": 0, "bytes": 0})
        entry["count"] += 1
        entry["values"] += graph.params[name].array.size
        entry["bytes"] += graph.params[name].stored_bytes()
    found = {
        "name": graph.name,
        "version": 1,
        "target": target.name,
        "rate": plan.rate,
        "chunk": plan.chunk,
        "latency": plan.latency,
        "ports": [_port(plan, i, p) for i, p in enumerate(plan.ports)],
        "params": params,
        "bytes": {
            "weights": plan.weight_bytes,
            "arena": 4 * plan.arena_floats,
            "state": plan.state_bytes,
        },
        "macs_per_second": graph.macs_per_second(),
        "meta": dict(graph.meta),
        "fingerprint": plan.hash.hex(),
        "fallbacks": list(fallbacks),
    }
    try:
        plain: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise GraphError(f"graph {graph.name!r}: meta is no JSON: {error}") from None
    return plain


def _port(plan: Plan, position: int, port: PlanPort) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": port.name,
        "direction": port.direction,
        "kind": port.kind,
        "channels": port.channels,
        "period": port.period,
    }
    if port.direction == "out":
        entry["delay"] = port.delay
    if port.kind == "control":
        entry |= {"unit": port.unit, "default": port.default, "ramp": port.ramp}
        if (port.low, port.high) != (0.0, 0.0):
            entry |= {"low": port.low, "high": port.high}
        sources = [vars(m) for m in plan.midi if port.direction == "in" and m.port == position]
        entry["midi"] = [{k: v for k, v in m.items() if k != "port"} for m in sources]
    return entry
