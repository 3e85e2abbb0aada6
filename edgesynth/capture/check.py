"""Around a capture: the module held still, and its Graph run against it."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edgesynth.capture.lengths import call
from edgesynth.errors import CaptureError
from edgesynth.graph import Graph
from edgesynth.verify import verify

if TYPE_CHECKING:
    from torch import Tensor, nn

TOLERANCE = 1e-4
"""Largest error of the Graph on the example, per unit of the output's peak (or of 1)."""


@contextlib.contextmanager
def still(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode inside; modes, buffers and torch's random state as they were
    after."""
    import torch

    modes = {m: m.training for m in module.modules()}
    buffers = {b: b.clone() for b in module.buffers()}
    try:
        module.eval()
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        for buffer, old in buffers.items():
            buffer.copy_(old)
        for part, mode in modes.items():
            part.training = mode


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """torch.export's warnings and logs left out."""
    logger = logging.getLogger("torch")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def against(graph: Graph, module: nn.Module, inputs: Mapping[str, Tensor]) -> None:
    """Verify the Graph and compare it with the module on its example; CaptureError if they differ.

    Both draw the same random numbers.
    """
    import torch

    verify(graph)
    view = graph.module().eval()
    on_cpu = {k: x.detach().cpu() for k, x in inputs.items()}
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours = view(*on_cpu.values())
        torch.manual_seed(0)
        theirs = call(module, inputs)
    ours = [ours] if isinstance(ours, torch.Tensor) else list(ours)
    for port, a, b in zip(graph.outputs, ours, leaves(theirs), strict=True):
        b = b.detach().cpu()
        if a.shape != b.shape:
            raise CaptureError(
                f"output {port.name!r} is {tuple(b.shape)} on the example, {tuple(a.shape)} as a "
                "Graph: a size that neither stays nor grows with the input is not captured"
            )
        if not bool(b.isfinite().all()):
            raise CaptureError(
                f"output {port.name!r} holds NaN or infinity on the example: give an example of "
                "the values that the module works on"
            )
        peak = max(1.0, float(b.abs().max()))
        error = float((a - b).abs().max())
        if not error <= TOLERANCE * peak:
            raise CaptureError(
                f"output {port.name!r} differs by {error:.3g} from the module on the example: it "
                "does something on the way that its recorded calls do not show"
            )


def leaves(outputs: Any) -> list[Any]:
    """The tensors of a module's result, dicts and tuples flattened in order."""
    from torch.utils._pytree import tree_leaves

    return tree_leaves(outputs)
