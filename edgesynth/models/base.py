"""What a model is, in the zoo or in a user's own file: a frozen dataclass of its configuration.

Help stands on the fields, as for stages. A model brings its graphs, its batches and its loss;
`edgesynth.train` and the stages of `compress` need nothing else.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgesynth.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Model(abc.ABC):
    """A synthesizer and how it is trained.

    configurations: named presets, {name: {field: value}}.
    """

    configurations: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @abc.abstractmethod
    def build(self, seed: int = 0) -> dict[str, Graph]:
        """Freshly initialised graphs by artifact name, the same for the same seed."""

    @abc.abstractmethod
    def batches(self, data: Any, split: str, seed: int = 0, start: int = 0) -> Iterator[Any]:
        """Batches of "train" (endless, shuffled by seed) from number `start` on, each a function of
        (seed, its number) so that training resumes; of "valid" or "test" (finite, in order)."""

    @abc.abstractmethod
    def loss(self, modules: Mapping[str, nn.Module], batch: Any) -> Tensor:
        """Scalar training loss of `graph.module()`s by artifact name."""

    @abc.abstractmethod
    def evaluate(self, render: Any, data: Any, split: str = "test") -> dict[str, float]:
        """Held-out errors of a renderer: render(ports: dict of float32 arrays) -> dict of float32
        arrays at audio rate, delay removed. Every runtime is judged by this one function."""

    def floor(self, graph: Graph, data: Any, split: str = "test") -> dict[str, float]:
        """The errors that a perfect model would still show: `graph` judged on its own notes, played
        with other random numbers. Empty where it draws none."""
        return {}

    @abc.abstractmethod
    def data_rate(self) -> tuple[float, int]:
        """(audio rate in Hz, samples per frame) that the data must be analysed at."""
