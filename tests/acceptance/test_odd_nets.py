"""Nets of odd widths and shapes the whole way: module, Graph, stream, and C at any split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import edgesynth
from compress.quantize import Quantize
from edgesynth.errors import CaptureError
from edgesynth.graph import Graph
from edgesynth.stream import stream
from firmware_bridge.library import available_kernels
from firmware_bridge.play import Player


class Residual(nn.Module):
    """Sums and gates of branches that look ahead by different amounts; channels first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.into = nn.Conv1d(2, width, 1)
        self.near = nn.Conv1d(width, 2 * width, 3, padding=2, dilation=2)
        self.far = nn.Conv1d(width, width, 9, padding=4, groups=width)
        self.out = nn.Conv1d(width + 2, 1, 1)

    def forward(self, audio: Tensor) -> Tensor:
        x = self.into(audio)
        a, b = self.near(x).chunk(2, 1)
        y = x + torch.tanh(a) * torch.sigmoid(b) + self.far(F.leaky_relu(x))
        return self.out(torch.cat([y, audio], 1))


class Recurrent(nn.Module):
    """Stacked GRUs with a norm, a skip and a shared layer; channels last."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.into = nn.Linear(2, width)
        self.norm, self.gru = nn.LayerNorm(width), nn.GRU(width, width, layers, batch_first=True)
        self.drop, self.out = nn.Dropout(0.5), nn.Linear(width, 1)

    def forward(self, audio: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.into(audio)))
        y, _ = self.gru(self.drop(x))
        return self.out(torch.tanh(y) + x) - 0.5 * self.out(x)


def residual(width: int) -> tuple[nn.Module, Tensor]:
    return Residual(width), torch.randn(2, 2, 61)


def recurrent(width: int) -> tuple[nn.Module, Tensor]:
    return Recurrent(width, 1 + width % 3), torch.randn(2, 23, 2)


CASES = [(residual, w) for w in (1, 3, 17, 33)] + [(recurrent, w) for w in (2, 7, 61)]


def through_c(graph: Graph, x: np.ndarray, want: np.ndarray) -> None:
    """x (channels, frames): every kernel table and split gives `want`, delayed, the splits alike."""
    artifact, delay = edgesynth.export(graph), stream(graph).latency
    for kernels in available_kernels():
        sounds = []
        for block in (64, 1, 17, 333):
            player, parts = Player(artifact, kernels=kernels), []
            for start in range(0, x.shape[1], block):
                parts.append(player.process(np.ascontiguousarray(x[:, start : start + block])))
            sounds.append(np.concatenate(parts))
        assert all(s.tobytes() == sounds[0].tobytes() for s in sounds), kernels
        error = np.abs(sounds[0][delay:] - want[: len(want) - delay]).max()
        assert error <= 1e-5 * max(1.0, np.abs(want).max()), kernels


@pytest.mark.parametrize(("build", "width"), CASES, ids=lambda c: getattr(c, "__name__", c))
def test_the_whole_way(build: Callable[[int], tuple[nn.Module, Tensor]], width: int) -> None:
    torch.manual_seed(width)
    module, example = build(width)
    graph = edgesynth.capture(module, example, ports={"audio": {"kind": "audio"}})
    assert module.training, "the module's mode is given back"
    module.eval()
    first = build is residual
    unseen = torch.randn(3, 2, 401) if first else torch.randn(3, 401, 2)
    with torch.no_grad():
        want = module(unseen)
        torch.testing.assert_close(graph.module()(unseen), want, atol=1e-5, rtol=1e-5)
        x = unseen[0] if first else unseen[0].T
        through_c(graph, x.numpy(), want[0].reshape(-1).numpy())
        small = Quantize(minimum=1)(graph).graph
        coded = small.module()(unseen)
    assert 0 < float((coded - want).abs().max()) <= 0.2 * float(want.abs().max())
    through_c(small, x.numpy(), coded[0].reshape(-1).numpy())


def test_an_example_that_gives_nan_is_named() -> None:
    class Log(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.log(x)

    with pytest.raises(CaptureError, match="'out' holds NaN or infinity on the example"):
        edgesynth.capture(Log(), -torch.ones(2, 12, 4), time={"x": 1})


def test_a_refused_capture_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * x if x.sum() > 0 else 3 * x

    with pytest.raises(CaptureError, match=r"torch\.export cannot record Branch"):
        edgesynth.capture(Branch(), torch.randn(2, 12, 4), time={"x": 1})
    assert capfd.readouterr() == ("", "")
