"""The Graph run against the module at lengths that were not traced: a branch on the length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edgesynth.capture.check import TOLERANCE, leaves
from edgesynth.capture.lengths import Lengths, call
from edgesynth.errors import CaptureError
from edgesynth.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor, nn

LONGER = 3
"""The long length, in lengths of the example."""


def elsewhere(
    graph: Graph, module: nn.Module, inputs: Mapping[str, Tensor], lengths: Lengths
) -> None:
    """Compare Graph and module at the shortest length that both take and at three times the
    example's, on seeded random input in the example's range; CaptureError names the length where
    they differ. A length that the module does not take is passed over."""
    view = graph.module().eval()
    for length in _shorter(graph, lengths):
        if _agree(graph, view, module, inputs, lengths, length):
            break
    name = next(iter(inputs))
    full = inputs[name].shape[lengths.axes[name]] // lengths.ratios[name]
    _agree(graph, view, module, inputs, lengths, LONGER * full)


def _shorter(graph: Graph, lengths: Lengths) -> Iterator[int]:
    """From the shortest length at which no value is empty, doubled until the traced one. One step
    is left out: there `squeeze` and broadcasting do something else."""
    unit = lengths.unit
    need = max((1 - s.offset) / s.scale for s in graph.shapes.values() if s.scale)
    length = unit * max(2, -int(-need // unit))
    while length < lengths.first:
        yield length
        length *= 2


def _agree(
    graph: Graph,
    view: nn.Module,
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    lengths: Lengths,
    length: int,
) -> bool:
    """False where the module does not take this length or gives nothing; raises where the Graph
    gives something else."""
    import torch

    drawn = _drawn(inputs, lengths, length)
    theirs = _run(lambda: call(module, drawn))
    if isinstance(theirs, Exception) or not all(y.numel() for y in theirs):
        return False
    ours = _run(lambda: view(*(x.cpu() for x in drawn.values())))
    name = next(iter(inputs))
    steps = [lengths.ratios[name] * n for n in (length, lengths.first, lengths.first + lengths.unit)]
    end = (
        f"at length {steps[0]} of input {name!r}, traced at {steps[1]} and {steps[2]}: "
        "a branch on the length cannot be expressed; do the same at every length"
    )
    if isinstance(ours, Exception):
        raise CaptureError(f"the Graph fails where the module does not, {end}")
    for port, a, b in zip(graph.outputs, ours, theirs, strict=True):
        b = b.detach().cpu()
        if a.shape != b.shape:
            raise CaptureError(
                f"output {port.name!r} is {tuple(b.shape)} and {tuple(a.shape)} as a Graph, {end}"
            )
        defined = b.isfinite()  # an op may be undefined on values that the example lacks
        a, b = torch.where(defined, a, 0.0), torch.where(defined, b, 0.0)
        error = float((a - b).abs().max())
        if not error <= TOLERANCE * max(1.0, float(b.abs().max())):
            raise CaptureError(
                f"output {port.name!r} differs by {error:.3g} from the module {end}"
            )
    return True


def _run(make: Callable[[], Any]) -> list[Tensor] | Exception:
    """Output tensors under fixed random numbers, or what was raised."""
    import torch

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return leaves(make())
        except Exception as e:  # whatever a user's module raises
            return e


def _drawn(inputs: Mapping[str, Tensor], lengths: Lengths, length: int) -> dict[str, Tensor]:
    """Seeded uniform values at T = `length`, each channel in the range that it has over batch and
    time of its example; a constant c gets the range c … 1.1 c, zero 0 … 0.1."""
    import torch

    generator = torch.Generator().manual_seed(0)
    drawn = {}
    for name, x in lengths.resized(inputs, length, 2).items():
        over = (0, lengths.axes[name])
        low, high = (f(inputs[name], over, keepdim=True) for f in (torch.amin, torch.amax))
        spare = torch.where(low == 0, 0.1, 0.1 * low)
        reach = torch.where(high > low, high - low, spare)
        share = torch.rand(x.shape, generator=generator).to(x.device)
        drawn[name] = (low + share * reach).detach()
    return drawn
