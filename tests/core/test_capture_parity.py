"""A captured Graph computes what the module did, at lengths and batches it has not seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

import edgesynth
from edgesynth.capture.check import leaves
from edgesynth.graph import Graph

torch.set_num_threads(1)


class Recurrent(nn.Module):
    """MLP with layer norm, two GRU layers, two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.LeakyReLU(), nn.Dropout(0.3))
        self.gru = nn.GRU(8, 6, 2, batch_first=True)
        self.a, self.b = nn.Linear(6, 2), nn.Linear(6, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y, _ = self.gru(self.mlp(x))
        return {"a": 2 * torch.sigmoid(self.a(y)) ** 2.3 + 1e-7, "b": self.b(y).squeeze(-1)}


class TimeFirst(nn.Module):
    """A GRU that takes time first, inside a module that takes batch first."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x.transpose(0, 1))[0].transpose(0, 1)


class Gated(nn.Module):
    """Causal gated convolutions with skip connections, channels first, audio (B, T) in and out."""

    def __init__(self, norm: Callable[[nn.Module], nn.Module] = lambda m: m) -> None:
        super().__init__()
        self.first = norm(nn.Conv1d(1, 4, 1))
        self.layers = nn.ModuleList(norm(nn.Conv1d(4, 8, 3, dilation=d)) for d in (1, 2, 4))
        self.last = nn.Conv1d(4, 1, 1)

    def forward(self, audio: Tensor) -> Tensor:
        x = self.first(audio.unsqueeze(1))
        skip = torch.zeros_like(x)
        for layer in self.layers:
            y = F.pad(x, (2 * layer.dilation[0], 0))
            a, b = layer(y).chunk(2, 1)
            y = torch.tanh(a) * torch.sigmoid(b)
            x, skip = x + y, skip + y
        return self.last(F.relu(skip)).squeeze(1)


class Chomped(nn.Module):
    """Causal by padding both ends and cutting the tail off."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 3, 3, padding=4, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.conv(x)[..., :-4])


class Shrinking(nn.Module):
    """Convolutions without padding: shorter out than in."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(2, 6, 5), nn.ELU(0.5), nn.Conv1d(6, 6, 3, groups=3))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TwoRates(nn.Module):
    """Frames and audio at 1 : 16: each keeps its own rate."""

    def __init__(self) -> None:
        super().__init__()
        self.control = nn.Linear(2, 3)
        self.conv = nn.Conv1d(1, 1, 9, padding="same")

    def forward(self, frames: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        return self.control(frames), self.conv(audio)


class Normed(nn.Module):
    """Batch norm, per-channel gains, constants of every shape."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3, padding=1)
        self.bn = nn.BatchNorm1d(4)
        self.gain = nn.Parameter(torch.randn(4, 1))
        self.register_buffer("shift", torch.randn(1, 4, 1))
        with torch.no_grad():
            self.bn.running_mean.normal_()
            self.bn.running_var.uniform_(0.5, 2)
            self.bn.weight.normal_()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn(self.conv(x)) * self.gain.exp() + self.shift
        y = y - torch.tensor([0.5])
        return torch.cat([y[:, 2:], 1 - y[:, :1], y[:, 0].unsqueeze(1)], dim=1)


class Spread(nn.Module):
    """One channel against a table of channels, and stacked single channels."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(1, 6))

    def forward(self, x: Tensor) -> Tensor:
        spread = torch.sin(x * self.table)
        first, second = spread[..., 0], spread[..., 3]
        return torch.stack([first, second, first * second], dim=-1)


class Synth(nn.Module):
    """The operators of our own, from frames to audio."""

    def __init__(self) -> None:
        super().__init__()
        from edgesynth.ops._torch import register

        register()
        self.net = nn.Linear(2, 1 + 5)
        self.taps = nn.Parameter(torch.randn(7))

    def forward(self, f0: Tensor, loudness: Tensor) -> Tensor:
        amplitude, shares = self.net(torch.cat([f0 / 1000, loudness], -1)).split([1, 5], -1)
        amplitude = torch.sigmoid(amplitude)
        ops = torch.ops.edgesynth
        y = ops.harmonic(f0, amplitude, torch.sigmoid(shares), 16, 16000.0)
        return ops.fir(y, self.taps).squeeze(-1)


class Composed(nn.Module):
    """Calls that become several nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.prelu = nn.Linear(4, 8), nn.PReLU(8)
        self.rms, self.matrix = nn.RMSNorm(8), nn.Parameter(torch.randn(8, 6))

    def forward(self, x: Tensor) -> Tensor:
        y = self.rms(self.prelu(self.wide(x).transpose(1, 2)).mT)
        y = F.glu(y @ self.matrix, -1)
        y = torch.softmax(F.mish(y), -1) - F.logsigmoid(y) + F.hardtanh(y, -0.5, 0.4)
        return y + torch.rsqrt(y.square() + 1) * F.relu6(y)


class Noisy(nn.Module):
    """Filtered noise: the Graph draws what the module draws."""

    def __init__(self) -> None:
        super().__init__()
        from edgesynth.ops._torch import register

        register()
        self.net = nn.GRU(2, 9, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.edgesynth.noise(torch.exp(self.net(x)[0]), 32, 7)


def f0(batch: int, frames: int) -> Tensor:
    return torch.rand(batch, frames, 1) * 300 + 200


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[int, int], tuple[Tensor, ...]]]] = {
    "recurrent": (Recurrent, lambda b, t: (torch.randn(b, t, 3),)),
    "time first inside": (TimeFirst, lambda b, t: (torch.randn(b, t, 4),)),
    "gated": (Gated, lambda b, t: (torch.randn(b, t),)),
    "weight norm": (lambda: Gated(weight_norm), lambda b, t: (torch.randn(b, t),)),
    "chomped": (Chomped, lambda b, t: (torch.randn(b, 2, t),)),
    "shrinking": (Shrinking, lambda b, t: (torch.randn(b, 2, t),)),
    "two rates": (TwoRates, lambda b, t: (torch.randn(b, t, 2), torch.randn(b, 1, 16 * t))),
    "normed": (Normed, lambda b, t: (torch.randn(b, 3, t),)),
    "spread": (Spread, lambda b, t: (torch.randn(b, t, 1),)),
    "composed": (Composed, lambda b, t: (torch.randn(b, t, 4),)),
    "noisy": (Noisy, lambda b, t: (torch.randn(b, t, 2),)),
    "synth": (Synth, lambda b, t: (f0(b, t), torch.randn(b, t, 1))),
}


