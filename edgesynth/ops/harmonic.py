"""Harmonic oscillator bank with exact integer phase (Engel et al., "DDSP", ICLR 2020, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops._history import early
from edgesynth.ops._torch import register
from edgesynth.ops.base import Case, Op, Run, Span, StateSpec, Ties

if TYPE_CHECKING:
    from torch import Tensor


PIECE = 1 << 20  # sines in memory at a time, where no gradient keeps them


def harmonic(f0: Tensor, amplitude: Tensor, distribution: Tensor, hop: int, rate: float) -> Tensor:
    """Sum of sines at the multiples of `f0`: (B, T, 1) Hz, (B, T, 1), (B, T, K) -> (B, T·hop, 1).

    The distribution is normalised over the harmonics below rate / 2; amplitudes are linear between
    frames, the last frame is held. Differentiable in amplitude and distribution, not in f0.
    """
    result: Tensor = register().harmonic(f0, amplitude, distribution, hop, rate)
    return result


def compute(f0: Tensor, amplitude: Tensor, distribution: Tensor, hop: int, rate: float) -> Tensor:
    """`harmonic` in plain torch operations."""
    from torch import cat, zeros_like

    inc = increments(f0, rate)
    amps = amplitudes(f0, amplitude, distribution, rate)
    inc = cat([inc, inc[:, -1:]], 1)
    amps = cat([amps, amps[:, -1:]], 1)
    return segments(inc, amps, zeros_like(inc[:, 0]), hop)[0]


def increments(f0: Tensor, rate: float) -> Tensor:
    """Phase steps per sample in 2⁻³² turns, int64: (B, T, 1) Hz -> (B, T)."""
    import torch

    f = f0.detach()[..., 0].double()
    f = torch.where(f > 0, f, torch.zeros_like(f))
    turns = torch.round(f * 2.0**32 / float(np.float32(rate)))
    return turns.clamp(max=2.0**31 - 1).to(torch.int64)


def amplitudes(f0: Tensor, amplitude: Tensor, distribution: Tensor, rate: float) -> Tensor:
    """Amplitude of every harmonic, zero at and above rate / 2: (B, T, K)."""
    import torch

    numbers = torch.arange(1, distribution.shape[-1] + 1, dtype=torch.float32)
    live = f0.detach().float() * numbers < float(np.float32(np.float32(rate) / np.float32(2)))
    shares = torch.where(live, distribution, torch.zeros_like(distribution))
    total = shares.sum(-1, keepdim=True)
    silent = total == 0
    a = amplitude * shares / torch.where(silent, torch.ones_like(total), total)
    return torch.where(silent, torch.zeros_like(a), a)


def segments(inc: Tensor, amps: Tensor, phase: Tensor, hop: int) -> tuple[Tensor, Tensor]:
    """Audio between n + 1 frames: inc (B, n + 1), amps (B, n + 1, K), phase (B) int64 in 2⁻⁶⁴ turns
    -> audio (B, n·hop, 1), phase after it (B). Integers wrap."""
    import torch

    batch, frames = amps.shape[0], amps.shape[1] - 1
    start = inc[:, :-1] << 32
    slope = torch.div((inc[:, 1:] - inc[:, :-1]) << 32, hop, rounding_mode="floor")
    ends = phase[:, None] + (hop * start + hop * (hop - 1) // 2 * slope).cumsum(1)
    begins = torch.cat([phase[:, None], ends], 1)
    j = torch.arange(hop)
    p = begins[:, :-1, None] + j * start[..., None] + j * (j - 1) // 2 * slope[..., None]
    p = (p >> 32).to(torch.int32)
    size = max(1, PIECE // max(1, batch * hop * amps.shape[2]))
    pieces = [
        _tones(p[:, i : i + size], amps[:, i : i + size + 1])
        for i in range(0, max(1, frames), size)
    ]
    return torch.cat(pieces, 1).reshape(batch, frames * hop, 1), begins[:, -1]


def _tones(p: Tensor, amps: Tensor) -> Tensor:
    """Audio (B, n, hop) at the phases p (B, n, hop), int32; amps (B, n + 1, K)."""
    import torch

    count, hop = amps.shape[2], p.shape[2]
    turns = p[..., None] * torch.arange(1, count + 1, dtype=torch.int32)
    sines = turns.to(amps.dtype).mul_(2 * np.pi / 2**32).sin_()
    pairs = torch.stack([amps[:, :-1], amps[:, 1:]], -1)
    ab = torch.bmm(sines.view(-1, hop, count), pairs.reshape(-1, count, 2)).view(*p.shape, 2)
    weight = torch.arange(hop).to(amps.dtype) * (1 / hop)
    return torch.lerp(ab[..., 0], ab[..., 1], weight)


class Harmonic(Op):
    """Inputs f0 (1) in Hz, amplitude (1), distribution (K), per frame; output audio (1)."""

    id = 13
    attrs = {"hop": int, "rate": float, "start": int}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        f0, amplitude, distribution = inputs
        if f0.features != (1,) or amplitude.features != (1,) or len(distribution.features) != 1:
            raise GraphError(f"{node.name}: f0 and amplitude have 1 channel, distribution K")
        hop = int(node.attrs["hop"])
        if hop < 1 or float(node.attrs["rate"]) <= 0:
            raise GraphError(f"{node.name}: hop and rate are above zero")
        return (Shape((1,), f0.scale * hop, f0.offset * hop),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        f0, amplitude, distribution = inputs
        hop, rate = int(node.attrs["hop"]), float(node.attrs["rate"])
        return (compute(f0, amplitude, distribution, hop, rate),)

    def state(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> dict[str, StateSpec]:
        return {
            "phase": StateSpec((1,), "i8"),
            "increment": StateSpec((2,), "i8"),
            "amplitudes": StateSpec((2, *inputs[2].features)),
        }

    def step(
        self,
        node: Node,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        run: Run,
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        from torch import cat

        hop, rate = int(node.attrs["hop"]), float(node.attrs["rate"])
        f0, amplitude, distribution = inputs
        quiet = run.early(f0, int(node.attrs["start"]) + 1)
        inc, amps = increments(f0, rate), amplitudes(f0, amplitude, distribution, rate)
        if quiet:
            first, last = inc[:, quiet - 1 : quiet], amps[:, quiet - 1 : quiet]
        else:
            first, last = state["increment"][:, 1:], state["amplitudes"][:, 1:]
        inc, amps = cat([first, inc[:, quiet:]], 1), cat([last, amps[:, quiet:]], 1)
        y, phase = segments(inc, amps, state["phase"][:, 0], hop)
        y = cat([y.new_zeros(y.shape[0], quiet * hop, 1), y], 1)
        inc, amps = cat([inc[:, :1], inc], 1), cat([amps[:, :1], amps], 1)
        return (y,), {
            "phase": phase[:, None], "increment": inc[:, -2:], "amplitudes": amps[:, -2:]
        }

    def delay(self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]) -> int:
        return int(node.attrs["hop"])

    def macs(self, node: Node, graph: Graph) -> int:
        return graph.shapes[node.inputs[2]].channels

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        spans = [Span("in", i, 0, x.features[-1]) for i, x in enumerate(inputs)]
        return Ties(fixed=(*spans, Span("out", 0, 0, 1)))

    def captures(self) -> dict[str, Any]:
        def convert(
            context: Any, f0: Any, amplitude: Any, distribution: Any, hop: int, rate: float
        ) -> Any:
            values = [f0, amplitude, distribution]
            return context.emit("harmonic", values, {}, hop=hop, rate=float(rate), start=0)

        return {"edgesynth.harmonic.default": convert}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        hop, rate = int(node.attrs["hop"]), float(node.attrs["rate"])
        count = graph.shapes[node.inputs[2]].channels
        inc, amps = _increments(build, inputs[0], rate), _amplitudes(build, inputs, count, rate)
        before = build.node("Concat", build.slice(state["increment"], 1, 1, 2), inc, axis=1)
        before = build.slice(before, 1, 0, -1)
        earlier = build.node("Concat", build.slice(state["amplitudes"], 1, 1, 2), amps, axis=1)
        earlier = build.slice(earlier, 1, 0, -1)
        late = replace(node, attrs={**node.attrs, "start": int(node.attrs["start"]) + 1})
        quiet = early(late, build, inputs[0], graph.period(node.inputs[0]))
        turns, phase = _phases(build, inc, before, state["phase"], quiet, hop)
        numbers = build.const(np.arange(1, count + 1), np.int32)
        angles = build.node("Mul", build.node("Unsqueeze", turns, build.int_const(3)), numbers)
        angles = build.node("Mul", build.cast(angles, "f4"), build.const(2 * np.pi / 2**32))
        sides = [build.node("Unsqueeze", a, build.int_const(3)) for a in (earlier, amps)]
        ab = build.node("MatMul", build.node("Sin", angles), build.node("Concat", *sides, axis=3))
        a, b = (build.reshape(build.slice(ab, 3, i, i + 1), 1, -1, hop) for i in range(2))
        weight = build.const((np.arange(hop) * (1 / hop)).astype(np.float32))
        y = build.node("Add", a, build.node("Mul", build.node("Sub", b, a), weight))
        y = build.node("Where", quiet, build.const(np.float32(0)), y)
        after = {
            name: build.node("Concat", *(build.slice(v, 1, -1, 2**63 - 1) for v in pair), axis=1)
            for name, pair in (("increment", (before, inc)), ("amplitudes", (earlier, amps)))
        }
        return (build.reshape(y, 1, -1, 1),), {"phase": phase, **after}

    def cases(self) -> tuple[Case, ...]:
        def case(
            name: str, count: int, hop: int, rate: float, low: float, high: float, length: int = 23
        ) -> Case:
            return Case(
                name,
                ((1,), (1,), (count,)),
                attrs={"hop": hop, "rate": rate, "start": 0},
                length=length,
                input_ranges=((low, high), (0.0, 0.9), (0.0, 1.0)),
            )

        return (
            case("one", 1, 16, 16000.0, 80.0, 90.0),
            case("k60", 60, 64, 16000.0, 60.0, 900.0),
            case("k100-hop192", 100, 192, 48000.0, 200.0, 8000.0),
            case("odd-hop", 7, 37, 44100.0, 20.0, 40.0),
            case("above-nyquist", 5, 8, 16000.0, 6000.0, 20000.0),
            case("negative-f0", 3, 10, 16000.0, -50.0, 50.0),
        )


def _increments(build: Any, f0: str, rate: float) -> str:
    """`increments` in ONNX: (1, T) int64."""
    f = build.reshape(build.cast(f0, "f8"), 1, -1)
    f = build.node("Max", f, build.const(0.0, np.float64))
    f = build.node("Mul", f, build.const(2.0**32, np.float64))
    f = build.node("Div", f, build.const(float(np.float32(rate)), np.float64))
    f = build.node("Min", build.node("Round", f), build.const(2.0**31 - 1, np.float64))
    return str(build.cast(f, "i8"))


def _amplitudes(build: Any, inputs: Sequence[str], count: int, rate: float) -> str:
    """`amplitudes` in ONNX: (1, T, K)."""
    zero = build.const(np.float32(0))
    multiples = build.node("Mul", inputs[0], build.const(np.arange(1.0, count + 1)))
    live = build.node("Less", multiples, build.const(np.float32(rate) / np.float32(2)))
    shares = build.node("Where", live, inputs[2], zero)
    total = build.node("ReduceSum", shares, build.int_const(2), keepdims=1)
    silent = build.node("Equal", total, zero)
    total = build.node("Where", silent, build.const(np.float32(1)), total)
    a = build.node("Div", build.node("Mul", inputs[1], shares), total)
    return str(build.node("Where", silent, zero, a))


def _phases(
    build: Any, inc: str, before: str, phase: str, quiet: str, hop: int
) -> tuple[str, str]:
    """Upper 32 bits of the phase at every sample, int32 (1, T, hop), and the phase after all; a
    quiet frame leaves the phase alone. Integers wrap."""
    base = build.int_scalar(2**32)
    start = build.node("Mul", before, base)
    step = build.node("Mul", build.node("Sub", inc, before), base)
    size = build.int_scalar(hop)
    slope = build.node("Div", build.node("Sub", step, build.node("Mod", step, size)), size)
    grown = build.node("Add", build.node("Mul", start, size), build.node(
        "Mul", slope, build.int_scalar(hop * (hop - 1) // 2)))
    still = build.reshape(quiet, 1, -1)
    grown = build.node("Where", still, build.int_scalar(0), grown)
    ends = build.node("Add", phase, build.node("CumSum", grown, build.int_scalar(1)))
    begins = build.slice(build.node("Concat", phase, ends, axis=1), 1, 0, -1)
    j = np.arange(hop, dtype=np.int64)
    begins, start, slope = (
        build.node("Unsqueeze", v, build.int_const(2)) for v in (begins, start, slope)
    )
    p = build.node("Add", begins, build.node("Mul", start, build.const(j)))
    p = build.node("Add", p, build.node("Mul", slope, build.const(j * (j - 1) // 2)))
    top = build.node("BitShift", build.cast(p, "u8"), build.const(32, np.uint64), direction="RIGHT")
    return str(build.cast(top, "i4")), str(build.slice(ends, 1, -1, 2**63 - 1))
