"""GraphModule and StreamModule: names, layouts, masks, state, cost."""

from __future__ import annotations

import copy
import time

import numpy as np
import pytest
import torch
from torch import nn

from edgesynth.edit import build, cut, with_masks, with_param
from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Port, Shape
from edgesynth.module import GraphModule, StreamModule
from edgesynth.ops.harmonic import harmonic
from edgesynth.ops.noise import filtered_noise
from edgesynth.stream import stream

ALIVE = np.array([True, False, True, True, False, True])
KEPT = np.flatnonzero(ALIVE)


def _param(seed: int, *shape: int, trainable: bool = True) -> Param:
    scale = np.sqrt(max(1, int(np.prod(shape[1:]))))
    values = np.random.default_rng(seed).standard_normal(shape) / scale
    return Param(values, trainable=trainable)


def _decoder(width: int = 6) -> Graph:
    """linear, layer_norm, relu, gru, mean and linear, all of one width."""
    w, gates = width, 3 * width
    params = {
        "in.weight": _param(1, w, 3), "in.bias": _param(2, w), "norm.weight": _param(3, w),
        "norm.bias": _param(4, w), "gru.w_ih": _param(5, gates, w), "gru.w_hh": _param(6, gates, w),
        "gru.b_ih": _param(7, gates), "gru.b_hh": _param(8, gates), "out.weight": _param(9, 2, w),
    }

    def node(op, name, x, slots=(), **attrs):
        return Node(name, op, (x,), (name,), {s: f"{name}.{s}" for s in slots}, attrs)

    nodes = [
        node("linear", "in", "x", ("weight", "bias")),
        node("layer_norm", "norm", "in", ("weight", "bias"), eps=1e-5),
        node("activation", "act", "norm", fn="relu", alpha=0.0),
        node("gru", "gru", "act", ("w_ih", "w_hh", "b_ih", "b_hh"), start=0),
        node("reduce", "mean", "gru", fn="mean"),
        node("reduce", "top", "gru", fn="max"),
        node("linear", "out", "gru", ("weight",)),
    ]
    ports = [Port("x", "in", "x", layout="BCT"), Port("y", "out", "out", layout="BCT"),
             Port("mean", "out", "mean", layout="BT"), Port("top", "out", "top", layout="TB")]
    return build("decoder", nodes, params, ports, {"x": Shape((3,))})