def captured(name: str) -> tuple[nn.Module, Graph, Callable[[int, int], tuple[Tensor, ...]]]:
    torch.manual_seed(0)
    make, inputs = CASES[name]
    module = make()
    return module, edgesynth.capture(module, inputs(2, 40)), inputs


@pytest.mark.parametrize("name", CASES)
def test_module_of_the_graph_equals_the_module(name: str) -> None:
    module, graph, inputs = captured(name)
    assert module.training, "capture leaves the module in the mode it was in"
    module.eval()
    view = graph.module().eval()
    for batch, length in ((1, 11), (3, 64), (2, 257)):
        x = inputs(batch, length)
        with torch.no_grad():
            torch.manual_seed(length)
            ours = leaves(view(*x))
            torch.manual_seed(length)
            theirs = leaves(module(*x))
        assert len(ours) == len(theirs) == len(graph.outputs)
        for a, b in zip(ours, theirs, strict=True):
            assert a.shape == b.shape
            assert float((a - b).abs().max()) <= 1e-5 * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("spread", "two rates")])
def test_gradients_reach_every_trainable_parameter(name: str) -> None:
    _, graph, inputs = captured(name)
    view = graph.module()
    sum(y.square().sum() for y in leaves(view(*inputs(2, 32)))).backward()
    grads = {k.replace("/", "."): p.grad for k, p in view.named_parameters() if p.requires_grad}
    assert set(grads) == {k for k, p in graph.params.items() if p.trainable}
    assert all(g is not None and bool(torch.isfinite(g).all()) for g in grads.values())


def test_parameters_keep_the_names_and_values_of_the_module() -> None:
    module, graph, _ = captured("recurrent")
    state = module.state_dict()
    assert set(state) <= set(graph.params)
    for name, tensor in state.items():
        assert (graph.params[name].array == tensor.numpy()).all() and graph.params[name].trainable
    assert [n.name for n in graph.nodes][:3] == ["mlp.0", "mlp.1", "mlp.2"]


def test_weight_norm_becomes_one_trainable_weight() -> None:
    module, graph, _ = captured("weight norm")
    weight = graph.params["layers.1.weight"]
    assert weight.trainable and not [k for k in graph.params if "original" in k or "parametr" in k]
    assert abs(weight.array - module.layers[1].weight.detach().numpy()).max() < 1e-6


def test_frozen_parameters_and_buffers_are_fixed() -> None:
    module = Normed()
    module.conv.weight.requires_grad_(False)
    graph = edgesynth.capture(module, torch.randn(1, 3, 50))
    fixed = {k for k, p in graph.params.items() if not p.trainable}
    assert {"conv.weight", "shift"} <= fixed and "gain" not in fixed and "conv.bias" not in fixed


def test_ports_have_names_kinds_and_layouts() -> None:
    _, graph, _ = captured("two rates")
    told = [(p.name, p.direction, p.kind, p.layout) for p in graph.ports]
    assert told == [
        ("frames", "in", "frame", "BTC"),
        ("audio", "in", "audio", "BCT"),
        ("out0", "out", "frame", "BTC"),
        ("out1", "out", "audio", "BCT"),
    ]
    assert graph.period("frames") == 16 and graph.period("audio") == 1


def test_ports_and_rate_can_be_told() -> None:
    told = {"x": {"kind": "control", "unit": "Hz", "low": 0.0, "high": 9.0, "default": 4.0}}
    graph = edgesynth.capture(Spread(), torch.rand(1, 30, 1), ports=told, rate=250.0, name="s")
    port = graph.inputs[0]
    assert (port.kind, port.unit, port.low, port.high, port.default) == ("control", "Hz", 0, 9, 4)
    assert (graph.rate, graph.name) == (250.0, "s")


def test_dict_examples_and_keyword_arguments() -> None:
    class Keyword(nn.Module):
        def forward(self, x: Tensor, *, gain: Tensor) -> Tensor:
            return x * gain

    x, gain = torch.randn(2, 20, 3), torch.randn(2, 20, 1)
    graph = edgesynth.capture(Keyword(), {"gain": gain, "x": x}, time={"x": 1, "gain": 1})
    assert [p.name for p in graph.inputs] == ["x", "gain"]
    assert torch.equal(graph.module()(x, gain), x * gain)


def test_capture_is_deterministic() -> None:
    first, second = captured("normed")[1], captured("normed")[1]
    assert first.fingerprint() == second.fingerprint()
