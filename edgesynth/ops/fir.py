"""Causal FIR filter of one channel, such as a reverberation's impulse response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Param, Shape
from edgesynth.ops._history import joined
from edgesynth.ops._torch import register
from edgesynth.ops.base import Case, Op, Pack, Run, Span, StateSpec, Ties, dims

if TYPE_CHECKING:
    from torch import Tensor

DIRECT = 64  # taps up to which the direct sum is used, spectra beyond


def fir(x: Tensor, taps: Tensor) -> Tensor:
    """y[n] = Σ_k taps[k] · x[n − k], x zero before its start: (B, T, 1), (N) -> (B, T, 1)."""
    result: Tensor = register().fir(x, taps)
    return result


def compute(x: Tensor, taps: Tensor) -> Tensor:
    """`fir` in plain torch operations."""
    from torch.nn.functional import pad

    return valid(pad(x[..., 0], (taps.shape[0] - 1, 0)), taps)[..., None]


def valid(x: Tensor, taps: Tensor) -> Tensor:
    """The outputs that lie wholly inside x: (B, N − 1 + T), (N) -> (B, T)."""
    from torch.fft import irfft, rfft
    from torch.nn.functional import conv1d

    count = taps.shape[0]
    if count <= DIRECT:
        direct: Tensor = conv1d(x[:, None], taps.flip(0)[None, None])[:, 0]
        return direct
    size = x.shape[1] + x.shape[1] % 2
    whole: Tensor = irfft(rfft(x, size) * rfft(taps, size), size)
    return whole[:, count - 1 : x.shape[1]]


class Fir(Op):
    """taps (N) from the newest input to the oldest."""

    id = 15
    slots = ("taps",)
    attrs = {"start": int}
    pack = {"taps": Pack("vector")}

    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        dims(params["taps"], 1, node, "taps")
        if inputs[0].features != (1,):
            raise GraphError(f"{node.name}: filters 1 channel, not {inputs[0].features}")
        return (inputs[0],)

    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        return (compute(inputs[0], params["taps"]),)

    def state(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> dict[str, StateSpec]:
        return {"history": StateSpec((params["taps"].shape[0] - 1,))}

    def step(
        self,
        node: Node,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        run: Run,
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        from torch import cat

        x = run.hush(inputs[0], int(node.attrs["start"]))
        joined = cat([state["history"], x[..., 0]], 1)
        y = valid(joined, params["taps"])[..., None]
        return (y,), {"history": joined[:, x.shape[1] :]}

    def macs(self, node: Node, graph: Graph) -> int:
        return graph.params[node.params["taps"]].shape[0]

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        taps = Span("param", "taps", 0, params["taps"].shape[0], axis=0)
        return Ties(fixed=(Span("in", 0, 0, 1), Span("out", 0, 0, 1), taps))

    def captures(self) -> dict[str, Any]:
        def convert(context: Any, x: Any, taps: Any) -> Any:
            return context.emit("fir", [x], {"taps": taps}, start=0)

        return {"edgesynth.fir.default": convert}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        history = build.node("Unsqueeze", state["history"], build.int_const(2))
        x, kept = joined(node, build, inputs[0], history, graph)
        x = build.node("Transpose", x, perm=[0, 2, 1])
        end = np.iinfo(np.int64).min
        taps = build.slice(params["taps"], 0, -1, end, -1)
        y = build.node("Conv", x, build.reshape(taps, 1, 1, -1))
        y = build.node("Transpose", y, perm=[0, 2, 1])
        return (y,), {"history": build.node("Squeeze", kept, build.int_const(2))}

    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(f"n{n}", ((1,),), {"start": 0}, {"taps": (n,)}, length=47, scale=0.5)
            for n in (1, 2, 7, 64, 65, 200)
        )
