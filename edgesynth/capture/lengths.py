"""Which axis of each example input is time, and the module run at other lengths and batches."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgesynth.errors import CaptureError

if TYPE_CHECKING:
    from torch import Tensor, nn

SHORT = (24, 96, 384, 1536, 6144)
"""Lengths tried before the example's own: the shortest one that the module takes is exported."""


@dataclass(frozen=True)
class Lengths:
    """How the inputs grow: input `name` has `ratios[name] · T` steps on axis `axes[name]`.

    The module takes every T that is a multiple of `unit`; it is exported at `first` and
    `first + unit`, which have no factor in common but the unit.
    """

    axes: Mapping[str, int]
    ratios: Mapping[str, int]
    unit: int
    first: int

    def resized(
        self, inputs: Mapping[str, Tensor], length: int, batch: int
    ) -> dict[str, Tensor]:
        """The inputs repeated or cut to T = `length` and this batch."""
        return {
            k: _repeat(_repeat(x, self.axes[k], self.ratios[k] * length), 0, batch)
            for k, x in inputs.items()
        }


def arguments(
    module: nn.Module, example: Sequence[Tensor] | Mapping[str, Tensor] | Tensor
) -> dict[str, Tensor]:
    """The example inputs by argument name, in forward's order; CaptureError names a bad one."""
    import torch

    signature = inspect.signature(module.forward)
    try:
        if isinstance(example, Mapping):
            bound = signature.bind(**example)
        elif isinstance(example, torch.Tensor):
            bound = signature.bind(example)
        else:
            bound = signature.bind(*example)
    except TypeError as e:
        raise CaptureError(f"{type(module).__name__}.forward{signature}: {e}") from e
    inputs: dict[str, Any] = {}
    for key, value in bound.arguments.items():
        if signature.parameters[key].kind is inspect.Parameter.VAR_POSITIONAL:
            inputs |= {f"{key}{i}": v for i, v in enumerate(value)}
        elif signature.parameters[key].kind is inspect.Parameter.VAR_KEYWORD:
            inputs |= value
        else:
            inputs[key] = value
    if not inputs:
        raise CaptureError("there are no example inputs; give one tensor per argument")
    for key, value in inputs.items():
        if not isinstance(value, torch.Tensor):
            raise CaptureError(f"input {key!r} is a {type(value).__name__}, not a tensor")
        if value.dtype != torch.float32:
            raise CaptureError(f"input {key!r} is {value.dtype}; a Graph computes in float32")
        if value.dim() < 2 or value.numel() == 0:
            raise CaptureError(f"input {key!r} has shape {tuple(value.shape)}; give batch and time")
    return inputs


def call(module: nn.Module, inputs: Mapping[str, Tensor]) -> Any:
    """The module on inputs by name; positional-only and starred arguments are passed in order."""
    args, kwargs = placed(module, inputs)
    return module(*args, **kwargs)


def placed(
    module: nn.Module, inputs: Mapping[str, Tensor]
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Positional and keyword arguments that forward takes the inputs as."""
    kinds = inspect.signature(module.forward).parameters
    keyword = {k for k, p in kinds.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    keyword |= {k for k in inputs if k not in kinds} if any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in kinds.values()
    ) else set()
    args = tuple(v for k, v in inputs.items() if k not in keyword)
    return args, {k: v for k, v in inputs.items() if k in keyword}


def find_time(
    module: nn.Module, inputs: Mapping[str, Tensor], told: Mapping[str, int]
) -> Lengths:
    """The one choice of time axes under which the module takes other lengths and batches."""
    for name in told:
        if name not in inputs:
            raise CaptureError(f"time names no input {name!r}; inputs are {', '.join(inputs)}")
    error = _try(module, inputs)
    if error:
        raise CaptureError(f"the module fails on its example inputs: {error}")
    choices = [_candidates(k, x, told) for k, x in inputs.items()]
    found: list[Lengths] = []
    error = ""
    for axes in itertools.product(*choices):
        lengths, why = _fit(module, inputs, dict(zip(inputs, axes, strict=True)))
        if lengths:
            found.append(lengths)
        error = error or why
    if not found:
        raise CaptureError(f"no axis of the inputs can change its length or the batch: {error}")
    if len(found) > 1:
        raise CaptureError(
            f"time may lie on axes {' or '.join(str(dict(f.axes)) for f in found)}; "
            "say which: capture(..., time={input: axis})"
        )
    return found[0]


def _candidates(name: str, x: Tensor, told: Mapping[str, int]) -> list[int]:
    if name in told:
        axis = told[name] % x.dim() if -x.dim() <= told[name] < x.dim() else 0
        if axis == 0:
            raise CaptureError(f"time={told[name]} is no time axis of input {name!r}")
        return [axis]
    return [a for a in range(1, x.dim()) if x.shape[a] > 1] or list(range(1, x.dim()))


def _fit(
    module: nn.Module, inputs: Mapping[str, Tensor], axes: Mapping[str, int]
) -> tuple[Lengths | None, str]:
    steps = {k: x.shape[axes[k]] for k, x in inputs.items()}
    full = math.gcd(*steps.values())
    ratios = {k: n // full for k, n in steps.items()}
    error = ""
    for unit in sorted({u for u in (1, 2, 4, 8, 16, 32, 64, 128, 256) if full % u == 0} | {full}):
        short = [-(-n // unit) * unit for n in SHORT if n < full]
        for first in sorted({*short, full}):
            lengths = Lengths(axes, ratios, unit, first)
            why = _try(module, lengths.resized(inputs, first, 2)) or _try(
                module, lengths.resized(inputs, first + unit, 3)
            )
            if not why:
                return lengths, ""
            error = error or why
    return None, error


def _try(module: nn.Module, inputs: Mapping[str, Tensor]) -> str:
    """Why the module does not take these inputs, in one line; empty where it does."""
    import torch

    try:
        with torch.no_grad():
            call(module, inputs)
    except Exception as e:  # whatever a user's module raises
        return f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}"
    return ""


def _repeat(x: Tensor, axis: int, size: int) -> Tensor:
    import torch

    times = -(-size // x.shape[axis])
    return torch.cat([x] * times, axis).narrow(axis, 0, size).contiguous()