def _x(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_layouts_and_names():
    graph = _decoder()
    module = GraphModule(graph)
    y, mean, top = module(_x(2, 3, 11))
    assert y.shape == (2, 2, 11) and mean.shape == (2, 11) and top.shape == (11, 2)
    assert {k.replace("/", ".") for k in module.state_dict()} == set(graph.params)
    assert module.graph is graph


def test_trained_values_come_back():
    graph = _decoder()
    module = GraphModule(graph)
    before = module(_x(2, 3, 11))[0].square().mean()
    before.backward()
    with torch.no_grad():
        for p in module.parameters():
            p -= 0.1 * p.grad
    after = module(_x(2, 3, 11))[0].square().mean()
    assert after < before
    again = graph.with_params(module)
    for name, param in again.params.items():
        np.testing.assert_array_equal(param.array, module.state_dict()[name.replace(".", "/")])
    assert GraphModule(again)(_x(2, 3, 11))[0].square().mean() == after


def test_what_is_fixed_does_not_train():
    graph = _decoder()
    graph = with_param(graph, "out.weight", _param(9, 2, 6, trainable=False))
    codes, scale = np.full((6, 3), 3, np.int8), np.linspace(0.1, 0.6, 6)
    graph = with_param(graph, "in.weight", Param(codes, "i8", scale))
    module = GraphModule(graph)
    names = {name for name, _ in module.named_parameters()}
    assert names == {k.replace(".", "/") for k in graph.params} - {"out/weight", "in/weight"}
    expected = torch.tensor(codes * scale[:, None].astype(np.float32))
    torch.testing.assert_close(module.state_dict()["in/weight"], expected)


def test_masked_equals_cut():
    graph = _decoder()
    masked = with_masks(graph, {v: ALIVE for v in ("in", "norm", "act", "gru")})
    rows = np.concatenate([KEPT, KEPT + 6, KEPT + 12])
    kept = {
        "in.weight": {0: KEPT}, "in.bias": {0: KEPT}, "norm.weight": {0: KEPT},
        "norm.bias": {0: KEPT}, "gru.w_ih": {0: rows, 1: KEPT}, "gru.w_hh": {0: rows, 1: KEPT},
        "gru.b_ih": {0: rows}, "gru.b_hh": {0: rows}, "out.weight": {1: KEPT},
    }
    small = cut(graph, kept)
    x = _x(2, 3, 17)
    for a, b in zip(GraphModule(masked)(x), GraphModule(small)(x), strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=1e-5)
    dense = GraphModule(graph)(x)[0]
    assert (dense - GraphModule(small)(x)[0]).abs().max() > 1e-2
    late, few = StreamModule(stream(masked)), StreamModule(stream(small))
    given = {"x": x.transpose(1, 2)}
    for name, value in late(given).items():
        torch.testing.assert_close(value, few(given)[name], atol=2e-6, rtol=1e-5)
        few.reset()


def test_masked_input_reaches_nothing():
    graph = with_masks(_decoder(), {"x": [True, False, True]})
    x = _x(1, 3, 9)
    other = x.clone()
    other[:, 1] = 100.0
    module = GraphModule(graph)
    assert torch.equal(module(x)[0], module(other)[0])


def test_dead_units_get_no_gradient():
    graph = with_masks(_decoder(), {v: ALIVE for v in ("in", "norm", "act", "gru")})
    module = GraphModule(graph)
    sum(y.square().sum() for y in module(_x(2, 3, 9))).backward()
    grads = dict(module.named_parameters())
    assert (grads["in/weight"].grad[~ALIVE] == 0).all()
    assert (grads["gru/w_hh"].grad[:, ~ALIVE] == 0).all()
    assert (grads["gru/w_hh"].grad[:, ALIVE] != 0).any()


def test_copies_and_substitution_are_independent():
    module = GraphModule(_decoder())
    x = _x(1, 3, 5)
    twin = copy.deepcopy(module)
    with torch.no_grad():
        for p in twin.parameters():
            p.zero_()
    assert (twin(x)[0] == 0).all() and (module(x)[0] != 0).any()
    zeros = {k: torch.zeros_like(v) for k, v in module.state_dict().items()}
    assert (torch.func.functional_call(module, zeros, (x,))[0] == 0).all()


@pytest.mark.parametrize("inputs", [(), (_x(3, 5),), (_x(1, 4, 5),)])
def test_wrong_inputs_name_the_port(inputs):
    with pytest.raises(GraphError, match="x"):
        GraphModule(_decoder())(*inputs)


def test_wrong_graphs_are_refused():
    graph = _decoder()
    with pytest.raises(GraphError, match="StreamModule"):
        GraphModule(stream(graph))
    with pytest.raises(GraphError, match="streaming"):
        StreamModule(graph)
    with pytest.raises(GraphError, match="dice"):
        GraphModule(graph, random="dice")


def test_stream_state_is_kept_saved_and_reset():
    module = StreamModule(stream(_decoder()))
    first, second = {"x": _x(2, 8, 3, seed=1)}, {"x": _x(2, 5, 3, seed=2)}
    module(first)
    saved = module.get_state()
    expected = module(second)["y"]
    module(first)
    module.set_state(saved)
    assert torch.equal(module(second)["y"], expected)
    module.reset()
    assert not torch.equal(module(second)["y"], expected)
    with pytest.raises(GraphError, match=r"gru\.h"):
        module.set_state({"clock": torch.tensor(0), "gru.h": torch.zeros(1, 2)})
    with pytest.raises(GraphError, match="other"):
        module.set_state({"clock": torch.tensor(0), **saved, "other": torch.zeros(1)})


def test_stream_refuses_ports_that_do_not_fit():
    module = StreamModule(stream(_decoder()))
    for ports in ({}, {"x": _x(1, 4, 3), "z": _x(1, 4, 3)}, {"x": _x(1, 4, 2)}):
        with pytest.raises(GraphError, match="port"):
            module(ports)


class _Synth(nn.Module):
    """The DDSP decoder written by hand."""

    def __init__(self, hidden: int):
        super().__init__()
        self.mlp = nn.ModuleList([
            nn.Sequential(nn.Linear(1, hidden), nn.LayerNorm(hidden), nn.ReLU()) for _ in range(2)
        ])
        self.gru = nn.GRU(2 * hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1 + 60 + 65)

    def forward(self, f0, loudness):
        x = torch.cat([self.mlp[0](f0 / 1000), self.mlp[1](loudness)], -1)
        y = torch.sigmoid(self.head(self.gru(x)[0]))
        a, d, m = y[..., :1], y[..., 1:61], y[..., 61:]
        return harmonic(f0, a, d, 64, 16000.0) + filtered_noise(m, 64)


def _synth_graph(synth: _Synth) -> Graph:
    arrays = {k: v.detach().numpy() for k, v in synth.state_dict().items()}
    params = {k: Param(v) for k, v in arrays.items()} | {"thousand": Param(np.float32(1000.0))}
    names = dict(w_ih="weight_ih_l0", w_hh="weight_hh_l0", b_ih="bias_ih_l0", b_hh="bias_hh_l0")
    fn = {"fn": "div", "swapped": False}
    nodes = [Node("scaled", "binary", ("f0",), ("scaled",), {"constant": "thousand"}, fn)]
    for i, x in enumerate(("scaled", "loudness")):
        at, slots = f"mlp.{i}", ("weight", "bias")
        nodes += [
            Node(f"l{i}", "linear", (x,), (f"l{i}",), {s: f"{at}.0.{s}" for s in slots}, {}),
            Node(f"n{i}", "layer_norm", (f"l{i}",), (f"n{i}",), {s: f"{at}.1.{s}" for s in slots},
                 {"eps": 1e-5}),
            Node(f"a{i}", "activation", (f"n{i}",), (f"a{i}",), {}, {"fn": "relu", "alpha": 0.0}),
        ]
    nodes += [
        Node("x", "concat", ("a0", "a1"), ("x",)),
        Node("h", "gru", ("x",), ("h",), {k: f"gru.{v}" for k, v in names.items()}, {"start": 0}),
        Node("o", "linear", ("h",), ("o",), {"weight": "head.weight", "bias": "head.bias"}),
        Node("y", "activation", ("o",), ("y",), {}, {"fn": "sigmoid", "alpha": 0.0}),
    ]
    for name, first, length in (("a", 0, 1), ("d", 1, 60), ("m", 61, 65)):
        attrs = {"start_channel": first, "length": length}
        nodes.append(Node(name, "slice", ("y",), (name,), {}, attrs))
    nodes += [
        Node("tone", "harmonic", ("f0", "a", "d"), ("tone",), {},
             {"hop": 64, "rate": 16000.0, "start": 0}),
        Node("hiss", "noise", ("m",), ("hiss",), {}, {"hop": 64, "seed": 0, "start": 0}),
        Node("audio", "binary", ("tone", "hiss"), ("audio",), {}, {"fn": "add", "swapped": False}),
    ]
    ports = [Port("f0", "in", "f0", "frame"), Port("loudness", "in", "loudness", "frame"),
             Port("audio", "out", "audio")]
    shapes = {"f0": Shape((1,)), "loudness": Shape((1,))}
    return build("synth", nodes, params, ports, shapes, rate=16000.0)


def _step_seconds(module: nn.Module, f0: torch.Tensor, loudness: torch.Tensor) -> float:
    begin = time.process_time()
    module(f0, loudness).square().mean().backward()
    return time.process_time() - begin


def test_a_training_step_costs_what_the_original_costs():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    synth = _Synth(128)
    view = GraphModule(_synth_graph(synth))
    f0, loudness = 200 + 100 * torch.rand(4, 125, 1), torch.rand(4, 125, 1)
    torch.manual_seed(1)
    expected = synth(f0, loudness)
    torch.manual_seed(1)
    torch.testing.assert_close(view(f0, loudness), expected, atol=1e-6, rtol=1e-5)
    pairs = [[_step_seconds(m, f0, loudness) for m in (synth, view)] for _ in range(25)]
    own, ours = (min(p[i] for p in pairs[3:]) for i in range(2))
    assert ours <= 1.1 * own
