"""What an op is. One op is one Python file here and one C file of the same name in the runtime.

The Python file declares everything that the rest of the house derives from: shapes, the torch
reference, streaming state and delay, which channels are tied together, what may be quantized,
cost, the packed layout of its parameters, its ATen and ONNX forms, and its test cases.
`torch` is imported inside `reference`, `step` and `captures` only.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from edgesynth.graph import Graph, Node, Param, Shape

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Choice:
    """An attribute out of a closed list; artifacts store the position. Append only."""

    options: tuple[str, ...]


@dataclass(frozen=True)
class StateSpec:
    """A state array that a streaming node keeps: shape without batch; dtype "f4", "i8", "u4"."""

    shape: tuple[int, ...]
    dtype: str = "f4"
    init: str | None = None


@dataclass(frozen=True)
class Span:
    """`length` positions from `start` on one axis of something a node touches.

    kind "in": key is the input's index, the axis its last feature axis; "out": likewise;
    "param": key is the slot, `axis` the parameter's axis.
    """

    kind: str
    key: int | str
    start: int
    length: int
    axis: int = -1


@dataclass(frozen=True)
class Ties:
    """Which channels live and die together.

    sets: each a tuple of Spans of equal length; position i of all of them is one unit.
    fixed: Spans whose positions must never be cut.
    """

    sets: tuple[tuple[Span, ...], ...] = ()
    fixed: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Pack:
    """How a parameter lies in an artifact (`targets/pack.py` does it).

    "panels": a matrix (out, in) as [block][panel of 16 outputs][in][16], each of `blocks` equal
    parts of the out axis padded to a multiple of 16 by zeros; a kernel (out, in, taps) as
    [block][panel][tap][in][16].
    "vector": length n as [block][padded to 16]. "plain": as it is, row-major.
    """

    layout: str = "plain"
    blocks: int = 1


@dataclass
class Run:
    """What a reference run knows besides its inputs.

    step: absolute number of the first input's first step (streaming). random: "torch" draws from
    torch's generator (training), "counter" is the runtime's own function of (seed, frame, channel).
    masks, out_masks: unit masks of the node's inputs and outputs, as float tensors or None, in
    order; both empty where no value of the node is masked.
    """

    step: int = 0
    random: str = "torch"
    masks: Sequence[Tensor | None] = ()
    out_masks: Sequence[Tensor | None] = ()

    def early(self, x: Tensor, start: int) -> int:
        """How many steps of x (batch, time, ...) lie before step `start`."""
        return min(max(start - self.step, 0), x.shape[1])

    def hush(self, x: Tensor, start: int) -> Tensor:
        """x with the steps before step `start` set to zero."""
        from torch.nn.functional import pad

        n = self.early(x, start)
        return pad(x[:, n:], (0, 0) * (x.dim() - 2) + (n, 0)) if n else x


@dataclass(frozen=True)
class Case:
    """One test case: a one-node graph. `inputs` are feature shapes; `length` is T.

    `scale` multiplies the unit-normal test inputs, `offset` is added. All columns of the parity
    matrix run it.
    """

    name: str
    inputs: tuple[tuple[int, ...], ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    length: int = 23
    scale: float = 1.0
    offset: float = 0.0
    input_ranges: tuple[tuple[float, float] | None, ...] = ()


class Op(abc.ABC):
    """One operation. The class is a description; it holds no data of any graph.

    id: number in artifacts, never reused. slots: parameter slots in artifact order; a trailing
    "?" marks one that may be absent. attrs: name -> bool | int | float | Choice, in artifact
    order (one 32-bit word each); a node carries every one of them. quantizable: slots whose
    parameters may be i8. pack: slot -> Pack.
    """

    id: ClassVar[int]
    slots: ClassVar[tuple[str, ...]] = ()
    attrs: ClassVar[Mapping[str, type | Choice]] = {}
    quantizable: ClassVar[tuple[str, ...]] = ()
    pack: ClassVar[Mapping[str, Pack]] = {}

    @abc.abstractmethod
    def shapes(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> tuple[Shape, ...]:
        """Output shapes from input shapes; `params` is by slot. GraphError names what misfits."""

    @abc.abstractmethod
    def reference(
        self, node: Node, inputs: Sequence[Tensor], params: Mapping[str, Tensor], run: Run
    ) -> tuple[Tensor, ...]:
        """Whole-length torch computation, differentiable; tensors are (batch, time, *features)."""

    def state(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> dict[str, StateSpec]:
        """State arrays that a streaming node keeps, by slot; empty for an op without memory."""
        return {}

    def step(
        self,
        node: Node,
        inputs: Sequence[Tensor],
        params: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        run: Run,
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Streaming computation of any number of steps: (outputs, next state). State tensors are
        (batch, *shape). Concatenated outputs equal `reference` delayed by `delay`."""
        return self.reference(node, inputs, params, run), {}

    def delay(self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]) -> int:
        """Steps of its own output by which the streaming form lags the offline form."""
        return 0

    def macs(self, node: Node, graph: Graph) -> int:
        """Multiply-adds per step of the first output; table look-ups and additions left out."""
        return 0

    def ties(
        self, node: Node, inputs: Sequence[Shape], params: Mapping[str, Param]
    ) -> Ties:
        """Channel ties. The default: element by element, all inputs and outputs are one set."""
        n = inputs[0].features[-1]
        spans = [Span("in", i, 0, n) for i in range(len(inputs))]
        spans += [Span("out", i, 0, n) for i in range(len(node.outputs))]
        return Ties(sets=(tuple(spans),))

    def captures(self) -> dict[str, Callable[..., Any]]:
        """{ATen overload name, e.g. "aten.linear.default": converter}; a converter takes
        (context, *args, **kwargs) as the exported call has them (see `edgesynth.capture`)."""
        return {}

    def onnx(
        self,
        node: Node,
        build: Any,
        inputs: Sequence[str],
        params: Mapping[str, str],
        state: Mapping[str, str],
        graph: Graph,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Emit ONNX nodes through `build` (see `targets.onnx`): (output names, next-state names).
        Tensors are (batch, time, *features) as in the reference."""
        raise NotImplementedError(f"op {node.op} has no ONNX form")

    def cases(self) -> tuple[Case, ...]:
        """Test cases, odd sizes included."""
        return ()


def dims(param: Param, axes: int, node: Node, slot: str) -> tuple[int, ...]:
    """The parameter's shape, checked to have `axes` axes; GraphError names node and slot."""
    from edgesynth.errors import GraphError

    if len(param.shape) != axes:
        raise GraphError(f"{node.name}: {slot} has {len(param.shape)} axes, not {axes}")
    return param.shape


def normal(shape: Sequence[int], seed: int) -> np.ndarray:
    """Unit-normal float32 test data."""
    return np.random.default_rng(seed).standard_normal(tuple(shape)).astype(np.float32)
