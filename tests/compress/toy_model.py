"""A model of a few hundred weights that trains in milliseconds: smooth a random control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from toy_graphs import Builder

from edgesynth.graph import Graph
from edgesynth.models.base import Model


@dataclass(frozen=True)
class ToyData:
    """Random walks and their running means."""

    seed: int = 0

    @property
    def fingerprint(self) -> str:
        return f"toy {self.seed}"


@dataclass(frozen=True)
class Toy(Model):
    """linear, norm, gru, head."""

    hidden: int = 12

    def build(self, seed: int = 0) -> dict[str, Graph]:
        b = Builder(seed)
        h = b.activation(b.layer_norm(b.linear(b.input(2), self.hidden, name="first")), "tanh")
        recurrent = b.gru(h, self.hidden)
        side = b.activation(b.linear(h, self.hidden - 2, name="side"), "relu")
        joined = b.concat(recurrent, side)
        return {"decoder": b.graph(b.linear(joined, 1, name="head"))}

    def batches(
        self, data: ToyData, split: str, seed: int = 0, start: int = 0
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        number = start
        while split == "train" or number < 2:
            rng = np.random.default_rng([data.seed, len(split), seed, number])
            x = rng.standard_normal((4, 16, 2)).cumsum(axis=1).astype(np.float32) / 4
            y = x.sum(axis=2, keepdims=True).cumsum(axis=1) / 16
            yield torch.from_numpy(x), torch.from_numpy(y)
            number += 1

    def loss(self, modules: Mapping[str, torch.nn.Module], batch: Any) -> torch.Tensor:
        x, y = batch
        return ((modules["decoder"](x) - y) ** 2).mean()

    def evaluate(self, render: Any, data: Any, split: str = "test") -> dict[str, float]:
        return {}

    def data_rate(self) -> tuple[float, int]:
        return 16000.0, 64
