"""Small random Graphs for the tests of compress: every op that ties channels, in odd mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgesynth import edit
from edgesynth.graph import Graph, Node, Param, Port, Shape


class Builder:
    """Adds one node at a time; values are named after their nodes."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []
        self.params: dict[str, Param] = {}
        self.width: dict[str, int] = {}
        self.inputs: dict[str, int] = {}

    def input(self, channels: int) -> str:
        name = f"in{len(self.inputs)}"
        self.inputs[name] = self.width[name] = channels
        return name

    def add(
        self, op: str, inputs: tuple[str, ...], out: int,
        shapes: dict[str, tuple[int, ...]] | None = None, name: str = "", **attrs: Any,
    ) -> str:
        name = name or f"{op}{len(self.nodes)}"
        slots = {}
        for slot, shape in (shapes or {}).items():
            fan = max(int(np.prod(shape[1:])), 1)
            array = self.rng.standard_normal(shape) / np.sqrt(fan)
            if op == "layer_norm" and slot == "weight":
                array = 1 + 0.3 * array
            slots[slot] = f"{name}.{slot}"
            self.params[f"{name}.{slot}"] = Param(array.astype(np.float32))
        self.nodes.append(Node(name, op, inputs, (name,), slots, attrs))
        self.width[name] = out
        return name

    def linear(self, x: str, out: int, bias: bool = True, name: str = "") -> str:
        shapes: dict[str, tuple[int, ...]] = {"weight": (out, self.width[x])}
        return self.add("linear", (x,), out, shapes | ({"bias": (out,)} if bias else {}), name)

    def conv1d(self, x: str, out: int, taps: int = 3, groups: int = 1) -> str:
        return self.add(
            "conv1d", (x,), out, {"weight": (out, self.width[x] // groups, taps), "bias": (out,)},
            dilation=1, groups=groups, pad_left=taps - 1, pad_right=0, start=0,
        )

    def gru(self, x: str, hidden: int) -> str:
        shapes = {"w_ih": (3 * hidden, self.width[x]), "w_hh": (3 * hidden, hidden),
                  "b_ih": (3 * hidden,), "b_hh": (3 * hidden,)}
        return self.add("gru", (x,), hidden, shapes, start=0)

    def layer_norm(self, x: str) -> str:
        c = self.width[x]
        return self.add("layer_norm", (x,), c, {"weight": (c,), "bias": (c,)}, eps=1e-5)

    def activation(self, x: str, fn: str = "sigmoid") -> str:
        return self.add("activation", (x,), self.width[x], fn=fn, alpha=0.1)

    def binary(self, a: str, b: str, fn: str = "add") -> str:
        return self.add("binary", (a, b), self.width[a], fn=fn, swapped=False)

    def constant(self, x: str, fn: str = "mul", shape: tuple[int, ...] | None = None,
                 swapped: bool = False) -> str:
        shapes = {"constant": (self.width[x],) if shape is None else shape}
        return self.add("binary", (x,), self.width[x], shapes, fn=fn, swapped=swapped)

    def concat(self, *values: str) -> str:
        return self.add("concat", values, sum(self.width[v] for v in values))

    def slice(self, x: str, first: int, length: int) -> str:
        return self.add("slice", (x,), length, start_channel=first, length=length)

    def reduce(self, x: str, fn: str = "mean") -> str:
        return self.add("reduce", (x,), 1, fn=fn)

    def graph(self, *outputs: str) -> Graph:
        ports = [Port(n, "in", n, "frame") for n in self.inputs]
        ports += [Port(f"out{i}", "out", v, "frame") for i, v in enumerate(outputs)]
        shapes = {n: Shape((c,)) for n, c in self.inputs.items()}
        return edit.build("toy", self.nodes, self.params, ports, shapes, rate=250.0)


def everything(seed: int = 0, width: int = 8) -> Graph:
    """One Graph with all the ways channels are tied: gates, residual sum, concat, slices, gru,
    grouped and plain convolution, norms, a shared head."""
    b = Builder(seed)
    x, y = b.input(3), b.input(2)
    h = b.activation(b.layer_norm(b.linear(x, width)), "leaky_relu")
    residual = b.binary(h, b.linear(b.activation(b.linear(h, width + 1)), width))
    wide = b.conv1d(residual, 2 * width)
    gate = b.activation(b.slice(wide, 0, width))
    gated = b.binary(b.slice(wide, width, width), gate, "mul")
    deep = b.conv1d(gated, width, groups=width)
    joined = b.concat(b.activation(b.linear(y, width - 1), "tanh"), deep, x)
    recurrent = b.gru(b.layer_norm(joined), width + 2)
    scaled = b.constant(recurrent)
    level = b.activation(b.reduce(scaled), "softplus")
    return b.graph(b.linear(scaled, 4), b.linear(b.concat(recurrent, residual), 1), level)


def random_graph(seed: int) -> Graph:
    """A random feed of up to nine ops over one input, all loose ends joined into one head."""
    b = Builder(seed)
    rng = b.rng
    values = [b.input(int(rng.integers(1, 4)))]
    for _ in range(int(rng.integers(3, 10))):
        x = values[int(rng.integers(len(values)))]
        c = b.width[x]
        alike = [v for v in values if b.width[v] == c and v != x]
        kind = rng.choice(["linear", "conv1d", "gru", "norm", "act", "sum", "concat", "slice",
                           "depthwise", "constant", "mul"])
        if kind == "linear":
            made = b.linear(x, int(rng.integers(1, 9)), bias=bool(rng.integers(2)))
        elif kind == "conv1d":
            made = b.conv1d(x, int(rng.integers(1, 9)), int(rng.integers(1, 4)))
        elif kind == "gru":
            made = b.gru(x, int(rng.integers(1, 7)))
        elif kind == "norm" and c > 1:
            made = b.layer_norm(x)
        elif kind in ("sum", "mul") and alike:
            fn = "add" if kind == "sum" else "mul"
            made = b.binary(x, alike[int(rng.integers(len(alike)))], fn)
        elif kind == "concat":
            made = b.concat(x, values[int(rng.integers(len(values)))])
        elif kind == "slice":
            first = int(rng.integers(c))
            made = b.slice(x, first, int(rng.integers(1, c - first + 1)))
        elif kind == "depthwise" and c > 1:
            made = b.conv1d(x, c, groups=c)
        elif kind == "constant":
            made = b.constant(x)
        else:
            made = b.activation(x, str(rng.choice(["tanh", "sigmoid", "relu", "elu"])))
        values.append(made)
    used = {v for n in b.nodes for v in n.inputs}
    loose = [v for v in values if v not in used] or values[-1:]
    joined = b.concat(*loose) if len(loose) > 1 else loose[0]
    return b.graph(b.linear(joined, 2))
