"""The columns of the parity matrix: one class each, which plays a row and lists what it leaves out.

A column's `play` gives the streamed outputs of a row, (steps, channels) by port name, from reset;
`offline` ones give them undelayed. `leaves_out` maps a row's name, or a prefix ending in "/" or
"*", to the reason.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from parity.cases import Example, slowest

from edgesynth.graph import Graph
from edgesynth.stream import stream
from firmware_bridge.build import native_isas

Outputs = dict[str, np.ndarray]


class Column:
    """Base of every column."""

    name: ClassVar[str]
    offline: ClassVar[bool] = False
    leaves_out: ClassVar[Mapping[str, str]] = {}

    def play(self, example: Example) -> Outputs:
        raise NotImplementedError

    def available(self) -> str:
        """Why this column cannot run on this machine; empty where it can."""
        return ""

    def reason(self, row: str) -> str:
        """Why the row is left out; empty where it is played."""
        for key, why in self.leaves_out.items():
            if row == key or (key[-1] in "/*" and row.startswith(key.rstrip("*"))):
                return why
        return ""


def offline_torch(graph: Graph, inputs: Mapping[str, np.ndarray], double: bool) -> Outputs:
    """The offline Graph in torch, in float32 or float64, with the runtime's random numbers."""
    import torch

    from edgesynth.module import GraphModule

    module = GraphModule(graph, random="counter")
    given = [torch.from_numpy(inputs[p.name].copy())[None] for p in graph.inputs]
    if double:
        module, given = module.double(), [x.double() for x in given]
    with torch.no_grad():
        made = module(*given)
    made = made if isinstance(made, tuple) else (made,)
    return {p.name: y[0].numpy() for p, y in zip(graph.outputs, made, strict=True)}


def reference(example: Example) -> Outputs:
    """What every column is held against: the offline Graph in torch, float64."""
    return offline_torch(example.graph, example.inputs, double=True)


class Torch(Column):
    """The offline reference in float32."""

    name = "torch"
    offline = True

    def play(self, example: Example) -> Outputs:
        return offline_torch(example.graph, example.inputs, double=False)


class Saved(Column):
    """The Graph written, read again, and run as `Torch` does."""

    name = "saved"
    offline = True

    def play(self, example: Example) -> Outputs:
        from edgesynth.save import load, save

        with tempfile.TemporaryDirectory() as folder:
            save(example.graph, Path(folder) / "graph")
            graph = load(Path(folder) / "graph")
        assert graph.fingerprint() == example.graph.fingerprint()
        return offline_torch(graph, example.inputs, double=False)


class TorchStream(Column):
    """The streaming Graph in torch, in calls of 1, 2 and all remaining slowest steps."""

    name = "stream"

    def play(self, example: Example) -> Outputs:
        import torch

        from edgesynth.module import StreamModule

        graph = stream(example.graph)
        module = StreamModule(graph)
        parts = [
            module({k: torch.from_numpy(v.copy())[None] for k, v in part.items()})
            for part in split(graph, example.inputs)
        ]
        return {k: np.concatenate([p[k][0].numpy() for p in parts]) for k in parts[0]}


class Onnx(Column):
    """The step model in ONNX Runtime, stepped as `TorchStream`."""

    name = "onnx"

    def available(self) -> str:
        for module in ("onnx", "onnxruntime"):
            try:
                __import__(module)
            except ModuleNotFoundError:
                return f"{module} is not installed"
        return ""

    def play(self, example: Example) -> Outputs:
        import onnxruntime as ort

        from targets.onnx import export, initial_states
        from targets.onnx_build import NEXT, STATE

        graph = stream(example.graph)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = ort.InferenceSession(export(graph), options, providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        state, parts = initial_states(graph), []
        for part in split(graph, example.inputs):
            given = {k: v[None] for k, v in part.items()}
            got = dict(zip(names, session.run(names, given | state), strict=True))
            state = {STATE + k[len(NEXT) :]: v for k, v in got.items() if k.startswith(NEXT)}
            parts.append(got)
        return {
            p.name: np.concatenate([part[p.name][0] for part in parts]) for p in graph.outputs
        }


class Runtime(Column):
    """The C runtime through ctypes, on one kernel table."""

    kernels: ClassVar[str]
    block: ClassVar[int] = 64
    chunk: ClassVar[int] = 48

    def available(self) -> str:
        return missing_kernels(self.kernels)

    def play(self, example: Example, block: int | None = None) -> Outputs:
        """`block` frames a call; controls are given per frame, held over their period."""
        from firmware_bridge.play import Player

        player = Player(artifact(example.graph, self.chunk), kernels=self.kernels)
        total = example.steps * slowest(stream(example.graph))
        block = min(block or self.block, total)
        parts: dict[str, list[np.ndarray]] = {p.name: [] for p in player.outputs}
        for start in range(0, total, block):
            count = min(block, total - start)
            given = {
                p.name: _piece(p.kind, p.period, example.inputs[p.name], start, count)
                for p in player.inputs
            }
            made = player.process(given, frames=count)
            made = made if isinstance(made, dict) else {player.outputs[0].name: made}
            for name, values in made.items():
                parts[name].append(np.atleast_2d(values))
        return {k: np.concatenate(v, axis=1).T.copy() for k, v in parts.items()}


def _piece(kind: str, period: int, x: np.ndarray, start: int, count: int) -> np.ndarray:
    """What a port takes for the frames [start, start + count): (channels, steps) or (count,)."""
    if kind == "control":
        return x[(start + np.arange(count)) // period, 0]
    first, end = -(-start // period), -(-(start + count) // period)
    return np.ascontiguousarray(x[first:end].T)


class Scalar(Runtime):
    name = "c-scalar"
    kernels = "scalar"


class Avx2(Runtime):
    name = "c-avx2"
    kernels = "avx2"


class Avx512(Runtime):
    name = "c-avx512"
    kernels = "avx512"


class Neon(Runtime):
    name = "c-neon"
    kernels = "neon"


RUNTIMES: tuple[Runtime, ...] = tuple(
    column for column in (Scalar(), Avx2(), Avx512(), Neon()) if column.kernels in native_isas()
)
COLUMNS: tuple[Column, ...] = (Torch(), Saved(), TorchStream(), Onnx(), *RUNTIMES)


def skip_unless(column: Column, row: str = "") -> None:
    """Skip the test, saying why, where the column or this row of it does not run here."""
    why = column.available() or (column.reason(row) if row else "")
    if why:
        pytest.skip(f"{column.name}: {why}")


def split(graph: Graph, inputs: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The inputs in three calls: 1 slowest step, 2 more, the rest."""
    slow = slowest(graph)
    shares = {p.name: slow // graph.period(p.value) for p in graph.inputs}
    total = min(len(inputs[k]) // n for k, n in shares.items())
    cuts = [0, *sorted({min(1, total), min(3, total), total})]
    return [
        {k: inputs[k][a * n : b * n] for k, n in shares.items()}
        for a, b in itertools.pairwise(cuts)
    ]


def artifact(graph: Graph, chunk: int) -> bytes:
    """The Graph's artifact for this machine."""
    from targets.artifact import write
    from targets.base import target
    from targets.lower import lower

    return write(lower(graph, target("host"), chunk))


@cache
def missing_kernels(name: str) -> str:
    """Why the kernel table is not there; empty where it is. The C library itself must be."""
    from firmware_bridge.library import available_kernels

    here = available_kernels()
    return "" if name in here else f"no {name} kernels here, only {', '.join(here)}"
