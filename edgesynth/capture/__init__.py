"""Capture: a torch module becomes a Graph, through torch.export.

The module is exported at two coprime lengths and two batch sizes (`traced`); every size is solved
as a·T + b or a·B; the recorded calls are then walked once (`walk`). A call is one of these:

- it vanishes: dropout, detach, clone, and views that only move or rename axes (`axes`);
- it is arithmetic on parameters alone: it is folded, and its result is one plain parameter,
  trainable if any source was (weight norm becomes a trainable weight);
- an op's file in `edgesynth/ops` has a converter for it (`Op.captures`).

Anything else is refused by name with `CaptureError`.

**Converters** take (context, *args, **kwargs) as the recorded call has them, with tensors that
depend on an input replaced by `Value`s, and parameters and constants by `Weight`s. They return a
Value, or a tuple with None for a part that the Graph cannot express. The `Context` gives

- `emit(op, values, slots, **attrs)`: add a node; slots are Weights or arrays; gives its Value, or
  a tuple of Values for a node with several outputs;
- `param(array, trainable=False)`: an array as a Weight;
- `is_param(x)`: whether x is a Weight;
- `feature_dim(value, dim)`: True where `dim` is the value's channel axis, otherwise it raises;
- `refuse(why)`: the CaptureError to raise, naming the call and its module path.

A Value has `shape` (`edgesynth.graph.Shape`) and `axes`, the meaning of each torch axis ("B", "T",
"C", "1"); a Weight has `array`, `shape` and `trainable`. In element-wise calls, Weights have been
brought to shape () or (C) before the converter sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgesynth.graph import Graph, Port

if TYPE_CHECKING:
    from torch import Tensor, nn


def capture(
    module: nn.Module,
    example_inputs: Sequence[Tensor] | Mapping[str, Tensor] | Tensor,
    *,
    name: str | None = None,
    ports: Mapping[str, Port | Mapping[str, Any]] | None = None,
    rate: float | None = None,
    time: Mapping[str, int] | None = None,
) -> Graph:
    """The module as a Graph, in evaluation mode; `graph.module()` takes and returns what it did.

    example_inputs: float32 tensors, batch on axis 0, by position or by argument name; several
    inputs keep the ratio of their lengths. time: {input: axis} where it cannot be found by trying.
    ports: {port: what differs from the default}, fields of `edgesynth.graph.Port`; inputs are
    named as forward's arguments, the output is "out" (or "out0", "out1", or its dict keys).
    rate: samples per second of the fastest port.

    CaptureError names the call and the module path that a Graph cannot express. The result is run
    against the module on the example, at a short length and at a long one before it is returned.
    """
    from edgesynth.capture.check import against, quiet, still
    from edgesynth.capture.elsewhere import elsewhere
    from edgesynth.capture.lengths import arguments, find_time
    from edgesynth.capture.traced import trace
    from edgesynth.capture.walk import walk

    with still(module), quiet():
        inputs = arguments(module, example_inputs)
        lengths = find_time(module, inputs, time or {})
        traced = trace(module, inputs, lengths)
        graph = walk(traced, name or type(module).__name__, ports or {}, rate)
        against(graph, module, inputs)
        elsewhere(graph, module, inputs, lengths)
    return graph
