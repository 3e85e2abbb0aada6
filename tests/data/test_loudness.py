"""Loudness: calibrated, A-weighted, alike at every rate, safe in silence."""

import numpy as np
import pytest

from edgesynth.data.loudness import FLOOR, a_weight, loudness


def sine(hertz, rate, gain=1.0):
    return (gain * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_a_full_scale_kilohertz_is_0_dB_and_gain_adds_in_dB(rate):
    middle = slice(100, 140)
    full = loudness(sine(1000, rate), rate, rate // 250)
    assert np.abs(full[middle]).max() < 0.05
    quiet = loudness(sine(1000, rate, 0.01), rate, rate // 250)
    assert np.abs(quiet[middle] + 40).max() < 0.05


def test_a_weighting_matches_the_standard():
    """IEC 61672-1 table 3 (dB at nominal frequencies)."""
    table = {31.5: -39.4, 100: -19.1, 200: -10.9, 500: -3.2, 1000: 0.0, 2000: 1.2, 4000: 1.0,
             8000: -1.1}
    exact = np.array([1000 * 10 ** (round(10 * np.log10(f / 1000)) / 10) for f in table])
    assert np.abs(10 * np.log10(a_weight(exact)) - list(table.values())).max() < 0.06


def test_frame_k_is_centred_on_sample_k_hop_and_silence_is_the_floor():
    audio = np.zeros(16000, np.float32)
    assert (loudness(audio, 16000, 64) == FLOOR).all()
    audio[8000] = 1.0
    level = loudness(audio, 16000, 64)
    assert int(level.argmax()) == 125
    assert np.allclose(level[120:125], level[130:125:-1])
    assert (level[:116] == FLOOR).all() and (level[134:] == FLOOR).all()
