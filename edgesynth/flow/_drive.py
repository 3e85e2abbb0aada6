"""The torch reference of a Graph, driven by the same inputs as every other runtime."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgesynth.graph import Graph


def reference(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Streaming torch outputs from reset, (channels, steps), by the runtime's random numbers.

    inputs: (channels, steps) by port name, at each port's own period.
    """
    import torch

    from edgesynth.module import StreamModule
    from edgesynth.stream import stream

    module = StreamModule(graph if graph.streaming else stream(graph))
    tensors = {
        p.name: torch.from_numpy(np.ascontiguousarray(inputs[p.name].T))[None] for p in graph.inputs
    }
    with torch.no_grad():
        outputs = module(tensors)
    return {k: v[0].numpy().T.copy() for k, v in outputs.items()}
