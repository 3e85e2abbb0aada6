"""Calls that become several nodes: gates, norms and activations made of smaller ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgesynth.capture.context import Context, Value, Weight


def _binary(context: Context, fn: str, a: Value, b: Any) -> Value:
    """fn(a, b), b a signal, a Weight or a number."""
    if isinstance(b, Value):
        made = context.emit("binary", [a, b], {}, fn=fn, swapped=False)
    else:
        constant = b if isinstance(b, Weight) else context.param(float(b))
        made = context.emit("binary", [a], {"constant": constant}, fn=fn, swapped=False)
    value: Value = made
    return value


def _unary(context: Context, fn: str, x: Value) -> Value:
    value: Value = context.emit("unary", [x], {}, fn=fn)
    return value


def _reduced(context: Context, fn: str, x: Value) -> Value:
    value: Value = context.emit("reduce", [x], {}, fn=fn)
    return value


def _activation(context: Context, fn: str, x: Value) -> Value:
    value: Value = context.emit("activation", [x], {}, fn=fn, alpha=0.0)
    return value


def glu(context: Context, x: Value, dim: int = -1) -> Value:
    """First half of the channels times the sigmoid of the second."""
    context.feature_dim(x, dim)
    half = x.shape.channels // 2
    a = context.emit("slice", [x], {}, start_channel=0, length=half)
    b = context.emit("slice", [x], {}, start_channel=half, length=half)
    return _binary(context, "mul", a, _activation(context, "sigmoid", b))


def softmax(context: Context, x: Value, dim: int, dtype: Any = None) -> Value:
    """exp(x − max) / Σ exp(x − max) over channels."""
    context.feature_dim(x, dim)
    e = _unary(context, "exp", _binary(context, "sub", x, _reduced(context, "max", x)))
    return _binary(context, "div", e, _reduced(context, "sum", e))


def prelu(context: Context, x: Value, weight: Weight) -> Value:
    """max(x, 0) + weight · min(x, 0), one weight or one per channel (axis 1)."""
    if weight.array.size > 1:
        context.feature_dim(x, 1)
    slope = Weight(
        weight.name, weight.array.reshape(() if weight.array.size == 1 else -1), weight.trainable
    )
    below = _binary(context, "mul", _binary(context, "minimum", x, 0.0), slope)
    return _binary(context, "add", _binary(context, "maximum", x, 0.0), below)


def rms_norm(
    context: Context, x: Value, shape: list[int], weight: Weight | None = None, eps: Any = None
) -> Value:
    """x / √(mean x² + eps) · weight over channels (Zhang and Sennrich 2019)."""
    if tuple(shape) != x.shape.features:
        raise context.refuse("normalises over more than the channel axis")
    context.feature_dim(x, -1)
    power = _reduced(context, "mean", _binary(context, "mul", x, x))
    floor = float(np.finfo(np.float32).eps) if eps is None else eps
    y = _binary(context, "div", x, _unary(context, "sqrt", _binary(context, "add", power, floor)))
    return y if weight is None else _binary(context, "mul", y, weight)


def matmul(context: Context, x: Any, weight: Any) -> Any:
    """A signal times a matrix of the module."""
    if not isinstance(x, Value) or not isinstance(weight, Weight) or weight.array.ndim != 2:
        raise context.refuse("multiplies two signals; take a signal times a matrix")
    context.feature_dim(x, -1)
    turned = Weight(weight.name, np.ascontiguousarray(weight.array.T), weight.trainable)
    return context.emit("linear", [x], {"weight": turned})


def batch_norm(
    context: Context, value: Value, weight: Weight | None, bias: Weight | None,
    mean: Weight | None, var: Weight | None, training: bool, momentum: float, eps: float,
    cudnn: bool = True,
) -> Any:
    """Normalisation by stored statistics: a trainable gain and offset per channel."""
    if mean is None or var is None:
        raise context.refuse("normalises by the batch's own statistics; track running ones")
    context.feature_dim(value, 1)
    gain = 1.0 / np.sqrt(var.array.astype(np.float64) + eps)
    if weight is not None:
        gain = gain * weight.array
    offset = -mean.array * gain + (0.0 if bias is None else bias.array)
    stem = mean.name.removesuffix(".running_mean")
    for fn, name, array in (("mul", "weight", gain), ("add", "bias", offset)):
        constant = Weight(f"{stem}.{name}", array.astype(np.float32), trainable=True)
        value = _binary(context, fn, value, constant)
    return value


def rules() -> dict[str, Callable[..., Any]]:
    """{ATen name: converter}."""

    def rsqrt(c: Context, x: Value) -> Value:
        return _unary(c, "reciprocal", _unary(c, "sqrt", x))

    def mish(c: Context, x: Value) -> Value:
        return _binary(c, "mul", x, _activation(c, "tanh", _activation(c, "softplus", x)))

    def log_sigmoid(c: Context, x: Value) -> Value:
        return _unary(c, "neg", _activation(c, "softplus", _unary(c, "neg", x)))

    def hardtanh(c: Context, x: Value, low: float = -1.0, high: float = 1.0) -> Value:
        return _binary(c, "minimum", _binary(c, "maximum", x, low), high)

    return {
        "aten.glu.default": glu,
        "aten.softmax.int": softmax,
        "aten.prelu.default": prelu,
        "aten.rms_norm.default": rms_norm,
        "aten.matmul.default": matmul,
        "aten.batch_norm.default": batch_norm,
        "aten.rsqrt.default": rsqrt,
        "aten.mish.default": mish,
        "aten.log_sigmoid.default": log_sigmoid,
        "aten.hardtanh.default": hardtanh,
        "aten.relu6.default": lambda c, x: hardtanh(c, x, 0.0, 6.0),
    }
