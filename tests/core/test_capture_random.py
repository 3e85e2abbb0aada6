"""Random stacks of layers, in either layout: captured Graphs compute what they did."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import edgesynth

torch.set_num_threads(1)
LAYERS = ("linear", "norm", "gru", "causal", "same", "gate", "act", "half", "skip", "scale", "turn")


class Stack(nn.Module):
    """Layers by name, one after the other; "turn" goes on in the other layout."""

    def __init__(self, names: list[str], width: int) -> None:
        super().__init__()
        self.names, self.parts, self.gains = names, nn.ModuleDict(), nn.ParameterDict()
        for i, name in enumerate(names):
            key = f"{name}{i}"
            if name == "linear":
                self.parts[key], width = nn.Linear(width, width + 3), width + 3
            elif name == "norm":
                self.parts[key] = nn.LayerNorm(width)
            elif name == "gru":
                self.parts[key], width = nn.GRU(width, 4, batch_first=True), 4
            elif name in ("causal", "same"):
                pad = "same" if name == "same" else 0
                self.parts[key] = nn.Conv1d(width, 6, 3, dilation=2, padding=pad, bias=i % 2 == 0)
                width = 6
            elif name == "gate":
                self.parts[key] = nn.Linear(width, 2 * width)
            elif name == "half" and width > 1:
                width //= 2
            elif name == "scale":
                self.gains[key] = nn.Parameter(torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        last = True  # channels last
        for i, name in enumerate(self.names):
            key, axis = f"{name}{i}", -1 if last else 1
            wants_last = name in ("linear", "norm", "gru", "gate")
            turned = name in ("causal", "same") if last else wants_last
            if turned:
                x = x.transpose(1, 2)
            if name == "gru":
                x = self.parts[key](x)[0]
            elif name in ("linear", "norm", "same"):
                x = self.parts[key](x)
            elif name == "causal":
                x = self.parts[key](F.pad(x, (4, 0)))
            elif name == "gate":
                a, b = self.parts[key](x).chunk(2, -1)
                x = torch.tanh(a) * torch.sigmoid(b)
            elif name == "act":
                x = F.leaky_relu(x, 0.2)
            elif name == "half":
                x = x.narrow(axis, 0, max(1, x.shape[axis] // 2))
            elif name == "skip":
                x = x + 0.5 * torch.sin(x) - x.mean(axis, keepdim=True)
            elif name == "scale":
                x = x * (self.gains[key] if last else self.gains[key][:, None])
            if turned:
                x = x.permute(0, 2, 1)
            if name == "turn":
                x, last = x.transpose(1, 2), not last
        return x


@settings(max_examples=10, deadline=None)
@given(
    names=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=7),
    width=st.integers(1, 5),
    seed=st.integers(0, 2**16),
)
def test_random_stacks(names: list[str], width: int, seed: int) -> None:
    torch.manual_seed(seed)
    module = Stack(names, width)
    graph = edgesynth.capture(module, torch.randn(2, 30, width), time={"x": 1})
    x = torch.randn(3, 19, width)
    with torch.no_grad():
        ours, theirs = graph.module().eval()(x), module.eval()(x)
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))
    assert graph.outputs[0].layout == ("BCT" if names.count("turn") % 2 else "BTC")
