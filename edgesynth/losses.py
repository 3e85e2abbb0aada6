"""Training losses on audio, in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SIZES = (2048, 1024, 512, 256, 128, 64)
EPSILON = 1e-4
"""Magnitude, -80 dB against a full-scale sine, under which a bin counts as silent."""


def magnitudes(audio: Tensor, size: int, epsilon: float = EPSILON) -> Tensor:
    """STFT magnitudes [B, size // 2 + 1, frames] of audio [B, N], hop size / 4, zero-padded ends.

    Normalised by the Hann window's sum, so that a sine of amplitude 1 peaks at 1 for every size;
    `epsilon` is added as power, so that the gradient stays finite in silence.
    """
    import torch

    window = torch.hann_window(size, device=audio.device, dtype=audio.dtype)
    spectrum = torch.stft(
        audio, size, size // 4, window=window * (2.0 / window.sum()), center=True,
        pad_mode="constant", return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return (power + epsilon * epsilon).sqrt()


def spectral_loss(
    estimate: Tensor,
    target: Tensor,
    sizes: tuple[int, ...] = SIZES,
    log_weight: float = 1.0,
    epsilon: float = EPSILON,
) -> Tensor:
    """Multi-resolution STFT loss of audio [..., N], a scalar averaged over sizes.

    Each size adds sum|S - S'| / sum S over the batch, which does not depend on level, and
    log_weight * mean|ln S - ln S'| (Engel et al. 2020, DDSP, eq. 5 and Yamamoto et al. 2020,
    Parallel WaveGAN, eq. 4-6, with the linear term in L1). Shapes must be equal: ValueError.
    """
    if estimate.shape != target.shape:
        raise ValueError(f"estimate {tuple(estimate.shape)}, target {tuple(target.shape)}")
    one = estimate.reshape(-1, estimate.shape[-1])
    other = target.reshape(-1, target.shape[-1])
    total = one.new_zeros(())
    for size in sizes:
        got, want = magnitudes(one, size, epsilon), magnitudes(other, size, epsilon)
        total = total + (got - want).abs().sum() / want.sum()
        total = total + log_weight * (got.log() - want.log()).abs().mean()
    return total / len(sizes)
