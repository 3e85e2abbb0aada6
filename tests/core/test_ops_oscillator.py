"""The harmonic oscillator's and the noise's exact parts, gradients and torch operators."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from edgesynth.ops import harmonic as harmonic_op
from edgesynth.ops import noise as noise_op
from edgesynth.ops.fir import fir
from edgesynth.ops.harmonic import harmonic
from edgesynth.ops.noise import filtered_noise


def _frames(seed, *shape, low=0.0, high=1.0, dtype=torch.float64):
    values = np.random.default_rng(seed).uniform(low, high, shape)
    return torch.tensor(values, dtype=dtype)


def test_phase_is_exact_over_a_minute():
    rate, hop, frames = 16000.0, 64, 15001
    f0 = _frames(1, 1, frames, 1, low=30.0, high=1000.0).float()
    inc = harmonic_op.increments(f0, rate)
    phase = torch.zeros(1, dtype=torch.int64)
    one = torch.ones(1, frames, 1)
    late = harmonic_op.segments(inc, one, phase, hop)[1]
    steps = [int(v) for v in inc[0]]
    exact = 0
    for a, b in pairwise(steps):
        slope = ((b - a) << 32) // hop
        exact += hop * (a << 32) + hop * (hop - 1) // 2 * slope
    assert int(late[0]) % 2**64 == exact % 2**64
    seconds = (frames - 1) * hop / rate
    assert seconds >= 60
    curve = f0[0, :, 0].double().numpy()
    shares = (hop + 1) / 2 * curve[:-1] + (hop - 1) / 2 * curve[1:]
    turns = exact / 2**64
    assert abs(turns - shares.sum() / rate) < 1e-3


def test_steady_tone_equals_sin_after_a_minute():
    rate, hop = 16000.0, 64
    f0 = torch.full((1, 15000, 1), 437.5)
    y = harmonic(f0, torch.ones_like(f0), torch.ones_like(f0), hop, rate)[0, -1600:, 0]
    n = np.arange(15000 * hop)[-1600:]
    expected = np.sin(2 * np.pi * (n * 437.5 / rate % 1))
    assert np.abs(y.numpy() - expected).max() < 2e-6


def test_increments_of_odd_input():
    f0 = torch.tensor([[[-5.0], [0.0], [math.nan], [math.inf], [1e30], [8000.0]]])
    top = 2**31 - 1
    assert harmonic_op.increments(f0, 16000.0).tolist() == [[0, 0, 0, top, top, top]]


def test_harmonics_at_and_above_half_the_rate_are_silent():
    f0 = torch.full((1, 2, 1), 2000.0)
    amps = harmonic_op.amplitudes(f0, torch.ones(1, 2, 1), torch.ones(1, 2, 6), 16000.0)
    torch.testing.assert_close(amps[0, 0], torch.tensor([1 / 3] * 3 + [0.0] * 3))
    silent = harmonic(f0, torch.ones(1, 2, 1), torch.zeros(1, 2, 6), 8, 16000.0)
    assert (silent == 0).all()


def test_gradients():
    f0 = _frames(2, 2, 3, 1, low=100.0, high=900.0)
    level, shares = _frames(3, 2, 3, 1), _frames(4, 2, 3, 5, low=0.1)
    args = (level.requires_grad_(), shares.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, d: harmonic(f0, a, d, 8, 4000.0), args)
    bands = _frames(5, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: filtered_noise(m, 5, 7, "counter"), (bands,))
    x, taps = _frames(6, 2, 90, 1).requires_grad_(), _frames(7, 70).requires_grad_()
    assert torch.autograd.gradcheck(fir, (x, taps))
    assert torch.autograd.gradcheck(fir, (x, taps.detach()[:9].clone().requires_grad_()))


def test_silence_has_finite_gradients():
    shares = torch.zeros(1, 2, 3, requires_grad=True)
    level = torch.ones(1, 2, 1, requires_grad=True)
    harmonic(torch.full((1, 2, 1), 100.0), level, shares, 4, 4000.0).sum().backward()
    assert torch.isfinite(shares.grad).all() and torch.isfinite(level.grad).all()


def test_random_numbers_are_even_and_independent():
    u = noise_op.uniform(torch.arange(200_000), seed=11).double().numpy()
    assert np.abs(u).max() <= 1
    assert abs(u.mean()) < 0.01 and abs(u.var() - 1 / 3) < 0.005
    for lag in (1, 2, 64, 4096):
        assert abs(np.corrcoef(u[:-lag], u[lag:])[0, 1]) < 0.01
    other = noise_op.uniform(torch.arange(200_000), seed=12).double().numpy()
    assert abs(np.corrcoef(u, other)[0, 1]) < 0.01
    late = noise_op.uniform(torch.arange(2**32, 2**32 + 1000), seed=11).double().numpy()
    assert abs(np.corrcoef(u[:1000], late)[0, 1]) < 0.15 and not np.array_equal(u[:1000], late)


def test_noise_has_the_spectrum_that_was_asked():
    bands = torch.zeros(1, 4000, 33)
    bands[..., 8:16] = 1.0
    torch.manual_seed(0)
    for random in ("torch", "counter"):
        y = filtered_noise(bands, 64, 3, random)[0, :, 0].numpy()
        power = np.abs(np.fft.rfft(y.reshape(-1, 64) * np.hanning(64), axis=1)) ** 2
        power = power.mean(0)
        assert power[9:15].min() > 100 * max(power[:5].max(), power[20:].max())


def test_noise_draws_from_torch_unless_asked_otherwise():
    bands = torch.ones(1, 4, 5)
    torch.manual_seed(1)
    first = filtered_noise(bands, 8)
    assert not torch.equal(first, filtered_noise(bands, 8))
    torch.manual_seed(1)
    assert torch.equal(first, filtered_noise(bands, 8))
    assert torch.equal(
        filtered_noise(bands, 8, 5, "counter"), filtered_noise(bands, 8, 5, "counter")
    )


class _Synth(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.taps = torch.nn.Parameter(torch.ones(3))

    def forward(self, f0, level, shares, bands):
        dry = harmonic(f0, level, shares, 64, 16000.0) + filtered_noise(bands, 64, 3)
        return fir(dry, self.taps)


def test_export_keeps_the_operators_whole():
    given = (torch.full((1, 5, 1), 99.0), torch.ones(1, 5, 1), torch.ones(1, 5, 4),
             torch.ones(1, 5, 9))
    nodes = torch.export.export(_Synth(), given).graph.nodes
    called = [str(n.target) for n in nodes if n.op == "call_function"]
    assert called == [
        "edgesynth.harmonic.default", "edgesynth.noise.default", "aten.add.Tensor",
        "edgesynth.fir.default",
    ]


@pytest.mark.parametrize("taps", [1, 5, 64, 65, 300])
def test_fir_direct_and_by_spectra_agree(taps):
    x, h = _frames(8, 2, 200, 1), _frames(9, taps, low=-1.0)
    full = [np.convolve(row, h.numpy())[:200] for row in x[..., 0].numpy()]
    np.testing.assert_allclose(fir(x, h)[..., 0].numpy(), full, atol=1e-11)
