"""Every op's torch reference against its formula written out in plain NumPy, case by case."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from core import op_cases as cases

from edgesynth.module import GraphModule


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "relu": lambda x, a: np.maximum(x, 0),
    "leaky_relu": lambda x, a: np.where(x > 0, x, a * x),
    "elu": lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))),
    "tanh": lambda x, a: np.tanh(x),
    "sigmoid": lambda x, a: _sigmoid(x),
    "softplus": lambda x, a: np.logaddexp(0, x),
    "silu": lambda x, a: x * _sigmoid(x),
}
UNARY = {
    "neg": lambda x: -x, "abs": np.abs, "exp": np.exp, "log": np.log, "log2": np.log2,
    "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
}
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "minimum": np.minimum, "maximum": np.maximum, "pow": np.power,
}


def linear(a, p, x):
    return x @ p["weight"].T + p.get("bias", 0)


def conv1d(a, p, x):
    w = p["weight"]
    out, width, taps = w.shape
    x = np.pad(x, ((0, 0), (a["pad_left"], a["pad_right"]), (0, 0)))
    steps = x.shape[1] - (taps - 1) * a["dilation"]
    y = np.zeros((x.shape[0], steps, out)) + p.get("bias", 0)
    for o in range(out):
        first = o // (out // a["groups"]) * width
        for k in range(taps):
            at = k * a["dilation"]
            y[:, :, o] += x[:, at : at + steps, first : first + width] @ w[o, :, k]
    return y


def gru(a, p, x):
    n = p["w_hh"].shape[1]
    h, y = np.zeros((x.shape[0], n)), []
    for t in range(x.shape[1]):
        i = x[:, t] @ p["w_ih"].T + p["b_ih"]
        g = h @ p["w_hh"].T + p["b_hh"]
        r, z = _sigmoid(i[:, :n] + g[:, :n]), _sigmoid(i[:, n : 2 * n] + g[:, n : 2 * n])
        new = np.tanh(i[:, 2 * n :] + r * g[:, 2 * n :])
        h = new + z * (h - new)
        y.append(h)
    return np.stack(y, 1)


def layer_norm(a, p, x):
    x = x - x.mean(-1, keepdims=True)
    y = x / np.sqrt((x * x).mean(-1, keepdims=True) + a["eps"])
    return y * p.get("weight", 1) + p.get("bias", 0)


def activation(a, p, x):
    return ACTIVATIONS[a["fn"]](x, a["alpha"])


def unary(a, p, x):
    return UNARY[a["fn"]](x)


def binary(a, p, x, y=None):
    y = p["constant"] if y is None else y
    return BINARY[a["fn"]](y, x) if a["swapped"] else BINARY[a["fn"]](x, y)


def concat(a, p, *xs):
    return np.concatenate(xs, -1)


def slice_(a, p, x):
    return x[..., a["start_channel"] : a["start_channel"] + a["length"]]


def reduce(a, p, x):
    return getattr(np, a["fn"])(x, axis=-1, keepdims=True)


def delay(a, p, x):
    y = np.zeros_like(x)
    y[:, a["steps"] :] = x[:, : -a["steps"]] if a["steps"] < x.shape[1] else 0
    return y


def fir(a, p, x):
    full = [np.convolve(row, p["taps"])[: x.shape[1]] for row in x[..., 0]]
    return np.stack(full)[..., None]


def _mix(x):
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def draw(frame, seed, channel=0):
    """The runtime's random number, in Python's own integers."""
    key = _mix((frame >> 32) ^ _mix((seed + channel * 0x9E3779B9) % 2**32))
    u = _mix((frame % 2**32) ^ key)
    return float(np.float32(u - 2**32 if u >= 2**31 else u) * np.float32(2.0**-31))


def noise(a, p, x):
    batch, frames, bands = x.shape
    count, hop = 2 * (bands - 1), a["hop"]
    y = np.zeros((batch, frames * hop + 2 * count))
    for k in range(frames):
        h = np.zeros((batch, count))
        for m in range(count):
            h[:, m] = x[:, k, 0] + x[:, k, -1] * np.cos(np.pi * (m - count // 2))
            for b in range(1, bands - 1):
                h[:, m] += 2 * x[:, k, b] * np.cos(2 * np.pi * b * (m - count // 2) / count)
            h[:, m] *= np.sin(np.pi * m / count) ** 2 / count
        for n in range(k * hop, (k + 1) * hop):
            y[:, n : n + count] += draw(n, a["seed"]) * h
    return y[:, count // 2 : count // 2 + frames * hop, None]


def harmonic(a, p, f0, amplitude, distribution):
    """One sample at a time; phase in Python's own integers."""
    hop, rate, count = a["hop"], np.float32(a["rate"]), distribution.shape[2]
    numbers = np.arange(1, count + 1)
    y = np.zeros((f0.shape[0], f0.shape[1] * hop, 1))
    for b in range(f0.shape[0]):
        f = f0[b, :, 0]
        inc = [min(round(max(float(v), 0.0) * 2**32 / float(rate)), 2**31 - 1) for v in f]
        live = np.float32(numbers) * np.float32(f)[:, None] < rate / np.float32(2)
        shares = np.where(live, distribution[b], 0)
        total = shares.sum(1, keepdims=True)
        amps = amplitude[b] * np.divide(shares, total, out=0 * shares, where=total != 0)
        phase = 0
        for k in range(len(f)):
            following = min(k + 1, len(f) - 1)
            slope = ((inc[following] - inc[k]) << 32) // hop
            for j in range(hop):
                turns = (numbers * (phase >> 32)) % 2**32 / 2**32
                level = amps[k] + (amps[following] - amps[k]) * (j / hop)
                y[b, k * hop + j, 0] = (level * np.sin(2 * np.pi * turns)).sum()
                phase = (phase + (inc[k] << 32) + j * slope) % 2**64
    return y


FORMULAS = {
    "linear": linear, "conv1d": conv1d, "gru": gru, "layer_norm": layer_norm,
    "activation": activation, "unary": unary, "binary": binary, "concat": concat,
    "slice": slice_, "reduce": reduce, "delay": delay, "fir": fir, "noise": noise,
    "harmonic": harmonic,
}
EVERY = list(cases.every())


@pytest.mark.parametrize(("op", "case"), [c[1:] for c in EVERY], ids=[c[0] for c in EVERY])
def test_reference_follows_the_formula(op, case):
    graph, given = cases.graph(op, case), cases.inputs(case, batch=2)
    node = graph.nodes[0]
    params = {s: graph.params[n].array.astype(np.float64) for s, n in node.params.items()}
    wide = [x.astype(np.float64) for x in given.values()]
    expected = FORMULAS[op](node.attrs, params, *wide)
    exact = GraphModule(graph, random="counter").double()(*map(torch.tensor, wide))
    assert exact.shape == expected.shape
    np.testing.assert_allclose(exact.detach().numpy(), expected, rtol=1e-8, atol=1e-9)
    single = GraphModule(graph, random="counter")(*map(torch.tensor, given.values()))
    assert single.dtype == torch.float32
    peak = max(1.0, np.abs(expected).max())
    assert np.abs(single.detach().numpy() - expected).max() <= 1e-5 * peak


def test_every_op_has_cases_and_a_formula():
    assert {op for _, op, _ in EVERY} == set(FORMULAS)
