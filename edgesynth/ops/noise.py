"""White noise through a filter drawn anew every frame (Engel et al., "DDSP", ICLR 2020, 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops._history import hush
from edgesynth.ops._torch import register
from edgesynth.ops.base import Case, Op, Run, Span, StateSpec, Ties

if TYPE_CHECKING:
    from torch import Tensor

MASK = 0xFFFFFFFF
BEHIND = 2**63 - 1  # past the end of any axis


def filtered_noise(
    magnitudes: Tensor, hop: int, seed: int = 0, random: str = "torch"
) -> Tensor:
    """Noise of the given spectrum: magnitudes (B, T, N) from 0 Hz to rate / 2 -> (B, T·hop, 1).

    random: "torch" draws from torch's generator; "counter" is the runtime's own function of
    `seed` and the sample, the same for every batch item. Differentiable in the magnitudes.
    """
    result: Tensor = register().noise(magnitudes, hop, seed, random)
    return result


def compute(magnitudes: Tensor, hop: int, seed: int, random: str = "torch") -> Tensor:
    """`filtered_noise` in plain torch operations."""
    samples = magnitudes.shape[1] * hop
    full = convolve(draw(magnitudes, hop, seed, random, 0), impulses(magnitudes), hop)
    lag = magnitudes.shape[2] - 1
    return full[:, lag : lag + samples, None]


def draw(magnitudes: Tensor, hop: int, seed: int, random: str, first: int) -> Tensor:
    """Noise of every frame, in [-1, 1): (B, T, hop); `first` is the first sample's number."""
    import torch

    batch, frames = magnitudes.shape[:2]
    if random == "torch":
        u = torch.rand(batch, frames, hop, dtype=magnitudes.dtype, device=magnitudes.device)
        return u * 2 - 1
    if random != "counter":
        raise GraphError(f'random numbers come from "torch" or "counter", not {random!r}')
    samples = torch.arange(first, first + frames * hop)
    return uniform(samples, seed).to(magnitudes.dtype).view(1, frames, hop)


def uniform(samples: Tensor, seed: int, channel: int = 0) -> Tensor:
    """The runtime's random number of each sample (int64), float32 in [-1, 1]."""
    import torch

    start = torch.tensor((seed + channel * 0x9E3779B9) & MASK)
    key = mix(((samples >> 32) & MASK) ^ mix(start))
    return mix((samples & MASK) ^ key).to(torch.int32).to(torch.float32) * 2.0**-31


