"""Recorded calls to a Graph: one pass over the calls, each by the first rule that fits."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

from edgesynth.capture import axes, composed
from edgesynth.capture.context import Context, Value, Weight
from edgesynth.capture.folded import ELEMENTWISE, aligned, fold, makes_constant
from edgesynth.capture.traced import Call, Ref, Size, Traced, labels
from edgesynth.edit import build
from edgesynth.errors import CaptureError, EdgesynthError
from edgesynth.graph import Graph, Port, Shape
from edgesynth.verify import LAYOUTS


def walk(
    traced: Traced,
    name: str,
    ports: Mapping[str, Port | Mapping[str, Any]],
    rate: float | None,
) -> Graph:
    """The Graph of the recorded calls; CaptureError names the first that no rule fits."""
    from edgesynth.ops import OPS

    context = Context()
    converters = axes.rules() | composed.rules()
    for op in OPS.values():
        converters |= op.captures()
    found: dict[str, Any] = {}
    doors: list[Port] = []
    inputs: dict[str, Shape] = {}
    for key, (sizes, argument) in traced.inputs.items():
        value = _input(context, argument, sizes, traced.lengths.ratios[argument])
        found[key] = value
        inputs[value.name] = value.shape
        doors.append(Port(argument, "in", value.name, layout=_layout(value, argument)))
    trained = {k: t.requires_grad for k, (_, t) in traced.tensors.items()}
    for key, (target, tensor) in traced.tensors.items():
        array = tensor.detach().cpu().numpy()
        is_parameter = type(tensor).__name__ == "Parameter"
        trainable = trained[key] or (is_parameter and not any(trained.values()))
        found[key] = Weight(target, array, trainable)
    walker = _Walker(context, converters, found, _uses(traced))
    for call in _needed(traced):
        context.call = call
        found[call.name] = walker.result(call)
    taken = {p.name for p in doors}
    for port, key in traced.outputs.items():
        value = found[key]
        if not isinstance(value, Value) or value.pad != (0, 0):
            raise CaptureError(f"output {port!r} is no signal of the Graph: it depends on no input")
        port = port if port not in taken else f"{port}_out"
        doors.append(Port(port, "out", value.name, layout=_layout(value, port)))
    shapes = context.shapes | inputs
    doors = _kinds(doors, shapes, ports)
    return build(name, context.nodes, _used(context), doors, inputs, rate)


class _Walker:
    """Turns one call into a Value, a Weight, or a tuple of them."""

    def __init__(
        self,
        context: Context,
        converters: Mapping[str, Callable[..., Any]],
        found: dict[str, Any],
        uses: Mapping[str, int],
    ) -> None:
        self.context, self.converters, self.found, self.uses = context, converters, found, uses

    def result(self, call: Call) -> Any:
        context = self.context
        args = [self._look(a) for a in call.args]
        kwargs = {k: self._look(v) for k, v in call.kwargs.items()}
        if call.op == "getitem":
            part = args[0][args[1]]
            if part is None:
                raise context.refuse("takes a result that is no signal, as a layer's last state")
            return part
        if makes_constant(call, [*args, *kwargs.values()]):
            return fold(context, call, args, kwargs)
        if call.dtype != "torch.float32":
            raise context.refuse(f"gives {call.dtype}; a Graph computes in float32")
        try:
            made = self._converted(call, args, kwargs)
        except CaptureError as e:
            raise (e if "at module path" in str(e) else context.refuse(f": {e}")) from e
        except EdgesynthError as e:
            raise context.refuse(f": {e}") from e
        if isinstance(made, tuple):
            return tuple(
                context.labelled(v, s) if isinstance(v, Value) else None
                for v, s in zip(made, call.sizes, strict=True)
            )
        return context.labelled(made, call.sizes)

    def _converted(self, call: Call, args: list[Any], kwargs: dict[str, Any]) -> Any:
        context = self.context
        _check_axes(context, call, args)
        if call.op == "aten.slice.Tensor" and isinstance(args[0], Value):
            dim = args[1] if len(args) > 1 else 0
            step = args[4] if len(args) > 4 else kwargs.get("step", 1)
            if args[0].axes[dim] == "T" and step == 1:
                start = args[2] if len(args) > 2 else None
                return axes.crop(context, args[0], dim, start, self._alone(args[0]))
        name = call.op
        if name not in self.converters and name.replace("_.", ".") in self.converters:
            name = name.replace("_.", ".")
        if name not in self.converters:
            near = difflib.get_close_matches(name, sorted(self.converters), 3, 0.5)
            mend = f"; nearest: {', '.join(near)}" if near else ""
            raise context.refuse(f"is not in edgesynth/ops{mend}")
        if ELEMENTWISE.match(call.op):
            args, kwargs = aligned(context, call, args, kwargs)
        return self.converters[name](context, *args, **kwargs)

    def _alone(self, value: Value) -> bool:
        names = [k for k, v in self.found.items() if isinstance(v, Value) and v.name == value.name]
        return all(self.uses[k] == 1 for k in names)

    def _look(self, x: Any) -> Any:
        if isinstance(x, Ref):
            return self.found[x.name]
        return [self._look(v) for v in x] if isinstance(x, list) else x


def _check_axes(context: Context, call: Call, args: list[Any]) -> None:
    """Ops that fix the place of batch, time and channels find them there."""
    x = args[0] if args and isinstance(args[0], Value) else None
    if x is None:
        return
    found = x.axes if "C" in x.axes else x.axes.replace("1", "C", 1)
    wanted = ""
    if call.op.startswith("aten.conv"):
        wanted = "BCT"
    elif call.op.startswith("aten.gru."):
        wanted = "BTC" if args[8] else "TBC"
        if not isinstance(args[1], Weight) or args[1].array.any():
            raise context.refuse("starts from a given state; start from zeros")
    elif call.op.startswith("aten.linear."):
        wanted = "C"
    elif call.op.startswith("edgesynth."):
        wanted = "BTC"
    if not found.endswith(wanted) or (len(wanted) == 3 and len(found) != 3):
        raise context.refuse(f"reads axes {found} as {wanted}: move them by transpose first")


def _needed(traced: Traced) -> list[Call]:
    """The calls that outputs depend on, in order."""
    needed = set(traced.outputs.values())
    kept = []
    for call in reversed(traced.calls):
        if call.name in needed:
            kept.append(call)
            needed.update(_refs([call.args, list(call.kwargs.values())]))
    return kept[::-1]


def _refs(x: Any) -> list[str]:
    if isinstance(x, Ref):
        return [x.name]
    return [n for v in x for n in _refs(v)] if isinstance(x, list | tuple) else []


def _uses(traced: Traced) -> Counter[str]:
    uses = Counter(traced.outputs.values())
    for call in _needed(traced):
        uses.update(_refs([call.args, list(call.kwargs.values())]))
    return uses


def _input(context: Context, name: str, sizes: tuple[Size, ...], ratio: int) -> Value:
    channels = [s.offset for s in sizes if s.kind == "C"]
    if len(channels) > 1:
        raise CaptureError(f"input {name!r} has {len(channels)} feature axes; a Graph takes one")
    shape = Shape((channels[0] if channels else 1,), Fraction(ratio))
    value = Value(context.unique(name), shape, labels(sizes))
    context.shapes[value.name] = shape
    return value


def _layout(value: Value, port: str) -> str:
    layout = value.axes if "C" in value.axes else value.axes.replace("1", "C", 1)
    if layout not in LAYOUTS:
        raise CaptureError(f"port {port!r} has axes {layout}; make it one of {', '.join(LAYOUTS)}")
    return layout


def _kinds(
    doors: list[Port], shapes: Mapping[str, Shape], told: Mapping[str, Port | Mapping[str, Any]]
) -> list[Port]:
    """Ports with their kind by rate, and what the user told of them."""
    names = [p.name for p in doors]
    for name in told:
        if name not in names:
            raise CaptureError(f"there is no port {name!r}; ports are {', '.join(names)}")
    fastest = max(shapes[p.value].scale for p in doors)
    known = {f.name for f in fields(Port)} - {"direction", "value", "layout"}
    result = []
    for port in doors:
        port = replace(port, kind="audio" if shapes[port.value].scale == fastest else "frame")
        changes = told.get(port.name, {})
        given = dict(vars(changes) if isinstance(changes, Port) else changes)
        given = {k: v for k, v in given.items() if not isinstance(changes, Port) or k in known}
        for key in given:
            if key not in known:
                raise CaptureError(f"port {port.name!r} has no field {key!r} that can be told")
        result.append(replace(port, **given))
    return result


def _used(context: Context) -> dict[str, Any]:
    used = {name for n in context.nodes for name in n.params.values()}
    return {k: v for k, v in context.params.items() if k in used}
