"""A stream equals the offline Graph delayed, from its first sample, at any split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from core import op_cases as cases
from core.random_nets import random_net
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesynth.edit import build, with_masks
from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Port, Shape
from edgesynth.module import GraphModule, StreamModule
from edgesynth.ops import OPS
from edgesynth.stream import stream

EVERY = list(cases.every())


def _play(module: StreamModule, inputs: dict[str, torch.Tensor], cuts: list[int]):
    """Outputs of the whole, played in stretches of `cuts` T-steps, repeated until the end."""
    total = next(iter(inputs.values())).shape[1]
    made, at, i = [], 0, 0
    while at < total:
        n = min(cuts[i % len(cuts)], total - at)
        made.append(module({k: x[:, at : at + n] for k, x in inputs.items()}))
        at, i = at + n, i + 1
    return {k: torch.cat([m[k] for m in made], 1) for k in made[0]}


def _worst(graph: Graph, inputs: dict[str, torch.Tensor], cuts: list[int], double: bool = True):
    """Largest error against the offline Graph delayed, relative to the peak where above 1; also
    checks that every split gives the same length and that something is left to compare."""
    late = stream(graph)
    offline, module = GraphModule(graph, "counter"), StreamModule(late)
    if double:
        offline, module = offline.double(), module.double()
        inputs = {k: x.double() for k, x in inputs.items()}
    with torch.no_grad():
        whole = offline(*(inputs[p.name] for p in graph.inputs))
    whole = whole if isinstance(whole, tuple) else (whole,)
    played = _play(module, inputs, cuts)
    worst = 0.0
    for port, y in zip(graph.outputs, whole, strict=True):
        delay = late.delays[port.name] // late.period(port.value)
        z = played[port.name][:, delay:]
        n = min(z.shape[1], y.shape[1])
        assert n > 0
        peak = max(1.0, float(y.abs().max()))
        worst = max(worst, float((z[:, :n] - y[:, :n]).abs().max()) / peak)
    return worst


def _tensors(case):
    return {k: torch.tensor(v) for k, v in cases.inputs(case, batch=2).items()}


@pytest.mark.parametrize(("op", "case"), [c[1:] for c in EVERY], ids=[c[0] for c in EVERY])
def test_every_case_streams(op, case):
    case = replace(case, length=case.length + 60)
    graph, given_inputs = cases.graph(op, case), _tensors(case)
    for cuts in ([1], [7, 1, 3], [1000]):
        assert _worst(graph, given_inputs, cuts) < 1e-9


@pytest.mark.parametrize("op", sorted(OPS))
def test_single_precision_streams(op):
    case = replace(OPS[op].cases()[-1], length=150)
    assert _worst(cases.graph(op, case), _tensors(case), [11, 2]) < 2e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_random_nets_stream(seed, cuts):
    graph = random_net(seed)
    rng = np.random.default_rng(seed)
    inputs = {
        p.name: torch.tensor(rng.uniform(0.05, 1, (2, 40, graph.shapes[p.value].channels)))
        for p in graph.inputs
    }
    assert _worst(graph, inputs, cuts) < 1e-8


def _conv(name, value, out, width, taps, left, right):
    params = {f"{name}.w": Param(np.linspace(-1, 1, out * width * taps).reshape(out, width, taps)),
              f"{name}.b": Param(np.linspace(0.1, 0.4, out))}
    attrs = {"dilation": 1, "groups": 1, "pad_left": left, "pad_right": right, "start": 0}
    slots = {"weight": f"{name}.w", "bias": f"{name}.b"}
    return Node(name, "conv1d", (value,), (name,), slots, attrs), params


def _ports(outputs):
    return [Port("x", "in", "x"), *(Port(o, "out", o) for o in outputs)]


def test_delays_sum_and_meet():
    first, p1 = _conv("a", "x", 2, 2, 5, 2, 2)
    second, p2 = _conv("b", "a", 2, 2, 3, 1, 1)
    total = Node("c", "binary", ("b", "x"), ("c",), {}, {"fn": "add", "swapped": False})
    again = Node("d", "binary", ("x", "b"), ("d",), {}, {"fn": "mul", "swapped": False})
    graph = build("n", [first, second, total, again], p1 | p2, _ports("acd"), {"x": Shape((2,))})
    late = stream(graph)
    assert late.delays == {"a": 2, "c": 3, "d": 3} and late.latency == 3
    held = [n for n in late.nodes if n.op == "delay"]
    assert [(n.inputs, n.attrs["steps"]) for n in held] == [(("x",), 3)]
    assert late.node("b").attrs["start"] == 2
    assert [s.name for s in late.states] == ["a.history", "b.history", "x@3.history"]


def test_masks_hold_behind_inserted_delays():
    first, p1 = _conv("a", "x", 3, 3, 3, 1, 1)
    mean = Node("m", "reduce", ("x",), ("m",), {}, {"fn": "mean"})
    both = Node("s", "concat", ("x", "a"), ("s",), {}, {})
    norm = Node("n", "layer_norm", ("h",), ("n",), {}, {"eps": 1e-5})
    keep = Node("h", "binary", ("x", "a"), ("h",), {}, {"fn": "add", "swapped": False})
    graph = build("n", [first, mean, both, keep, norm], p1, _ports("msn"), {"x": Shape((3,))})
    graph = with_masks(graph, {"x": [True, False, True], "h": [True, True, False]})
    x = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(1))
    assert _worst(graph, {"x": x}, [4, 1]) < 1e-12
    assert stream(graph).masks["x@1"].tolist() == [True, False, True]


def test_what_cannot_stream_is_refused_by_name():
    node, params = _conv("early", "x", 1, 1, 2, 3, 0)
    graph = build("n", [node], params, _ports(["early"]), {"x": Shape((1,))})
    with pytest.raises(GraphError, match=r"conv1d.*early"):
        stream(graph)
    plain, params = _conv("a", "x", 1, 1, 2, 1, 0)
    late = stream(build("n", [plain], params, _ports("a"), {"x": Shape((1,))}))
    with pytest.raises(GraphError, match="streaming already"):
        stream(late)


def test_delay_that_is_no_whole_step_is_refused():
    osc = {"hop": 8, "seed": 1, "start": 0}
    nodes = [
        Node("u", "noise", ("x",), ("u",), {}, osc),
        Node("v", "noise", ("x",), ("v",), {}, osc | {"seed": 2}),
        Node("y", "binary", ("u", "v"), ("y",), {}, {"fn": "add", "swapped": False}),
    ]
    graph = build("n", nodes, {}, _ports("y"), {"x": Shape((4,))})
    assert stream(graph).delays == {"y": 3}
    odd = Node("z", "noise", ("y",), ("z",), {}, osc)
    with pytest.raises(GraphError):
        stream(build("n", [*nodes, odd], {}, _ports("z"), {"x": Shape((4,))}))
