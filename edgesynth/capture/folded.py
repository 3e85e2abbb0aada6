"""Arithmetic on parameters and constants alone: done once, at capture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgesynth.capture.axes import widened
from edgesynth.capture.context import Context, Value, Weight
from edgesynth.capture.traced import Call, labels

_UNIFORM = re.compile(r"^aten\.(new_)?(zeros|ones|full)(_like)?\.")
ELEMENTWISE = re.compile(
    r"^aten\.(add|sub|mul|div|rsub|pow|minimum|maximum|min|max|clamp|clamp_min|clamp_max)_?"
    r"\.(Tensor|Scalar|default|other|Tensor_Tensor|Tensor_Scalar)$"
)


def makes_constant(call: Call, args: Sequence[Any]) -> bool:
    """Whether the call's result depends on no input's values."""
    tensors = [t for x in args for t in (x if isinstance(x, list) else [x])]
    return not any(isinstance(t, Value) for t in tensors) or bool(_UNIFORM.match(call.op))


def fold(context: Context, call: Call, args: Any, kwargs: dict[str, Any]) -> Any:
    """The call's result as a Weight, or a tuple of Weights, computed by torch itself."""
    import torch

    if torch.Tag.nondeterministic_seeded in getattr(call.target, "tags", ()):
        raise context.refuse("draws random numbers; use torch.ops.edgesynth.noise")
    sources: list[Weight] = []

    def real(x: Any) -> Any:
        if isinstance(x, Weight):
            sources.append(x)
            return torch.from_numpy(np.array(x.array))
        if isinstance(x, Value):
            return torch.empty([1] * len(x.axes))
        return [real(v) for v in x] if isinstance(x, list) else x

    match = _UNIFORM.match(call.op)
    if any(s.kind != "C" for s in _flat(call.sizes)):
        # Sizes that vary: one element stands for all, as only a uniform constant can be used.
        if not match:
            raise context.refuse("makes a constant whose size changes with length or batch")
        fill = {"zeros": 0.0, "ones": 1.0}.get(match[2])
        if fill is None:
            fill = float(kwargs.get("fill_value", args[1] if len(args) > 1 else 0.0))
        shape = [1] * len(call.sizes)
        return Weight(call.name, np.full(shape, fill, np.float32), varies=True)
    if match and match[3]:
        shape = [s.offset for s in call.sizes]
        return Weight(call.name, np.full(shape, args[1] if len(args) > 1 else 0.0, np.float32))
    with torch.no_grad():
        result = call.target(*[real(a) for a in args], **{k: real(v) for k, v in kwargs.items()})
    trainable = any(w.trainable for w in sources)
    name = _name(call, sources)

    def weight(t: Any, suffix: str = "") -> Any:
        if isinstance(t, tuple | list):
            return tuple(weight(v, f"{suffix}.{i}") for i, v in enumerate(t))
        return Weight(name + suffix, t.detach().cpu().numpy(), trainable)

    return weight(result)


def _name(call: Call, sources: Sequence[Weight]) -> str:
    """The plain name of a folded parameter: "conv.weight" for both kinds of weight norm."""
    plain = {re.sub(r"parametrizations\.(\w+)\.original\d*$", r"\1", w.name) for w in sources}
    if "_weight_norm" in call.op:
        plain = {re.sub(r"_[gv]$", "", n) for n in plain}
    if len(plain) == 1:
        return plain.pop()
    return f"{call.path}.{call.name}" if call.path else call.name


def _flat(sizes: Any) -> list[Any]:
    if isinstance(sizes, tuple | list):
        return [s for part in sizes for s in _flat(part)]
    return [] if sizes is None else [sizes]


def aligned(context: Context, call: Call, args: Any, kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Operands of an element-wise call: Weights brought to () or (C), signals to the same axes."""
    out = labels(call.sizes)
    channels = max([s.offset for s in call.sizes if s.kind == "C"], default=1)
    operands = [x for x in (*args, *kwargs.values()) if isinstance(x, Value | Weight)]
    wide = any(isinstance(x, Value) and x.shape.channels == channels for x in operands)

    def one(x: Any) -> Any:
        nonlocal wide
        if isinstance(x, Weight):
            return _constant(context, x, out)
        if isinstance(x, Value):
            right = out[len(out) - len(x.axes) :]
            if any(a not in ("1", b) for a, b in zip(x.axes, right, strict=True)):
                raise context.refuse("meets two signals whose axes do not lie side by side")
            if not wide:
                wide = True
                return widened(context, x, channels)
        return x

    args, kwargs = [one(a) for a in args], {k: one(v) for k, v in kwargs.items()}
    alpha = kwargs.get("alpha", 1)
    if alpha != 1 and len(args) > 1 and isinstance(args[1], Weight):
        w = args[1]
        args[1] = Weight(f"{w.name}.scaled", w.array * np.float32(alpha), w.trainable)
        kwargs.pop("alpha")
    return args, kwargs


def _constant(context: Context, weight: Weight, out: str) -> Weight:
    array = weight.array.astype(np.float32)
    if weight.varies or array.size == 1:
        return Weight(weight.name, array.reshape(-1)[0].reshape(()), weight.trainable)
    sides = out[len(out) - array.ndim :] if array.ndim else ""
    if array.ndim > len(out) or any(
        n != 1 and side != "C" for n, side in zip(array.shape, sides, strict=True)
    ):
        raise context.refuse(
            f"has a constant {weight.name!r} of {weight.shape} along another axis than channels"
        )
    return Weight(weight.name, array.reshape(-1), weight.trainable)
