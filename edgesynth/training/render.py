"""A Graph as a renderer of whole notes in torch, for `Model.evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edgesynth.graph import Graph

Render = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def torch_render(graph: Graph) -> Render:
    """A renderer for `Model.evaluate`: the whole Graph at once in torch, with the runtime's random
    numbers. Takes and gives [steps] or [steps, channels] per port."""
    import torch

    module = graph.module(random="counter")

    def batch(values: np.ndarray) -> torch.Tensor:
        array = torch.from_numpy(np.array(values, np.float32))
        return (array[:, None] if array.ndim == 1 else array)[None]

    def render(ports: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.no_grad():
            made = module(*[batch(ports[port.name]) for port in graph.inputs])
        values = made if isinstance(made, tuple) else (made,)
        arrays = [v[0, :, 0] if v.shape[-1] == 1 else v[0] for v in values]
        return {p.name: a.numpy() for p, a in zip(graph.outputs, arrays, strict=True)}

    return render
