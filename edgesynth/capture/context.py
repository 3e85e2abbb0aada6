"""What converters work with: Values, Weights and the Context that collects nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgesynth.capture.traced import Call, Size, labels
from edgesynth.edit import typed
from edgesynth.errors import CaptureError, GraphError
from edgesynth.graph import Attr, Node, Param, Shape
from edgesynth.verify import made_shapes


@dataclass(frozen=True)
class Value:
    """A tensor that depends on an input. axes: the meaning of each torch axis: "B" batch, "T" time,
    "C" channels, "1" a unit axis. pad: zeros still to be put before and after its time axis."""

    name: str
    shape: Shape
    axes: str = "BTC"
    pad: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Weight:
    """A tensor that depends on no input. varies: its size changes with length or batch."""

    name: str
    array: np.ndarray
    trainable: bool = False
    varies: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)


@dataclass
class Context:
    """Nodes and parameters so far, and the call that is being converted."""

    nodes: list[Node] = field(default_factory=list)
    params: dict[str, Param] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    call: Call | None = None
    _weights: dict[str, Weight] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def refuse(self, why: str) -> CaptureError:
        """The error to raise: names the call and its module path."""
        assert self.call is not None
        return CaptureError(f"{self.call.op} (at module path {self.call.path!r}) {why}")

    def emit(
        self, op: str, values: Sequence[Value], slots: Mapping[str, Any], **attrs: Attr
    ) -> Any:
        """Add a node; gives its Value, or a tuple of Values where the op has several outputs."""
        for value in values:
            if not isinstance(value, Value):
                raise self.refuse("takes a constant where the Graph needs a signal")
        if op == "conv1d" and values[0].pad != (0, 0):
            left, right = values[0].pad
            attrs["pad_left"] = int(attrs["pad_left"]) + left
            attrs["pad_right"] = int(attrs["pad_right"]) + right
            values = [replace(values[0], pad=(0, 0)), *values[1:]]
        for value in values:
            if value.pad != (0, 0):
                raise self.refuse("reads a padded signal; zeros in time go before a convolution")
        params = {slot: self._register(w) for slot, w in slots.items()}
        node = Node(self._name(op), op, tuple(v.name for v in values), (), params, attrs)
        node = typed(node)
        try:
            shapes = made_shapes(node, self.shapes, self.params)
        except GraphError as e:
            raise self.refuse(f"does not fit op {op!r}: {e}") from e
        count = len(shapes)
        names = (node.name,) if count == 1 else tuple(f"{node.name}.{i}" for i in range(count))
        self.nodes.append(replace(node, outputs=names))
        self.shapes |= zip(names, shapes, strict=True)
        axes = values[0].axes if values else "BTC"
        made = tuple(Value(n, s, axes) for n, s in zip(names, shapes, strict=True))
        return made[0] if count == 1 else made

    def param(self, array: Any, trainable: bool = False) -> Weight:
        """An array as a Weight of its own."""
        assert self.call is not None
        name = f"{self.call.path}.{self.call.name}" if self.call.path else self.call.name
        return Weight(f"{name}.constant", np.asarray(array, dtype=np.float32), trainable)

    def is_param(self, x: Any) -> bool:
        """Whether x depends on no input."""
        return isinstance(x, Weight)

    def feature_dim(self, value: Value, dim: int | Sequence[int]) -> bool:
        """True where `dim`, an axis of the torch tensor, is the value's channel axis; raises
        CaptureError naming the axis otherwise."""
        if isinstance(dim, Sequence):
            if len(dim) != 1:
                raise self.refuse(f"works over {len(dim)} axes at once; the Graph has one for it")
            dim = dim[0]
        if not -len(value.axes) <= dim < len(value.axes):
            raise self.refuse(f"works over axis {dim} of {len(value.axes)}")
        label = value.axes[dim]
        if label == "C" or (label == "1" and "C" not in value.axes):
            return True
        word = {"B": "the batch axis", "T": "the time axis", "1": "an axis of size 1"}[label]
        raise self.refuse(f"works over {word}; the Graph has it over channels only")

    def labelled(self, value: Value, sizes: Sequence[Size]) -> Value:
        """The value with the axes that the recorded result has; raises where they do not fit."""
        axes = labels(sizes)
        if axes.count("B") != 1 or axes.count("T") != 1:
            raise self.refuse(
                f"gives sizes ({', '.join(map(str, sizes))}); a signal keeps one batch and one "
                "time axis"
            )
        if axes.count("C") > 1:
            raise self.refuse(
                f"gives sizes ({', '.join(map(str, sizes))}); a signal has one channel axis"
            )
        batch, time = sizes[axes.index("B")], sizes[axes.index("T")]
        channels = sizes[axes.index("C")].offset if "C" in axes else 1
        steps = Shape(value.shape.features, time.scale, time.offset - sum(value.pad))
        if batch.batch != 1 or channels != value.shape.channels or steps != value.shape:
            raise self.refuse(
                f"gives sizes ({', '.join(map(str, sizes))}) where the Graph has "
                f"{value.shape.channels} channels, {value.shape.scale}·T{value.shape.offset:+d}"
            )
        return replace(value, axes=axes)

    def unique(self, name: str) -> str:
        """`name`, or name_2, name_3 … where it is taken; takes it."""
        found, n = name, 1
        while found in self._taken:
            n += 1
            found = f"{name}_{n}"
        self._taken.add(found)
        return found

    def _name(self, op: str) -> str:
        assert self.call is not None
        if self.call.path and self.call.kind.startswith("torch.nn."):
            return self.unique(self.call.path)
        return self.unique(f"{self.call.path}.{op}" if self.call.path else op)

    def _register(self, weight: Any) -> str:
        weight = weight if isinstance(weight, Weight) else self.param(weight)
        if weight.varies:
            raise self.refuse("uses a constant whose size changes with length or batch")
        if weight.array.dtype != np.float32:
            raise self.refuse(f"uses {weight.name!r} of {weight.array.dtype}; use float32")
        name, n = str(weight.name), 1
        while name in self._weights and not _same(self._weights[name], weight):
            n += 1
            name = f"{weight.name}_{n}"
        self._weights[name] = weight
        self.params[name] = Param(weight.array, trainable=weight.trainable)
        return name


def _same(a: Weight, b: Weight) -> bool:
    return a.trainable == b.trainable and a.shape == b.shape and bool((a.array == b.array).all())
