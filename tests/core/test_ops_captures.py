"""Every ATen form that an op names becomes a Graph that computes the same."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from edgesynth.capture import capture
from edgesynth.errors import CaptureError
from edgesynth.ops import OPS
from edgesynth.ops.fir import fir
from edgesynth.ops.harmonic import harmonic
from edgesynth.ops.noise import filtered_noise

HALF = torch.tensor([0.5, 1.5, 2.5, 3.5])


class _Call(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn
        self.scale = nn.Parameter(HALF.clone())

    def forward(self, x):
        return self.fn(x, self.scale)


FORMS = {
    "relu": (lambda x, p: F.relu(x), "activation"),
    "leaky_relu": (lambda x, p: F.leaky_relu(x, 0.3), "activation"),
    "elu": (lambda x, p: F.elu(x, 0.7), "activation"),
    "elu-scaled": (lambda x, p: torch.ops.aten.elu(x, 1.7, 1.1), "activation binary"),
    "selu": (lambda x, p: F.selu(x), "activation binary"),
    "tanh": (lambda x, p: torch.tanh(x), "activation"),
    "sigmoid": (lambda x, p: torch.sigmoid(x), "activation"),
    "softplus": (lambda x, p: F.softplus(x), "activation"),
    "softplus-beta": (lambda x, p: F.softplus(x, 3.0), "binary activation binary"),
    "silu": (lambda x, p: F.silu(x), "activation"),
    "neg": (lambda x, p: -x, "unary"),
    "abs": (lambda x, p: x.abs(), "unary"),
    "exp": (lambda x, p: x.exp(), "unary"),
    "log": (lambda x, p: (x.abs() + 1).log(), "unary binary unary"),
    "log2": (lambda x, p: (x.abs() + 1).log2(), "unary binary unary"),
    "sqrt": (lambda x, p: x.abs().sqrt(), "unary unary"),
    "sin": (lambda x, p: x.sin(), "unary"),
    "cos": (lambda x, p: x.cos(), "unary"),
    "square": (lambda x, p: x.square(), "unary"),
    "reciprocal": (lambda x, p: (x.abs() + 1).reciprocal(), "unary binary unary"),
    "add-number": (lambda x, p: x + 2, "binary"),
    "add-alpha": (lambda x, p: torch.add(x, x.tanh(), alpha=3), "activation binary binary"),
    "number-sub": (lambda x, p: 2 - x, "binary"),
    "rsub": (lambda x, p: torch.rsub(x, 2.0, alpha=3), "binary binary"),
    "sub": (lambda x, p: x - x.tanh(), "activation binary"),
    "param-sub": (lambda x, p: p - x, "binary"),
    "mul-param": (lambda x, p: x * p, "binary"),
    "number-div": (lambda x, p: 2 / (x.abs() + 1), ""),
    "div-one": (lambda x, p: x / (x[..., :1].abs() + 1), "slice unary binary binary"),
    "one-minus": (lambda x, p: x[..., :1] - x, "slice binary"),
    "minimum": (lambda x, p: torch.minimum(x, x.tanh()), "activation binary"),
    "maximum": (lambda x, p: torch.maximum(x, p), "binary"),
    "pow": (lambda x, p: x.abs() ** 1.7, "unary binary"),
    "number-pow": (lambda x, p: 10**x, "binary"),
    "pow-pair": (lambda x, p: x.abs() ** x, "unary binary"),
    "clamp": (lambda x, p: x.clamp(-0.5, 0.7), "binary binary"),
    "clamp-low": (lambda x, p: x.clamp(min=-0.5), "binary"),
    "clamp-high": (lambda x, p: torch.clamp_max(x, 0.3), "binary"),
    "cat": (lambda x, p: torch.cat([x, x.tanh()], -1), "activation concat"),
    "slice": (lambda x, p: x[..., 1:3], "slice"),
    "slice-end": (lambda x, p: x[:, :, -3:], "slice"),
    "narrow": (lambda x, p: x.narrow(2, 1, 2), "slice"),
    "chunk": (lambda x, p: torch.mul(*x.chunk(2, -1)), "slice slice binary"),
    "split": (lambda x, p: torch.cat(x.split(3, 2)[::-1], 2), "slice slice concat"),
    "split-sizes": (lambda x, p: x.split([1, 3], -1)[1], ""),
    "sum": (lambda x, p: x.sum(-1, keepdim=True), "reduce"),
    "mean": (lambda x, p: x.mean(2, keepdim=True), "reduce"),
    "amax": (lambda x, p: x.amax(-1, keepdim=True), "reduce"),
    "amin": (lambda x, p: x.amin(-1, keepdim=True), "reduce"),
    "layer_norm": (lambda x, p: F.layer_norm(x, (4,), p), "layer_norm"),
    "layer_norm-plain": (lambda x, p: F.layer_norm(x, (4,), eps=1e-3), "layer_norm"),
    "linear": (lambda x, p: F.linear(x, p[None]), "linear"),
    "fir": (lambda x, p: fir(x[..., :1], p), "slice fir"),
    "noise": (lambda x, p: filtered_noise(x.abs(), 4, 3) * 0, "unary noise binary"),
    "harmonic": (
        lambda x, p: harmonic(x[..., :1].abs() * 100, x[..., 1:2], x[..., 2:].abs(), 4, 4000.0),
        "",
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name):
    fn, expected = FORMS[name]
    module = _Call(fn)
    x = torch.randn(2, 13, 4, generator=torch.Generator().manual_seed(3))
    graph = capture(module, (x,), time={"x": 1})
    torch.testing.assert_close(graph.module()(x), module(x), atol=1e-5, rtol=1e-5)
    if expected:
        assert Counter(n.op for n in graph.nodes) == Counter(expected.split())


MODULES = {
    "linear": (nn.Linear(4, 3), "BTC"),
    "gru": (nn.GRU(4, 5, batch_first=True), "BTC"),
    "gru-two": (nn.GRU(4, 5, num_layers=2, batch_first=True), "BTC"),
    "gru-bare": (nn.GRU(4, 5, bias=False, batch_first=True), "BTC"),
    "conv": (nn.Conv1d(4, 6, 3), "BCT"),
    "conv-same": (nn.Conv1d(4, 6, 4, padding="same"), "BCT"),
    "conv-padded": (nn.Conv1d(4, 6, 3, padding=2, dilation=2), "BCT"),
    "conv-depthwise": (nn.Conv1d(4, 4, 3, groups=4, bias=False), "BCT"),
}


class _First(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        y = self.inner(x)
        return y[0] if isinstance(y, tuple) else y


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    inner, layout = MODULES[name]
    module = _First(inner)
    x = torch.randn(2, 4, 17) if layout == "BCT" else torch.randn(2, 17, 4)
    graph = capture(module, (x,))
    torch.testing.assert_close(graph.module()(x), module(x), atol=1e-5, rtol=1e-5)
    assert {n.op for n in graph.nodes} == {name.split("-")[0].replace("conv", "conv1d")}


REFUSED = {
    "stride": (nn.Conv1d(4, 2, 3, stride=2), (2, 4, 17), "stride|size"),
    "bidirectional": (nn.GRU(4, 5, bidirectional=True, batch_first=True), (2, 17, 4), "direction"),
    "time-sum": (_Call(lambda x, p: x * x.sum(1, keepdim=True)), (2, 17, 4), "time"),
    "every-other": (_Call(lambda x, p: x[..., ::2]), (2, 17, 4), "2th|runs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_op_expresses_is_refused(name):
    inner, shape, words = REFUSED[name]
    with pytest.raises(CaptureError, match=words):
        capture(_First(inner), (torch.randn(shape),), time={"x": shape.index(17)})


def test_every_converter_belongs_to_one_op():
    names = [form for op in OPS.values() for form in op.captures()]
    assert len(names) == len(set(names))
