"""The spectral loss: normalised windows, level-free, smooth in silence, discriminating."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgesynth.losses import EPSILON, SIZES, magnitudes, spectral_loss  # noqa: E402


def noise(seed, gain=0.1):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(gain * rng.standard_normal((2, 8000)).astype(np.float32))


@pytest.mark.parametrize("size", SIZES)
def test_a_full_scale_sine_peaks_at_one_in_every_size(size):
    wave = torch.sin(2 * torch.pi * 0.25 * torch.arange(16384))[None]
    assert magnitudes(wave, size)[0, :, 16].max().item() == pytest.approx(1.0, abs=1e-3)


def test_identical_is_zero_and_the_gain_of_an_error_counts_once_in_each_term():
    target = noise(0)
    assert spectral_loss(target, target).item() == 0.0
    half = spectral_loss(0.5 * target, target).item()
    assert half == pytest.approx(0.5 + np.log(2.0), abs=0.03)


def test_level_hardly_matters():
    one = spectral_loss(noise(1), noise(0)).item()
    other = spectral_loss(0.1 * noise(1), 0.1 * noise(0)).item()
    assert other == pytest.approx(one, rel=0.06)


def test_it_falls_with_the_error():
    target = noise(0)
    losses = [spectral_loss(target + g * noise(1), target).item() for g in (0.01, 0.1, 0.5, 1.0)]
    assert losses == sorted(losses) and losses[0] < 0.1 * losses[-1]


def test_silence_has_a_finite_gradient_and_little_say():
    estimate = torch.zeros(1, 4096, requires_grad=True)
    spectral_loss(estimate, noise(0)[:1, :4096]).backward()
    assert torch.isfinite(estimate.grad).all()
    quiet = spectral_loss(torch.full((1, 4096), 1e-6), torch.zeros(1, 4096))
    assert quiet.item() < 0.05
    assert EPSILON == 1e-4


def test_the_gradient_is_the_slope():
    target, estimate = noise(0)[:, :512].double(), noise(1)[:, :512].double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: spectral_loss(x, target, sizes=(128, 64)), estimate, fast_mode=True
    )


def test_other_layouts_and_a_mismatch():
    one, other = noise(1), noise(0)
    same = spectral_loss(one[:, None], other[:, None]).item()
    assert same == spectral_loss(one, other).item()
    with pytest.raises(ValueError, match="8000"):
        spectral_loss(one[:, :-1], other)
