"""A module's recorded calls, with every size solved over length and batch."""

from __future__ import annotations

import contextlib
import io
import operator
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from edgesynth.capture.lengths import Lengths, placed
from edgesynth.errors import CaptureError

if TYPE_CHECKING:
    from torch import Tensor, fx, nn
    from torch.export import ExportedProgram


@dataclass(frozen=True)
class Size:
    """A size: batch · B, or scale · T + offset."""

    batch: int = 0
    scale: Fraction = Fraction(0)
    offset: int = 0

    @property
    def kind(self) -> str:
        """ "B" batch, "T" time, "C" neither."""
        return "B" if self.batch else "T" if self.scale else "C"

    def __str__(self) -> str:
        if self.batch:
            return f"{self.batch}·B"
        return f"{self.scale}·T{self.offset:+d}" if self.scale else str(self.offset)


def labels(sizes: Iterable[Size]) -> str:
    """The meaning of each axis: "B" batch, "T" time, "C" channels, "1" an axis of size 1."""
    return "".join("1" if s == Size(offset=1) else s.kind for s in sizes)


@dataclass(frozen=True)
class Call:
    """One recorded call. `args` and `kwargs` hold `Ref`s for results of other calls and Sizes for
    integers that change; `sizes` is the result's shape, a tuple of shapes for several results."""

    name: str
    target: Any
    args: Any
    kwargs: Mapping[str, Any]
    sizes: Any
    path: str
    kind: str
    dtype: str = "torch.float32"

    @property
    def op(self) -> str:
        """The ATen name, e.g. "aten.linear.default"."""
        return str(self.target) if self.target is not operator.getitem else "getitem"


@dataclass(frozen=True)
class Ref:
    """The result of the call, or the input or parameter, of that name."""

    name: str


@dataclass(frozen=True)
class Traced:
    """Recorded calls in order; `inputs` {name: (sizes, input)}, `tensors` {name: (target, tensor)}
    for parameters, buffers and constants, `outputs` {port: name}."""

    calls: tuple[Call, ...]
    inputs: Mapping[str, tuple[Any, str]]
    tensors: Mapping[str, tuple[str, Tensor]]
    outputs: Mapping[str, str]
    lengths: Lengths


def trace(module: nn.Module, inputs: Mapping[str, Tensor], lengths: Lengths) -> Traced:
    """Export at (T, B), (T + unit, B) and (T, B + 1) and solve every size."""
    from edgesynth.ops._torch import register

    register()
    points = [(lengths.first, 2), (lengths.first + lengths.unit, 2), (lengths.first, 3)]
    programs = [_export(module, lengths.resized(inputs, t, b)) for t, b in points]
    graphs = [list(p.graph.nodes) for p in programs]
    _same_calls(graphs[0], graphs[1], "length")
    _same_calls(graphs[0], graphs[2], "batch")
    solve = _Solve(lengths)
    calls: list[Call] = []
    shapes: dict[str, Any] = {}
    for nodes in zip(*graphs, strict=True):
        node = nodes[0]
        sizes = solve.sizes([n.meta.get("val") for n in nodes], node)
        shapes[node.name] = sizes
        if node.op == "call_function":
            args = solve.argument([n.args for n in nodes], node)
            kwargs = {k: solve.argument([n.kwargs[k] for n in nodes], node) for k in node.kwargs}
            path, kind = _where(node)
            dtype = str(getattr(node.meta.get("val"), "dtype", "torch.float32"))
            calls.append(Call(node.name, node.target, args, kwargs, sizes, path, kind, dtype))
    program = programs[0]
    signature = program.graph_signature
    arguments = dict(zip(signature.user_inputs, inputs, strict=True))
    tensors = _tensors(program)
    _no_writes(calls, {**arguments, **{k: target for k, (target, _) in tensors.items()}})
    return Traced(
        tuple(calls),
        {n: (shapes[n], name) for n, name in arguments.items()},
        tensors,
        _outputs(program),
        lengths,
    )


def _export(module: nn.Module, inputs: Mapping[str, Tensor]) -> ExportedProgram:
    import torch

    args, kwargs = placed(module, inputs)
    try:
        with torch.no_grad(), contextlib.redirect_stderr(io.StringIO()):  # it prints what it has
            return torch.export.export(module, args, kwargs, strict=False)
    except Exception as e:  # torch.export raises many kinds, from user code too
        line = next((s for s in str(e).splitlines() if s.strip()), type(e).__name__)
        raise CaptureError(f"torch.export cannot record {type(module).__name__}: {line}") from e


