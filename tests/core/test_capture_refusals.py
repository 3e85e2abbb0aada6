"""What a Graph cannot express is refused by name, in one line, with what to use instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import edgesynth
from edgesynth.errors import CaptureError

torch.set_num_threads(1)


class Wrapped(nn.Module):
    """A module around one function, with parts that the function may use."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.call = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Any:
        return self.call(self, x)


class Loop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[0], 4)
        return torch.stack([h := self.cell(x[:, t], h) for t in range(x.shape[1])], 1)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return x * 2


def shared_chomp(m: Any, x: Tensor) -> Tensor:
    y = m.conv(x.transpose(1, 2))
    return torch.cat([y[..., :-2], torch.tanh(y)[..., :-2]], 1)


Lin, Gru, Conv = (lambda: nn.Linear(3, 4)), nn.GRU, nn.Conv1d
CASES: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "loop": (
        lambda: Wrapped(lambda m, x: m.inner(x), inner=Loop()),
        r"'inner.*loop over time; use nn.GRU",
    ),
    "bidirectional": (
        lambda: Wrapped(
            lambda m, x: m.rnn(x)[0], rnn=nn.GRU(3, 4, batch_first=True, bidirectional=True)
        ),
        r"aten.gru.input \(at module path 'rnn'\).*bidirectional",
    ),
    "lstm": (
        lambda: Wrapped(lambda m, x: m.rnn(x)[0], rnn=nn.LSTM(3, 4, batch_first=True)),
        r"aten.lstm.input \(at module path 'rnn'\) is not in edgesynth/ops.*aten.gru.input",
    ),
    "unknown": (lambda: Wrapped(lambda m, x: torch.erf(x)), r"aten.erf.default.*not in edgesynth"),
    "gru over the batch": (
        lambda: Wrapped(lambda m, x: m.rnn(x)[0], rnn=nn.GRU(3, 4)),
        r"aten.gru.input.*reads axes BTC as TBC",
    ),
    "given state": (
        lambda: Wrapped(
            lambda m, x: m.rnn(x, torch.ones(1, x.shape[0], 4))[0],
            rnn=nn.GRU(3, 4, batch_first=True),
        ),
        r"aten.gru.input.*start from zeros",
    ),
    "last state": (
        lambda: Wrapped(
            lambda m, x: x + m.rnn(x)[1].transpose(0, 1), rnn=nn.GRU(3, 3, batch_first=True)
        ),
        r"no signal, as a layer's last state",
    ),
    "view that reorders": (
        lambda: Wrapped(lambda m, x: x.reshape(x.shape[0], 3, x.shape[1])),
        r"aten.(view|reshape).default.*use transpose",
    ),
    "time into batch": (
        lambda: Wrapped(
            lambda m, x: m.l(x.reshape(-1, 3)).reshape(*x.shape[:2], 4), l=nn.Linear(3, 4)
        ),
        r"mixes batch and time",
    ),
    "time into channels": (
        lambda: Wrapped(lambda m, x: x.reshape(x.shape[0], -1)),
        r"aten.(view|reshape).default",
    ),
    "two channel axes": (
        lambda: Wrapped(lambda m, x: m.l(x).unflatten(-1, (2, 2)).sum(-1), l=nn.Linear(3, 4)),
        r"one channel axis",
    ),
    "mean over time": (
        lambda: Wrapped(lambda m, x: x - x.mean(1, keepdim=True)),
        r"aten.mean.dim.*time axis",
    ),
    "sum over batch": (
        lambda: Wrapped(lambda m, x: x - x.sum(0, keepdim=True)), r"aten.sum.*the batch axis",
    ),
    "random": (
        lambda: Wrapped(lambda m, x: x + torch.rand(3)),
        r"aten.rand.*random numbers.*edgesynth.noise",
    ),
    "constant in time": (
        lambda: Wrapped(lambda m, x: x + torch.arange(x.shape[1])[:, None]), r"aten.arange",
    ),
    "double": (lambda: Wrapped(lambda m, x: x.double().sin().float()), r"float64"),
    "stride": (
        lambda: Wrapped(lambda m, x: m.c(x.transpose(1, 2)), c=nn.Conv1d(3, 4, 4, stride=2)),
        r"aten.conv1d.*stride 2",
    ),
    "shared crop": (
        lambda: Wrapped(shared_chomp, conv=nn.Conv1d(3, 4, 3, padding=2)),
        r"aten.slice.*crops time",
    ),
    "crop of no convolution": (lambda: Wrapped(lambda m, x: x[:, :-1]), r"aten.slice.*crops time"),
    "zeros before no convolution": (
        lambda: Wrapped(lambda m, x: torch.tanh(F.pad(x, (0, 0, 1, 0)))), r"aten.tanh.*padded",
    ),
    "reflection": (
        lambda: Wrapped(lambda m, x: F.pad(x.transpose(1, 2), (1, 1), mode="reflect")),
        r"use zeros",
    ),
    "constant output": (
        lambda: Wrapped(lambda m, x: (x * 2, torch.ones(2))), r"output 'out1'.*depends on no input",
    ),
    "number beside tensors": (lambda: Wrapped(lambda m, x: (x * 2, 3)), r"returns 3|out1"),
    "buffer": (Counting, r"writes to 'calls'"),
    "branch on data": (
        lambda: Wrapped(lambda m, x: x * 2 if float(x.sum()) > 0 else x),
        r"torch.export cannot record",
    ),
    "batch statistics": (
        lambda: Wrapped(
            lambda m, x: m.n(x.transpose(1, 2)), n=nn.BatchNorm1d(3, track_running_stats=False)
        ),
        r"batch_norm.*running",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_by_name(name: str) -> None:
    torch.manual_seed(0)
    make, match = CASES[name]
    with pytest.raises(CaptureError, match=match) as caught:
        edgesynth.capture(make(), torch.randn(2, 40, 3), time={"x": 1})
    assert "\n" not in str(caught.value)


def test_size_that_stops_growing_is_found_on_the_example() -> None:
    module = Wrapped(lambda m, x: m.conv(x)[..., :30], conv=nn.Conv1d(1, 1, 1))
    with pytest.raises(CaptureError, match=r"'out' is \(1, 1, 30\) on the example"):
        edgesynth.capture(module, torch.randn(1, 1, 200))


@pytest.mark.parametrize(
    ("example", "match"),
    [
        ((torch.randn(2, 9, 3).double(),), "'x' is torch.float64"),
        ((torch.randn(3),), "'x' has shape"),
        ((1.0,), "'x' is a float"),
        ({"y": torch.randn(2, 9, 3)}, "forward"),
        ((torch.randn(2, 9, 4),), "fails on its example inputs"),
        ((), "forward"),
    ],
)
def test_bad_examples(example: Any, match: str) -> None:
    with pytest.raises(CaptureError, match=match):
        edgesynth.capture(Wrapped(lambda m, x: m.l(x), l=nn.Linear(3, 4)), example)


def test_ambiguous_time_asks_for_it() -> None:
    module = Wrapped(lambda m, x: torch.tanh(x))
    with pytest.raises(CaptureError, match=r"time=\{input: axis\}"):
        edgesynth.capture(module, torch.randn(2, 9, 3))
    assert edgesynth.capture(module, torch.randn(2, 9, 3), time={"x": 2}).inputs[0].layout == "BCT"
    for told, match in (({"z": 1}, "no input 'z'"), ({"x": 0}, "no time axis")):
        with pytest.raises(CaptureError, match=match):
            edgesynth.capture(module, torch.randn(2, 9, 3), time=told)


def test_fixed_length_is_refused() -> None:
    module = Wrapped(lambda m, x: m.l(x), l=nn.Linear(40, 4))
    with pytest.raises(CaptureError, match="no axis of the inputs can change"):
        edgesynth.capture(module, torch.randn(2, 40))


def test_unknown_port_or_field_is_named() -> None:
    module, x = Wrapped(lambda m, x: m.l(x), l=nn.Linear(3, 4)), torch.randn(2, 9, 3)
    with pytest.raises(CaptureError, match="no port 'f0'; ports are x, out"):
        edgesynth.capture(module, x, ports={"f0": {}})
    with pytest.raises(CaptureError, match="no field 'layout'"):
        edgesynth.capture(module, x, ports={"x": {"layout": "BT"}})


def test_refused_module_is_left_in_its_mode() -> None:
    module = Wrapped(lambda m, x: torch.erf(m.d(x)), d=nn.Dropout())
    module.d.eval()
    with pytest.raises(CaptureError):
        edgesynth.capture(module, torch.randn(2, 9, 3), time={"x": 1})
    assert module.training and not module.d.training


def test_buffers_and_random_state_are_as_they_were() -> None:
    module = Counting()
    state = torch.get_rng_state()
    with pytest.raises(CaptureError):
        edgesynth.capture(module, torch.randn(2, 9, 3, generator=torch.Generator()), time={"x": 1})
    assert float(module.calls) == 0 and torch.equal(torch.get_rng_state(), state)
