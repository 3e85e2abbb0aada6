"""Small nets of several nodes: rates, delays, starts and controls that single ops do not meet."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from edgesynth.edit import build
from edgesynth.graph import Attr, Graph, MidiSource, Node, Param, Port, Shape


class Sketch:
    """Nodes and seeded parameters in the making; every node's one output bears its name."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[Node] = []
        self.params: dict[str, Param] = {}
        self.rng = np.random.default_rng(seed)

    def __call__(
        self, name: str, op: str, *inputs: str, slots: Mapping[str, tuple[int, ...]] | None = None,
        **attrs: Attr,
    ) -> str:
        """Add a node; `slots` gives the shapes of its parameters."""
        params = {}
        for slot, shape in (slots or {}).items():
            fan = max(1, int(np.prod(shape[1:])))
            array = self.rng.standard_normal(shape) / np.sqrt(fan) * (1.0 if shape[1:] else 0.3)
            if op == "layer_norm" and slot == "weight":
                array = array + 1.0
            params[slot] = f"{name}.{slot}"
            self.params[f"{name}.{slot}"] = Param(array.astype(np.float32))
        self.nodes.append(Node(name, op, inputs, (name,), params, attrs))
        return name

    def linear(self, name: str, x: str, width: int, out: int) -> str:
        return self(name, "linear", x, slots={"weight": (out, width), "bias": (out,)})

    def gru(self, name: str, x: str, width: int, hidden: int) -> str:
        rows = 3 * hidden
        slots = {"w_ih": (rows, width), "w_hh": (rows, hidden), "b_ih": (rows,), "b_hh": (rows,)}
        return self(name, "gru", x, slots=slots, start=0)

    def constant(self, name: str, fn: str, x: str, value: float, swapped: bool = False) -> str:
        self.params[f"{name}.constant"] = Param(np.float32(value))
        slots = {"constant": f"{name}.constant"}
        self.nodes.append(
            Node(name, "binary", (x,), (name,), slots, {"fn": fn, "swapped": swapped})
        )
        return name

    def graph(
        self, name: str, inputs: Mapping[str, Shape], ports: tuple[Port, ...], rate: float | None
    ) -> Graph:
        return build(name, self.nodes, self.params, ports, inputs, rate=rate)


def recurrent(seed: int = 0, width: int = 7, hidden: int = 24, out: int = 3) -> Graph:
    """linear, leaky_relu, layer_norm, gru, linear, tanh; one rate."""
    s = Sketch(seed)
    x = s.linear("front", "x", width, hidden)
    x = s("leak", "activation", x, fn="leaky_relu", alpha=0.01)
    x = s("norm", "layer_norm", x, slots={"weight": (hidden,), "bias": (hidden,)}, eps=1e-5)
    x = s.gru("gru", x, hidden, hidden)
    x = s.linear("back", x, hidden, out)
    s("y", "activation", x, fn="tanh", alpha=0.0)
    ports = (Port("x", "in", "x"), Port("y", "out", "y"))
    return s.graph("recurrent", {"x": Shape((width,))}, ports, None)


def convolutional(seed: int = 1) -> Graph:
    """Convolutions that look ahead, a residual around them, a GRU behind their delay."""
    s = Sketch(seed)

    def conv(name: str, x: str, width: int, out: int, taps: int, left: int, right: int) -> str:
        slots = {"weight": (out, width, taps), "bias": (out,)}
        return s(name, "conv1d", x, slots=slots, dilation=1, groups=1, pad_left=left,
                 pad_right=right, start=0)

    a = conv("a", "x", 2, 8, 5, 2, 2)
    b = conv("b", s("elu", "activation", a, fn="elu", alpha=1.0), 8, 8, 3, 1, 1)
    both = s("sum", "binary", b, a, fn="add", swapped=False)
    hidden = s.gru("gru", both, 8, 8)
    late = s("back4", "delay", hidden, steps=4, start=0)
    joined = s("join", "concat", late, "x")
    conv("y", joined, 10, 1, 3, 1, 1)
    ports = (Port("x", "in", "x"), Port("y", "out", "y"), Port("hidden", "out", "gru"))
    return s.graph("convolutional", {"x": Shape((2,))}, ports, 16000.0)


def synth(seed: int = 2, hop: int = 64, hidden: int = 32) -> Graph:
    """A small DDSP decoder with a room: two controls to audio."""
    count, bands = 20, 17
    s = Sketch(seed)
    octaves = s.constant("octaves", "sub", s("log", "unary", s.constant(
        "floor", "maximum", "f0", 20.0), fn="log2"), 7.78)
    level = s.constant("level", "add", s.constant("scaled", "mul", "loudness", 0.05), 2.0)
    x = s.linear("front", s("both", "concat", octaves, level), 2, hidden)
    x = s("norm", "layer_norm", x, slots={"weight": (hidden,), "bias": (hidden,)}, eps=1e-5)
    x = s("leak", "activation", x, fn="leaky_relu", alpha=0.01)
    x = s.gru("gru", x, hidden, hidden)
    heads = s.linear("heads", x, hidden, 1 + count + bands)
    heads = s("sigmoid", "activation", heads, fn="sigmoid", alpha=0.0)
    heads = s.constant("power", "pow", heads, 2.3)
    amplitude = s("amplitude", "slice", heads, start_channel=0, length=1)
    shares = s("shares", "slice", heads, start_channel=1, length=count)
    magnitudes = s("magnitudes", "slice", heads, start_channel=1 + count, length=bands)
    tone = s("tone", "harmonic", "f0", amplitude, shares, hop=hop, rate=16000.0, start=0)
    air = s("air", "noise", magnitudes, hop=hop, seed=5, start=0)
    dry = s("dry", "binary", tone, air, fn="add", swapped=False)
    wet = s("wet", "fir", dry, slots={"taps": (90,)}, start=0)
    s("audio", "binary", dry, wet, fn="add", swapped=False)
    ports = (
        Port("f0", "in", "f0", "control", unit="Hz", low=20.0, high=4000.0, default=220.0,
             ramp=0.01, midi=(MidiSource("key"), MidiSource("bend", high=2.0))),
        Port("loudness", "in", "loudness", "control", unit="dB", low=-80.0, high=0.0,
             default=-18.0, midi=(MidiSource("velocity", low=-36.0, high=-8.0, off=-80.0,
                                             attack=0.02, release=0.15),)),
        Port("audio", "out", "audio"),
    )
    shape = Shape((1,), Fraction(1))
    return s.graph("synth", {"f0": shape, "loudness": shape}, ports, 16000.0)