def _no_writes(calls: Iterable[Call], kept: Mapping[str, str]) -> None:
    """No call writes in place to an input, a parameter or a buffer: they outlive the call."""
    for call in calls:
        first = call.args[0] if call.args else None
        in_place = re.match(r"^aten\.[a-z]\w*_\.", call.op)
        if in_place and isinstance(first, Ref) and first.name in kept:
            name = kept[first.name]
            raise CaptureError(
                f"{call.op} (at module path {call.path!r}) writes to {name!r}; "
                "a Graph keeps state only inside its ops"
            )


def _where(node: fx.Node) -> tuple[str, str]:
    """Module path and class of a call."""
    stack = node.meta.get("nn_module_stack") or {}
    path, kind = list(stack.values())[-1] if stack else ("", "")
    return str(path), kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def _same_calls(first: list[fx.Node], other: list[fx.Node], what: str) -> None:
    if [n.target for n in first if n.op == "call_function"] == [
        n.target for n in other if n.op == "call_function"
    ]:
        return
    counts = [Counter(_where(n)[0] for n in nodes) for nodes in (first, other)]
    path = next((p for p in counts[0] | counts[1] if counts[0][p] != counts[1][p]), "")
    mend = "batch" if what == "batch" else "time; use nn.GRU, a convolution or a fixed filter"
    raise CaptureError(
        f"the calls change with the {what} (at module path {path!r}): a Python loop over {mend}"
        + (" is not captured" if what == "length" else " is not captured; use whole-batch calls")
    )


@dataclass(frozen=True)
class _Solve:
    """Integers seen at the three points, solved; what fits no rule is refused by name."""

    lengths: Lengths

    def size(self, seen: list[int], node: fx.Node) -> Size:
        base, longer, wider = seen
        scale = Fraction(longer - base, self.lengths.unit)
        if longer != base and wider != base:
            raise CaptureError(f"{_title(node)} mixes batch and time in one axis; keep them apart")
        if wider != base:
            if base != 2 * (wider - base):
                raise CaptureError(f"{_title(node)} has a size that is no multiple of the batch")
            return Size(batch=wider - base)
        offset = base - scale * self.lengths.first
        if offset.denominator != 1 or scale < 0:
            raise CaptureError(f"{_title(node)} has a size that is not linear in time")
        return Size(scale=scale, offset=int(offset))

    def sizes(self, seen: list[Any], node: fx.Node) -> Any:
        if isinstance(seen[0], tuple | list):
            return tuple(self.sizes(list(part), node) for part in zip(*seen, strict=True))
        if not hasattr(seen[0], "shape"):
            return None
        shapes = [tuple(int(n) for n in v.shape) for v in seen]
        return tuple(self.size(list(s), node) for s in zip(*shapes, strict=True))

    def argument(self, seen: list[Any], node: fx.Node) -> Any:
        first = seen[0]
        if isinstance(first, tuple | list):
            if len({len(s) for s in seen}) != 1:
                raise CaptureError(f"{_title(node)} takes more tensors as the input grows")
            return [self.argument(list(part), node) for part in zip(*seen, strict=True)]
        if hasattr(first, "op") and hasattr(first, "meta"):
            return Ref(first.name)
        if type(first) is int:
            size = self.size(list(seen), node)
            return first if size.kind == "C" else size
        if any(s != first for s in seen):
            raise CaptureError(f"{_title(node)} has an argument that changes with the input's size")
        return first


def _title(node: fx.Node) -> str:
    path, _ = _where(node)
    return f"{node.target if node.op == 'call_function' else node.name} (at module path {path!r})"


def _tensors(program: ExportedProgram) -> dict[str, tuple[str, Tensor]]:
    signature = program.graph_signature
    named = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    pool: dict[str, Any] = {**program.constants, **program.state_dict}
    return {name: (target, pool[target]) for name, target in named.items()}


def _outputs(program: ExportedProgram) -> dict[str, str]:
    """{port: call or input}; the port is named by its place in the module's result."""
    from torch.utils._pytree import tree_flatten_with_path, tree_unflatten

    names = program.graph_signature.user_outputs
    spec = program.call_spec.out_spec
    paths, _ = tree_flatten_with_path(tree_unflatten(list(names), spec))
    found = {}
    for path, name in paths:
        if not isinstance(name, str):
            raise CaptureError(f"the module returns {name!r} beside tensors; return tensors only")
        parts = [getattr(p, "key", getattr(p, "idx", None)) for p in path]
        texts = [f"out{p}" if isinstance(p, int) else str(p) for p in parts]
        found[".".join(texts) or "out"] = name
    return found
