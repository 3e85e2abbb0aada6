"""A Graph with any one thing wrong is refused, and the message names that thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from edgesynth.edit import build
from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Port, Shape, State
from edgesynth.verify import verify


def small() -> Graph:
    """x (3) → a, linear → h (4) → act → s (4) → b, linear → y (1)."""
    rng = np.random.default_rng(0)
    params = {
        "a.weight": Param(rng.standard_normal((4, 3))),
        "b.weight": Param(rng.standard_normal((1, 4))),
        "b.bias": Param(np.zeros(1)),
    }
    nodes = [
        Node("a", "linear", ("x",), ("h",), {"weight": "a.weight"}),
        Node("act", "activation", ("h",), ("s",), {}, {"fn": "tanh", "alpha": 0}),
        Node("b", "linear", ("s",), ("y",), {"weight": "b.weight", "bias": "b.bias"}),
    ]
    ports = [Port("in", "in", "x"), Port("out", "out", "y", layout="BT")]
    return build("small", nodes, params, ports, {"x": Shape((3,))}, rate=100.0)


def node(graph: Graph, at: str, /, **changes: object) -> Graph:
    """The Graph with one node changed and nothing inferred anew."""
    nodes = tuple(replace(n, **changes) if n.name == at else n for n in graph.nodes)
    return replace(graph, nodes=nodes)


def shape(graph: Graph, value: str, new: Shape) -> Graph:
    return replace(graph, shapes={**graph.shapes, value: new})


def param(graph: Graph, name: str, new: Param) -> Graph:
    return replace(graph, params={**graph.params, name: new})


def port(graph: Graph, **changes: object) -> Graph:
    return replace(graph, ports=(graph.ports[0], replace(graph.ports[1], **changes)))


CODES = Param(np.ones(1, np.int8), "i8", np.ones(1))
BAD: dict[str, tuple[Callable[[Graph], Graph], str]] = {
    "node twice": (lambda g: node(g, "act", name="a"), "node 'a' comes twice"),
    "value twice": (lambda g: node(g, "act", outputs=("h",)), "value 'h' comes twice"),
    "value over input": (lambda g: node(g, "act", outputs=("x",)), "value 'x' comes twice"),
    "order": (lambda g: replace(g, nodes=g.nodes[::-1]), "'b' reads 's' before"),
    "no such value": (lambda g: node(g, "act", inputs=("q",)), "'act' reads 'q'"),
    "no output": (lambda g: node(g, "act", outputs=()), "node 'act' makes no value"),
    "unknown op": (lambda g: node(g, "act", op="warp"), "node 'act': no op 'warp'"),
    "attribute missing": (lambda g: node(g, "act", attrs={"fn": "tanh"}), "'act'.*'alpha' is miss"),
    "attribute extra": (
        lambda g: node(g, "act", attrs={"fn": "tanh", "alpha": 0.0, "beta": 1}), "'act'.*'beta'",
    ),
    "attribute type": (
        lambda g: node(g, "act", attrs={"fn": "tanh", "alpha": 1}), "'act'.*'alpha' is 1, not of",
    ),
    "attribute bool": (
        lambda g: node(g, "act", attrs={"fn": "tanh", "alpha": True}), "'alpha' is True",
    ),
    "attribute not finite": (
        lambda g: node(g, "act", attrs={"fn": "tanh", "alpha": float("nan")}), "'alpha' is nan",
    ),
    "attribute choice": (
        lambda g: node(g, "act", attrs={"fn": "cosh", "alpha": 0.0}), "'cosh', not one of",
    ),
    "slot empty": (lambda g: node(g, "a", params={}), "'a': slot 'weight' is empty"),
    "slot unknown": (
        lambda g: node(g, "a", params={"weight": "a.weight", "gate": "b.bias"}), "no slot 'gate'",
    ),
    "parameter unknown": (
        lambda g: node(g, "a", params={"weight": "w"}), "'a': weight names no parameter 'w'",
    ),
    "parameter unused": (lambda g: param(g, "c", Param(np.ones(2))), "parameter 'c' is unused"),
    "parameter not finite": (
        lambda g: param(g, "b.bias", Param(np.array([np.nan]))), "'b.bias' is not finite",
    ),
    "format": (lambda g: param(g, "b.bias", CODES), "'b': bias may not be i8"),
    "scale": (
        lambda g: param(g, "b.weight", Param(np.ones((1, 4), np.int8), "i8", np.array([-1.0]))),
        "'b.weight' has a scale",
    ),
    "parameter shape": (lambda g: param(g, "b.weight", Param(np.ones((1, 5)))), "b: input"),
    "shape": (lambda g: shape(g, "s", Shape((5,))), "'s'|b: input|act"),
    "shape in time": (lambda g: shape(g, "y", Shape((1,), offset=1)), "value 'y'.*node 'b'"),
    "two feature axes": (lambda g: shape(g, "y", Shape((1, 1))), "value 'y' has features"),
    "shape missing": (
        lambda g: replace(g, shapes={k: v for k, v in g.shapes.items() if k != "h"}), "'h'",
    ),
    "shape of nothing": (lambda g: shape(g, "z", Shape((1,))), "'z' is never made"),
    "outputs": (lambda g: node(g, "b", outputs=("y", "y2")), "'y2'|2 outputs, not 1"),
    "port value": (lambda g: port(g, value="q"), "port 'out' points at no value 'q'"),
    "port twice": (lambda g: port(g, name="in"), "port 'in' comes twice"),
    "port direction": (lambda g: port(g, direction="up"), "no output port|'up'"),
    "port kind": (lambda g: port(g, kind="video"), "'video'"),
    "port layout": (lambda g: port(g, value="s"), "'out': layout 'BT' on 4 channels"),
    "port range": (lambda g: port(g, low=2.0, high=1.0), "low 2.0 is above high 1.0"),
    "control default": (
        lambda g: port(g, kind="control", low=1.0, high=2.0), "'out': default 0.0 outside",
    ),
    "no output port": (lambda g: replace(g, ports=g.ports[:1]), "no output port"),
    "period": (
        lambda g: shape(replace(g, ports=(*g.ports, Port("z", "in", "z"))), "z",
                        Shape((1,), Fraction(3, 2))),
        "steps every 3/2 samples",
    ),
    "rate": (lambda g: replace(g, rate=-1.0), "rate -1.0"),
    "mask of nothing": (lambda g: replace(g, masks={"q": np.ones(4, bool)}), "no value 'q'"),
    "mask size": (lambda g: replace(g, masks={"h": np.ones(3, bool)}), "mask of value 'h'"),
    "mask type": (lambda g: replace(g, masks={"h": np.ones(4)}), "mask of value 'h'"),
    "state offline": (
        lambda g: replace(g, states=(State("s0", "a", "h", (4,)),)), "'s0'.*no streaming node",
    ),
    "state too many": (
        lambda g: replace(g, streaming=True, states=(State("s0", "a", "h", (4,)),)),
        r"node 'a' has states \['h'\], not \[\]",
    ),
    "delay offline": (lambda g: replace(g, delays={"out": 1}), "not streaming"),
    "delay of nothing": (lambda g: replace(g, streaming=True, delays={"in": 1}), "1 of 'in'"),
}


def test_well_formed_graphs_pass() -> None:
    verify(small())
    verify(replace(small(), masks={"h": np.array([True, False, True, True])}))
    verify(replace(small(), streaming=True, delays={"out": 3}))


@pytest.mark.parametrize("name", BAD)
def test_one_wrong_thing_is_named(name: str) -> None:
    spoil, match = BAD[name]
    with pytest.raises(GraphError, match=match) as caught:
        verify(spoil(small()))
    assert "\n" not in str(caught.value)


def recurrent(states: tuple[State, ...]) -> Graph:
    rng = np.random.default_rng(0)
    shapes = {"w_ih": (6, 3), "w_hh": (6, 2), "b_ih": (6,), "b_hh": (6,)}
    params = {k: Param(rng.standard_normal(s)) for k, s in shapes.items()}
    gru = Node("gru", "gru", ("x",), ("y",), {k: k for k in shapes}, {"start": 0})
    ports = [Port("in", "in", "x"), Port("out", "out", "y")]
    graph = build("r", [gru], params, ports, {"x": Shape((3,))})
    return replace(graph, streaming=True, states=states)


def test_streaming_nodes_keep_exactly_their_states() -> None:
    verify(recurrent((State("gru.h", "gru", "h", (2,)),)))
    for states, match in (
        ((), "node 'gru' has states"),
        ((State("gru.h", "gru", "h", (3,)),), "'gru.h' does not fit"),
        ((State("gru.h", "gru", "h", (2,), "i8"),), "'gru.h' does not fit"),
        ((State("gru.h", "gru", "h", (2,), init="q"),), "'q' is used, not there"),
    ):
        with pytest.raises(GraphError, match=match):
            verify(recurrent(states))