def mix(x: Tensor) -> Tensor:
    """A 32-bit hash on int64 tensors that hold 0 … 2³² − 1."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return x ^ (x >> 16)


@lru_cache(maxsize=32)
def basis(bands: int) -> np.ndarray:
    """(N, M) float64: an impulse response is magnitudes @ basis, M = 2(N − 1)."""
    taps = 2 * (bands - 1)
    m, b = np.arange(taps), np.arange(bands)[:, None]
    weight = np.where((b == 0) | (b == bands - 1), 1.0, 2.0)
    window = np.sin(np.pi * m / taps) ** 2
    return np.asarray(window / taps * weight * np.cos(2 * np.pi * b * (m - taps // 2) / taps))


def impulses(magnitudes: Tensor) -> Tensor:
    """Impulse responses (B, T, M), centred at M/2, under a Hann window."""
    from torch import as_tensor

    return magnitudes @ as_tensor(basis(magnitudes.shape[2]), dtype=magnitudes.dtype)


def convolve(u: Tensor, taps: Tensor, hop: int) -> Tensor:
    """Each frame of u (B or 1, T, hop) through its own taps (B, T, M), added up where they overlap:
    (B, L) with L ≥ T·hop + M − 1, zeros behind."""
    from torch.fft import irfft, rfft
    from torch.nn.functional import pad

    frames, size = taps.shape[1], hop + taps.shape[2] - 1
    size += size % 2
    y = irfft(rfft(u, size) * rfft(taps, size), size)
    blocks = -(-size // hop)
    y = pad(y, (0, blocks * hop - size)).view(y.shape[0], frames, blocks, hop)
    full = pad(y[:, :, 0], (0, 0, 0, blocks - 1))
    for k in range(1, blocks):
        full = full + pad(y[:, :, k], (0, 0, k, blocks - 1 - k))
    return full.reshape(full.shape[0], (frames + blocks - 1) * hop)


class Noise(Op):
    """Input magnitudes (N) per frame; output audio (1)."""

    id = 14
    attrs = {"hop": int, "seed": int, "start": int}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        x, hop = inputs[0], int(node.attrs["hop"])
        if len(x.features) != 1 or x.features[0] < 2:
            raise GraphError(f"{node.name}: takes at least 2 magnitudes, not {x.features}")
        if hop < 1:
            raise GraphError(f"{node.name}: hop is above zero, not {hop}")
        if not -(2**31) <= int(node.attrs["seed"]) < 2**31:
            raise GraphError(f"{node.name}: seed {node.attrs['seed']} is no 32-bit integer")
        return (Shape((1,), x.scale * hop, x.offset * hop),)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        return (compute(inputs[0], int(node.attrs["hop"]), int(node.attrs["seed"]), run.random),)

    def state(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> dict[str, StateSpec]:
        taps = 2 * (inputs[0].features[0] - 1)
        return {"taps": StateSpec((taps,)), "tail": StateSpec((taps,))}

    def step(
        self,
        node: Node,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        run: Run,
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        from torch import cat
        from torch.nn.functional import pad

        x, hop, start = inputs[0], int(node.attrs["hop"]), int(node.attrs["start"])
        quiet = run.early(x, start)
        samples, tail = x.shape[1] * hop, state["tail"]
        live, taps = x[:, quiet:], state["taps"]
        full = x.new_zeros(x.shape[0], samples + tail.shape[1])
        if live.shape[1]:
            first = (run.step + quiet - start) * hop
            h = impulses(live)
            y = convolve(draw(live, hop, int(node.attrs["seed"]), run.random, first), h, hop)
            y = cat([y.new_zeros(y.shape[0], quiet * hop), y], 1)
            full = pad(y, (0, max(0, full.shape[1] - y.shape[1])))[:, : full.shape[1]]
            taps = h[:, -1]
        full = full + pad(tail, (0, samples))
        return (full[:, :samples, None],), {"taps": taps, "tail": full[:, samples:]}

    def delay(self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]) -> int:
        return inputs[0].features[0] - 1

    def macs(self, node: Node, graph: Graph) -> int:
        bands = graph.shapes[node.inputs[0]].channels
        return 2 * (bands - 1) + bands * bands // max(1, int(node.attrs["hop"]))

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        return Ties(fixed=(Span("in", 0, 0, inputs[0].features[0]), Span("out", 0, 0, 1)))

    def captures(self) -> dict[str, Any]:
        def convert(
            context: Any, magnitudes: Any, hop: int, seed: int, random: str = "torch"
        ) -> Any:
            return context.emit("noise", [magnitudes], {}, hop=hop, seed=seed, start=0)

        return {"edgesynth.noise.default": convert}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        hop, bands = int(node.attrs["hop"]), graph.shapes[node.inputs[0]].channels
        taps = 2 * (bands - 1)
        x = hush(node, build, inputs[0], graph)
        h = build.node("MatMul", x, build.const(basis(bands).astype(np.float32)))
        count = build.steps(x)
        first = build.node("Sub", build.first_step(graph.period(node.inputs[0])),
                           build.int_scalar(int(node.attrs["start"])))
        samples = build.node("Mul", count, build.int_const(hop))
        first = build.node("Mul", first, build.int_scalar(hop))
        numbers = build.node("Range", first, build.node(
            "Add", first, build.node("Squeeze", samples)), build.int_scalar(1))
        u = build.reshape(_uniform(build, numbers, int(node.attrs["seed"])), 1, -1, 1, hop)
        y = _overlap(build, build.node("MatMul", u, _toeplitz(build, h, count, hop, taps)),
                     hop, taps)
        head = build.node("Add", build.slice(y, 1, 0, taps), state["tail"])
        end = build.node("Add", samples, build.int_const(taps))
        y = build.node("Concat", head, build.slice(y, 1, taps, end), axis=1)
        audio = build.node("Unsqueeze", build.slice(y, 1, 0, samples), build.int_const(2))
        last = build.node("Squeeze", build.slice(h, 1, -1, BEHIND), build.int_const(1))
        return (audio,), {"taps": last, "tail": build.slice(y, 1, samples, BEHIND)}

    def cases(self) -> tuple[Case, ...]:
        def case(name: str, bands: int, hop: int, seed: int) -> Case:
            attrs = {"hop": hop, "seed": seed, "start": 0}
            return Case(name, ((bands,),), attrs=attrs, input_ranges=((0.0, 1.0),))

        return (
            case("two-bands", 2, 5, 1),
            case("n17", 17, 64, 2),
            case("n65", 65, 64, -3),
            case("longer-than-hop", 33, 13, 4),
            case("hop1", 5, 1, 5),
        )


def _uniform(build: Any, numbers: str, seed: int) -> str:
    """`uniform` of int64 sample numbers, in ONNX integer arithmetic."""

    def mixed(x: str) -> str:
        # 0x846CA68B - 2**32 has the same low 32 bits, and the product stays within 64
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B - 2**32)):
            x = build.node("BitwiseXor", x, build.node("Div", x, build.int_scalar(1 << shift)))
            x = build.node("Mul", x, build.int_scalar(factor))
            x = build.node("BitwiseAnd", x, build.int_scalar(MASK))
        return str(build.node("BitwiseXor", x, build.node("Div", x, build.int_scalar(1 << 16))))

    low = build.node("BitwiseAnd", numbers, build.int_scalar(MASK))
    high = build.node("Div", build.node("Sub", numbers, low), build.int_scalar(1 << 32))
    high = build.node("BitwiseAnd", high, build.int_scalar(MASK))
    key = mixed(build.node("BitwiseXor", high, mixed(build.int_scalar(seed & MASK))))
    x = mixed(build.node("BitwiseXor", low, key))
    top = build.node("GreaterOrEqual", x, build.int_scalar(1 << 31))
    x = build.node("Where", top, build.node("Sub", x, build.int_scalar(1 << 32)), x)
    return str(build.node("Mul", build.cast(x, "f4"), build.const(2.0**-31)))


def _toeplitz(build: Any, h: str, count: str, hop: int, taps: int) -> str:
    """(1, T, hop, hop + taps): row j of each frame is its impulse response, j samples late."""
    width = hop + taps + 1
    h = build.node("Pad", h, build.int_const(0, 0, 0, 0, 0, width - taps))
    h = build.node("Unsqueeze", h, build.int_const(2))
    shape = build.node("Concat", build.int_const(1), count, build.int_const(hop, width), axis=0)
    flat = build.reshape(build.node("Expand", h, shape), 1, 0, -1)
    return str(build.reshape(build.slice(flat, 2, 0, hop * (width - 1)), 1, 0, hop, width - 1))


def _overlap(build: Any, frames: str, hop: int, taps: int) -> str:
    """(1, T, 1, hop + taps) added up at every hop: (1, L) with L ≥ T · hop + taps."""
    blocks = -(-(hop + taps) // hop)
    rest = blocks * hop - hop - taps
    y = build.node("Pad", frames, build.int_const(0, 0, 0, 0, 0, 0, 0, rest))
    y = build.reshape(y, 1, -1, blocks, hop)
    total = ""
    for k in range(blocks):
        piece = build.reshape(build.slice(y, 2, k, k + 1), 1, -1, hop)
        piece = build.node("Pad", piece, build.int_const(0, k, 0, 0, blocks - 1 - k, 0))
        total = build.node("Add", total, piece) if total else piece
    return str(build.reshape(total, 1, -1))
