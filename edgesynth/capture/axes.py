"""Calls that make no node of their own: views, crops and zeros in time, stacks, broadcasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edgesynth.capture.context import Context, Value
from edgesynth.capture.traced import Size

VANISH = frozenset(
    f"aten.{name}"
    for name in (
        "dropout.default", "dropout_.default", "feature_dropout.default", "alpha_dropout.default",
        "native_dropout.default", "detach.default", "detach_.default", "alias.default",
        "contiguous.default", "clone.default", "lift_fresh_copy.default", "to.dtype", "to.device",
        "to.dtype_layout", "to.other", "_to_copy.default", "type_as.default",
    )
)  # fmt: skip
MOVES = frozenset(
    f"aten.{name}"
    for name in (
        "permute.default", "transpose.int", "transpose_.default", "t.default", "movedim.int",
        "movedim.intlist", "swapaxes.default", "swapdims.default", "squeeze.default",
        "squeeze.dim", "squeeze.dims", "unsqueeze.default", "numpy_T.default", "mT.default",
    )
)  # fmt: skip
RESHAPES = frozenset(
    f"aten.{name}"
    for name in (
        "view.default", "reshape.default", "_unsafe_view.default", "flatten.using_ints",
        "unflatten.int", "view_as.default", "reshape_as.default",
    )
)  # fmt: skip


def same(context: Context, value: Value, *rest: Any, **kwargs: Any) -> Value:
    """The value itself; its axes are read off the recorded result."""
    return value


def reshape(context: Context, value: Value, *rest: Any, **kwargs: Any) -> Value:
    """A view that keeps every axis but those of size 1, in their order."""
    assert context.call is not None
    after = context.labelled(value, context.call.sizes).axes
    if value.axes.replace("1", "") != after.replace("1", ""):
        raise context.refuse("mixes axes of the signal; use transpose to move an axis")
    return value


def pad(
    context: Context, value: Value, pads: list[int], mode: str = "constant", fill: Any = None
) -> Value:
    """Zeros before and after the time axis, for the convolution that follows."""
    if mode != "constant" or fill:
        raise context.refuse(f"pads with mode {mode!r}, value {fill}; use zeros")
    found = value.pad
    for i in range(0, len(pads), 2):
        left, right = pads[i], pads[i + 1]
        if left == right == 0:
            continue
        axis = len(value.axes) - 1 - i // 2
        if value.axes[axis] != "T" or left < 0 or right < 0:
            raise context.refuse("pads another axis than time; only zeros in time are captured")
        found = (found[0] + left, found[1] + right)
    return replace(value, pad=found)


def select(context: Context, value: Value, dim: int, index: int) -> Any:
    """One channel; the axis goes."""
    if value.axes[dim] == "1" or (context.feature_dim(value, dim) and value.shape.channels == 1):
        return value
    first = index % value.shape.channels
    return context.emit("slice", [value], {}, start_channel=first, length=1)


def unbind(context: Context, value: Value, dim: int = 0) -> Any:
    """Every channel as a signal of its own."""
    context.feature_dim(value, dim)
    return tuple(select(context, value, dim, i) for i in range(value.shape.channels))


def stack(context: Context, values: list[Value], dim: int = 0) -> Any:
    """Signals of one channel side by side."""
    for value in values:
        if not isinstance(value, Value) or value.shape.channels != 1:
            raise context.refuse("stacks signals of several channels; use torch.cat")
    return context.emit("concat", values, {})


def expand(context: Context, value: Value, *rest: Any, **kwargs: Any) -> Value:
    """One channel repeated, or nothing to do."""
    assert context.call is not None
    channels = [s.offset for s in context.call.sizes if s.kind == "C" and s != Size(offset=1)]
    return widened(context, value, channels[0] if len(channels) == 1 else value.shape.channels)


def widened(context: Context, value: Value, channels: int) -> Value:
    """A signal of one channel copied to `channels`, by a fixed linear map of ones."""
    if value.shape.channels == channels:
        return value
    if value.shape.channels != 1:
        raise context.refuse(f"repeats {value.shape.channels} channels to {channels}")
    wide: Value = context.emit("linear", [value], {"weight": np.ones((channels, 1), np.float32)})
    return wide


def crop(
    context: Context, value: Value, dim: int, start: Any, alone: bool
) -> Value:
    """Steps cut off a convolution's output: its padding shrinks. `alone`: nothing else reads it."""
    assert context.call is not None
    time = context.call.sizes[dim]
    cut = value.shape.offset + sum(value.pad) - time.offset
    left = 0 if start is None else start
    if isinstance(left, Size) or left < 0 or time.scale != value.shape.scale or cut < left:
        raise context.refuse("takes a part of the signal in time that is no constant crop")
    if cut == 0:
        return value
    at = next((i for i, n in enumerate(context.nodes) if value.name in n.outputs), -1)
    if at < 0 or context.nodes[at].op != "conv1d" or not alone:
        raise context.refuse("crops time; crop the output of a convolution, or pad less")
    node = context.nodes[at]
    pads = {"pad_left": int(node.attrs["pad_left"]) - left}
    pads["pad_right"] = int(node.attrs["pad_right"]) - (cut - left)
    if min(pads.values()) < 0:
        raise context.refuse("crops more than the convolution before it padded")
    context.nodes[at] = replace(node, attrs={**node.attrs, **pads})
    shape = replace(value.shape, offset=value.shape.offset - cut)
    context.shapes[value.name] = shape
    return replace(value, shape=shape)


def rules() -> dict[str, Callable[..., Any]]:
    """{ATen name: converter} of everything here but `crop`."""
    found: dict[str, Callable[..., Any]] = dict.fromkeys(VANISH | MOVES, same)
    found |= dict.fromkeys(RESHAPES, reshape)
    return found | {
        "aten.pad.default": pad,
        "aten.constant_pad_nd.default": lambda c, x, p, value=0: pad(c, x, p, fill=value),
        "aten.select.int": select,
        "aten.unbind.int": unbind,
        "aten.stack.default": stack,
        "aten.expand.default": expand,
        "aten.expand_as.default": expand,
        "aten.repeat.default": expand,
    }
