"""The structure of a Graph as plain data, and read back from untrusted JSON, every type checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from edgesynth.graph import Graph, MidiSource, Node, Param, Port, Shape, State


def structure(graph: Graph) -> dict[str, Any]:
    """Everything of a Graph but arrays and meta, as plain JSON-able data."""
    return {
        "name": graph.name,
        "rate": graph.rate,
        "streaming": graph.streaming,
        "delays": dict(graph.delays),
        "nodes": [
            [n.name, n.op, list(n.inputs), list(n.outputs), dict(n.params), dict(n.attrs)]
            for n in graph.nodes
        ],
        "ports": [
            {**{k: v for k, v in vars(p).items() if k != "midi"}, "midi": [vars(m) for m in p.midi]}
            for p in graph.ports
        ],
        "shapes": {
            k: [list(s.features), [s.scale.numerator, s.scale.denominator], s.offset]
            for k, s in graph.shapes.items()
        },
        "states": [vars(s) | {"shape": list(s.shape)} for s in graph.states],
    }


def typed(value: Any, *kinds: type | None) -> Any:
    """`value`, of exactly one of these types (None: no value); TypeError otherwise."""
    if (value is None and None in kinds) or type(value) in kinds:
        return value
    raise TypeError(f"{value!r:.80} is of type {type(value).__name__}")


def _number(value: Any) -> float:
    return float(typed(value, int, float))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(typed(v, str) for v in typed(value, list))


def _table(value: Any, each: Callable[[Any], Any]) -> dict[str, Any]:
    return {typed(k, str): each(v) for k, v in typed(value, dict).items()}


def _node(row: Any) -> Node:
    name, op, inputs, outputs, params, attrs = typed(row, list)
    return Node(
        typed(name, str),
        typed(op, str),
        _texts(inputs),
        _texts(outputs),
        _table(params, lambda v: typed(v, str)),
        _table(attrs, lambda v: typed(v, bool, int, float, str)),
    )


TEXT = (str,)


def fields(row: Any, kinds: Mapping[str, tuple[type | None, ...]]) -> dict[str, Any]:
    """The row's fields, each of its type; a field that is unknown or missing raises."""
    if set(typed(row, dict)) != set(kinds):
        odd = sorted(set(row) ^ set(kinds))
        raise KeyError(f"fields {', '.join(odd)}")
    return {k: _number(v) if float in kinds[k] and v is not None else typed(v, *kinds[k])
            for k, v in row.items()}


_NUMBER = (float,)
_MAYBE = (float, None)
_MIDI = {"source": TEXT, "number": (int,)} | dict.fromkeys(
    ("low", "high", "off", "attack", "release"), _NUMBER
)
_PORT = dict.fromkeys(("name", "direction", "value", "kind", "layout", "unit"), TEXT) | {
    "low": _MAYBE, "high": _MAYBE, "default": _NUMBER, "ramp": _NUMBER, "midi": (list,)
}
_STATE = {"name": TEXT, "node": TEXT, "slot": TEXT, "shape": (list,), "dtype": TEXT,
          "init": (str, None)}


def _port(row: Any) -> Port:
    told = fields(row, _PORT)
    midi = tuple(MidiSource(**fields(m, _MIDI)) for m in told["midi"])
    return Port(**{**told, "midi": midi})


def _state(row: Any) -> State:
    told = fields(row, _STATE)
    return State(**{**told, "shape": tuple(typed(n, int) for n in told["shape"])})


def _shape(row: Any) -> Shape:
    features, (numerator, denominator), offset = typed(row, list)
    scale = Fraction(typed(numerator, int), typed(denominator, int))
    return Shape(tuple(typed(n, int) for n in typed(features, list)), scale, typed(offset, int))


def read(told: Any, params: Mapping[str, Param], meta: Mapping[str, Any]) -> Graph:
    """The inverse of `edgesynth.graph.structure`, parameters and meta apart; not yet verified.

    What is not of the right type raises TypeError, ValueError, KeyError or ZeroDivisionError.
    """
    told = typed(told, dict)
    return Graph(
        name=typed(told["name"], str),
        nodes=tuple(_node(n) for n in typed(told["nodes"], list)),
        params=params,
        ports=tuple(_port(p) for p in typed(told["ports"], list)),
        shapes=_table(told["shapes"], _shape),
        rate=None if told["rate"] is None else _number(told["rate"]),
        streaming=typed(told["streaming"], bool),
        states=tuple(_state(s) for s in typed(told["states"], list)),
        delays=_table(told["delays"], lambda v: typed(v, int)),
        meta=meta,
    )
