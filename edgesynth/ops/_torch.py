"""Torch's registry of our own operators: `torch.ops.edgesynth.*`, kept whole by torch.export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LIBRARY: list[Any] = []
_SIGNATURES = {
    "harmonic": "(Tensor f0, Tensor amplitude, Tensor distribution, int hop, float rate) -> Tensor",
    "noise": "(Tensor magnitudes, int hop, int seed, str random='torch') -> Tensor",
    "fir": "(Tensor x, Tensor taps) -> Tensor",
}


def _implementations() -> dict[str, Callable[..., Any]]:
    from edgesynth.ops import fir, harmonic, noise

    return {"harmonic": harmonic.compute, "noise": noise.compute, "fir": fir.compute}


def register() -> Any:
    """`torch.ops.edgesynth`, its operators defined; the first call imports torch and defines them.

    Each is composite: autograd differentiates through it, torch.export records one call.
    """
    import torch

    if not _LIBRARY:
        make: Any = torch.library.Library
        library = make("edgesynth", "FRAGMENT")
        for name, implementation in _implementations().items():
            library.define(name + _SIGNATURES[name])
            library.impl(name, implementation, "CompositeImplicitAutograd")
        _LIBRARY.append(library)
    return torch.ops.edgesynth
