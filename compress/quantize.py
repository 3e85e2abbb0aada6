"""Quantize: int8 weights with one scale per output channel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any

import numpy as np

from edgesynth import edit
from edgesynth.errors import InputError, StageError
from edgesynth.graph import Graph, Param
from edgesynth.ops import OPS
from edgesynth.stage import Context, Outcome, Stage

LIMIT = 127


@dataclass(frozen=True)
class Quantize(Stage):
    """Store weights as int8 codes: symmetric, scale max|w| / 127 per output channel, rounded half
    to even. Activations, biases and state stay f32."""

    skip: Annotated[
        tuple[str, ...], "parameters to leave in f32, by name; * and ? match as in file names"
    ] = ()
    minimum: Annotated[int, "leave parameters with fewer values than this in f32"] = 64

    def __post_init__(self) -> None:
        if self.minimum < 0:
            raise InputError(f"minimum is {self.minimum}; it must be at least 0")

    def requires(self, graph: Graph, context: Context) -> None:
        for pattern in self.skip:
            if not any(fnmatchcase(name, pattern) for name in graph.params):
                raise StageError(f"skip names no parameter: {pattern!r}; {_names(graph)}")
        if not any(not why for why in self._reasons(graph).values()):
            raise StageError(f"graph {graph.name!r} has no parameter that would be quantized")

    def run(self, graph: Graph, context: Context) -> Outcome:
        reasons = self._reasons(graph)
        new = {n: quantized(graph.params[n].array) for n, why in reasons.items() if not why}
        after = edit.with_params(graph, new)
        report = {
            "bytes": {"before": graph.stored_bytes(), "after": after.stored_bytes()},
            "tensors": [_row(name, graph.params[name], param) for name, param in new.items()],
            "kept": [{"name": name, "why": why} for name, why in reasons.items() if why],
        }
        return Outcome(after, report, context.early)

    def ensures(self, before: Graph, after: Outcome, context: Context) -> None:
        for name, why in self._reasons(before).items():
            old, new = before.params[name], after.graph.params[name]
            if why:
                if not np.array_equal(old.array, new.array):
                    raise StageError(f"parameter {name!r} changed although {why}")
                continue
            if new.format != "i8" or new.scale is None:
                raise StageError(f"parameter {name!r} was not quantized")
            again = quantized(new.values())
            if not np.array_equal(again.array, new.array):
                raise StageError(f"parameter {name!r}: its codes do not reproduce")
            half = new.scale.reshape((-1,) + (1,) * (old.array.ndim - 1)).astype(np.float64) / 2
            error = np.abs(new.values().astype(np.float64) - old.array)
            if (error > half * (1 + 1e-4)).any():
                raise StageError(f"parameter {name!r} is off by more than half a code")

    def _reasons(self, graph: Graph) -> dict[str, str]:
        """Parameter -> why it stays as it is, "" where it becomes int8."""
        barred = {
            name
            for node in graph.nodes
            for slot, name in node.params.items()
            if slot not in OPS[node.op].quantizable
        }
        reasons = {}
        for name, param in graph.params.items():
            if name in barred:
                why = "its op takes it in f32 only"
            elif param.format != "f32":
                why = f"it is {param.format} already"
            elif not param.trainable:
                why = "it is a fixed transform"
            elif any(fnmatchcase(name, pattern) for pattern in self.skip):
                why = "skip names it"
            elif param.array.size < self.minimum:
                why = f"it holds fewer than {self.minimum} values"
            else:
                why = ""
            reasons[name] = why
        return reasons


def quantized(values: np.ndarray) -> Param:
    """The int8 Param of an f32 array (out, …): scale max|w| / 127 per index of axis 0 (1 where all
    are zero, or too small for a normal scale), codes half to even in ±127."""
    rows = np.asarray(values, dtype=np.float32)
    largest = np.abs(rows.reshape(len(rows), -1)).max(axis=1)
    scale = (largest / np.float32(LIMIT)).astype(np.float32)
    scale = np.where(scale >= np.finfo(np.float32).tiny, scale, np.float32(1))
    steps = rows / scale.reshape((-1,) + (1,) * (rows.ndim - 1))
    codes = np.clip(np.rint(steps), -LIMIT, LIMIT).astype(np.int8)
    return Param(codes, "i8", scale)


def _row(name: str, old: Param, new: Param) -> dict[str, Any]:
    """What quantizing did to one tensor: worst error, and signal to error in dB."""
    error = new.values().astype(np.float64) - old.array
    power, noise = float((old.array.astype(np.float64) ** 2).sum()), float((error**2).sum())
    snr = 10 * math.log10(power / noise) if power > 0 and noise > 0 else None
    return {
        "name": name,
        "shape": list(old.shape),
        "worst_error": float(np.abs(error).max()),
        "snr_db": snr,
        "bytes": {"before": old.stored_bytes(), "after": new.stored_bytes()},
    }


def _names(graph: Graph) -> str:
    names = list(graph.params)
    return f"there are {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
