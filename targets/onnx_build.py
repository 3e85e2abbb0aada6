"""What an op's `onnx` method writes to: nodes, constants and the clock of one ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.graph import Graph

if TYPE_CHECKING:
    from onnx import TensorProto

STATE = "state:"
NEXT = "next:"
CLOCK = "clock"


class Build:
    """What an op's `onnx` method writes to. Values are names; "" is an absent optional input.

    steps(value): the int64 [1] tensor that holds the value's steps in this call.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Any] = []
        self.initializers: list[TensorProto] = []
        self.clock_used = False
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._count = 0

    def _fresh(self, hint: str) -> str:
        self._count += 1
        return f"_{hint.lower()}.{self._count}"

    def node(self, op_type: str, *inputs: str, outputs: int = 1, **attrs: Any) -> Any:
        """Add one ONNX node; the output's name, or a tuple of names where `outputs` is not 1.

        An attribute that is a numpy array becomes a tensor; None leaves the attribute out."""
        from onnx import helper, numpy_helper

        names = tuple(self._fresh(op_type) for _ in range(outputs))
        given = {
            k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v
            for k, v in attrs.items()
            if v is not None
        }
        self.nodes.append(helper.make_node(op_type, list(inputs), list(names), **given))
        return names[0] if outputs == 1 else names

    def const(self, array: Any, dtype: Any = None) -> str:
        """Name of a constant tensor. Python floats and float64 arrays become float32 unless
        `dtype` says otherwise; equal constants are stored once."""
        from onnx import numpy_helper

        value = np.asarray(array, dtype=dtype)
        if dtype is None and value.dtype == np.float64:
            value = value.astype(np.float32)
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self._known:
            name = self._fresh("const")
            self.initializers.append(numpy_helper.from_array(np.array(value, order="C"), name))
            self._known[key] = name
        return self._known[key]

    def int_const(self, *values: int) -> str:
        """Name of a 1-D int64 constant."""
        return self.const(list(values), dtype=np.int64)

    def int_scalar(self, value: int) -> str:
        """Name of a 0-D int64 constant."""
        return self.const(value, dtype=np.int64)

    def cast(self, value: str, dtype: str) -> str:
        """`value` as "f4", "f8", "i8" (int64), "i4", "u4", "u8" (uint64) or "bool"."""
        return str(self.node("Cast", value, to=element(dtype)))

    def slice(self, value: str, axis: int, start: int | str, end: int | str, step: int = 1) -> str:
        """`value[start:end:step]` along `axis`; bounds are ints or names of int64 [1] tensors."""
        ends = [self.int_const(v) if isinstance(v, int) else v for v in (start, end)]
        axes, steps = self.int_const(axis), self.int_const(step)
        return str(self.node("Slice", value, ends[0], ends[1], axes, steps))

    def reshape(self, value: str, *shape: int) -> str:
        """`value` in another shape; -1 is what is left, 0 keeps the input's size."""
        return str(self.node("Reshape", value, self.int_const(*shape)))

    def size(self, value: str, axis: int) -> str:
        """The int64 [1] tensor that holds one axis of the value's shape."""
        return str(self.node("Shape", value, start=axis, end=axis + 1))

    def steps(self, value: str) -> str:
        """Time steps of `value` in this call (axis 1), int64 [1]."""
        return str(self.node("Shape", value, start=1, end=2))

    def clock(self) -> str:
        """Absolute clock sample of this call's first step, an int64 scalar."""
        self.clock_used = True
        return STATE + CLOCK

    def first_step(self, period: int) -> str:
        """Absolute step index of this call's first step at `period`, an int64 scalar."""
        return str(self.node("Div", self.clock(), self.int_scalar(period)))


def element(dtype: str) -> int:
    """ONNX's number of an element type written as in `Build.cast`."""
    from onnx import TensorProto

    names = {
        "f4": TensorProto.FLOAT, "f8": TensorProto.DOUBLE, "i8": TensorProto.INT64,
        "i4": TensorProto.INT32, "u4": TensorProto.UINT32, "u8": TensorProto.UINT64,
        "bool": TensorProto.BOOL,
    }
    return int(names[dtype])
