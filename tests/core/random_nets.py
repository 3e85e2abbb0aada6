"""Random small Graphs whose branches differ in delay, oscillator and noise at the end of some."""

from __future__ import annotations

import numpy as np

from edgesynth.edit import build
from edgesynth.graph import Graph, Node, Param, Port, Shape

FNS = ("tanh", "sigmoid", "softplus", "silu", "elu")


class _Net:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []
        self.params: dict[str, Param] = {}
        self.width = {"x": int(self.rng.integers(1, 5)), "c": 1}

    def add(self, op: str, inputs: tuple[str, ...], out: int, shapes=None, **attrs) -> str:
        name = f"{op}{len(self.nodes)}"
        slots = {}
        for slot, shape in (shapes or {}).items():
            slots[slot] = f"{name}.{slot}"
            scale = np.sqrt(max(1, np.prod(shape[1:])))
            self.params[slots[slot]] = Param(self.rng.standard_normal(shape) / scale)
        self.nodes.append(Node(name, op, inputs, (name,), slots, attrs))
        self.width[name] = out
        return name

    def linear(self, x: str, out: int) -> str:
        return self.add("linear", (x,), out, {"weight": (out, self.width[x]), "bias": (out,)})

    def conv(self, x: str) -> str:
        taps, dilation = int(self.rng.integers(1, 6)), int(self.rng.integers(1, 4))
        reach, out = (taps - 1) * dilation, int(self.rng.integers(1, 5))
        left = int(self.rng.integers(0, reach + 1))
        return self.add(
            "conv1d", (x,), out, {"weight": (out, self.width[x], taps), "bias": (out,)},
            dilation=dilation, groups=1, pad_left=left, pad_right=reach - left, start=0,
        )

    def gru(self, x: str) -> str:
        h = int(self.rng.integers(1, 5))
        shapes = {"w_ih": (3 * h, self.width[x]), "w_hh": (3 * h, h), "b_ih": (3 * h,),
                  "b_hh": (3 * h,)}
        return self.add("gru", (x,), h, shapes, start=0)

    def fn(self, x: str) -> str:
        return self.add("activation", (x,), self.width[x], fn=str(self.rng.choice(FNS)), alpha=1.0)

    def norm(self, x: str) -> str:
        return self.add("layer_norm", (x,), self.width[x], eps=1e-3)

    def hold(self, x: str) -> str:
        return self.add("delay", (x,), self.width[x], steps=int(self.rng.integers(1, 6)), start=0)

    def both(self, a: str, b: str) -> str:
        if self.rng.integers(2) or self.width[b] not in (1, self.width[a]):
            return self.add("concat", (a, b), self.width[a] + self.width[b])
        return self.add("binary", (a, b), self.width[a], fn="add", swapped=False)

    def positive(self, x: str, out: int) -> str:
        y = self.linear(x, out)
        return self.add("activation", (y,), out, fn="sigmoid", alpha=0.0)


def random_net(seed: int) -> Graph:
    """Inputs x (1 … 4) and c (1); outputs: every value between, and audio for some seeds."""
    net = _Net(seed)
    values = ["x", "c"]
    one = (net.conv, net.conv, net.gru, net.fn, net.norm, net.hold, lambda x: net.linear(x, 3))
    for _ in range(int(net.rng.integers(3, 9))):
        a, b = (values[-1 - min(int(i), len(values) - 1)] for i in net.rng.poisson(0.5, 2))
        made = net.both(a, b) if net.rng.integers(3) == 0 else one[net.rng.integers(len(one))](a)
        values.append(made)
    end = net.both(values[-1], net.conv("c"))
    outputs = [*values[2:], end]
    if net.rng.integers(2):
        hop = int(net.rng.integers(2, 9))
        bands = 1 + int(net.rng.integers(1, 4))
        f0 = net.add("binary", (net.positive(end, 1),), 1, {"constant": ()}, fn="mul",
                     swapped=False)
        net.params[f"{f0}.constant"] = Param(np.float32(900.0))
        parts = (f0, net.positive("c", 1), net.positive(values[-1], 4))
        tone = net.add("harmonic", parts, 1, hop=hop, rate=4000.0, start=0)
        hiss = net.add("noise", (net.positive(end, bands),), 1, hop=hop, seed=seed % 99, start=0)
        dry = net.add("binary", (tone, hiss), 1, fn="add", swapped=False)
        outputs.append(net.add("fir", (dry,), 1, {"taps": (int(net.rng.integers(1, 9)),)}, start=0))
    ports = [Port(n, "in", n, "frame") for n in ("x", "c")]
    ports += [Port(n, "out", n, "frame") for n in dict.fromkeys(outputs)]
    shapes = {n: Shape((net.width[n],)) for n in ("x", "c")}
    return build("random", net.nodes, net.params, ports, shapes)
