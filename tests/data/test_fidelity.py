"""The metrics on cases whose answer is known, and their order under growing error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesynth import fidelity
from edgesynth.errors import InputError

RATE = 16000.0
RNG = np.random.default_rng(3)
NOISE = 0.1 * RNG.standard_normal(32000)


@pytest.mark.parametrize("name", fidelity.METRICS)
def test_identical_audio_scores_nothing(name):
    value = fidelity.METRICS[name](NOISE, NOISE, RATE)
    assert value == (fidelity.SNR_CEILING if name == "snr" else 0.0)


def test_a_gain_of_6_dB_is_6_dB():
    half = NOISE * 10 ** (-6 / 20)
    assert fidelity.band_error(half, NOISE, RATE) == pytest.approx(6.0, abs=0.05)
    assert fidelity.log_spectral_distance(half, NOISE, RATE) == pytest.approx(6.0, abs=0.1)
    assert fidelity.spectral_convergence(half, NOISE, RATE) == pytest.approx(1 - 10 ** (-0.3))
    assert fidelity.esr(half, NOISE, RATE) == pytest.approx((1 - 10 ** (-0.3)) ** 2)
    assert fidelity.max_abs(half, NOISE, RATE) == pytest.approx(np.abs(NOISE - half).max())


def test_snr_is_the_ratio_that_was_mixed():
    error = RNG.standard_normal(32000)
    error *= 0.01 * np.linalg.norm(NOISE) / np.linalg.norm(error)
    assert fidelity.snr(NOISE + error, NOISE, RATE) == pytest.approx(40.0, abs=1e-6)


def test_band_error_forgives_other_noise_and_log_distance_does_not():
    """The floor of noise against noise: low for bands of 100 ms, near 7.7 dB in single bins."""
    other = 0.1 * np.random.default_rng(4).standard_normal(32000)
    assert fidelity.band_error(other, NOISE, RATE) < 2.5
    assert 7.0 < fidelity.log_spectral_distance(other, NOISE, RATE) < 8.5


def test_quiet_frames_of_the_target_are_left_out():
    target = np.concatenate([NOISE, np.zeros(32000)])
    noisy = np.concatenate([NOISE, np.full(32000, 3e-4)])
    assert fidelity.band_error(noisy, target, RATE) < 0.05
    assert fidelity.log_spectral_distance(noisy, target, RATE) < 0.2


@given(st.floats(0.001, 0.3), st.floats(1.5, 4.0))
def test_more_noise_is_never_better(level, factor):
    error = np.random.default_rng(8).standard_normal(8000)
    target = NOISE[:8000]
    for name, metric in fidelity.METRICS.items():
        less = metric(target + level * 0.1 * error, target, RATE)
        more = metric(target + level * factor * 0.1 * error, target, RATE)
        assert (less > more) if name == "snr" else (less < more), name


def test_silence_is_safe_and_scored_as_what_it_is():
    silent = np.zeros(8000)
    for metric in fidelity.METRICS.values():
        assert np.isfinite(metric(silent, silent, RATE))
        assert np.isfinite(metric(NOISE[:8000], silent, RATE))
        assert np.isfinite(metric(silent, NOISE[:8000], RATE))
    with pytest.raises(InputError, match="nothing to score"):
        fidelity.score([(silent, silent)], RATE)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_audio_is_refused_with_its_place(bad):
    broken = NOISE.copy()
    broken[77] = bad
    for metric in fidelity.METRICS.values():
        with pytest.raises(InputError, match="estimate holds NaN or infinity at sample 77"):
            metric(broken, NOISE, RATE)
    with pytest.raises(InputError, match="shapes"):
        fidelity.band_error(NOISE[:-1], NOISE, RATE)


def test_score_is_the_mean_over_notes_and_the_worst_sample():
    pairs = [(NOISE, NOISE), (0.5 * NOISE, NOISE), (np.full(8000, 0.7), np.zeros(8000))]
    found = fidelity.score(iter(pairs), RATE)
    assert found["esr"] == pytest.approx(0.125)
    assert found["spectral_convergence"] == pytest.approx(0.25)
    assert found["max_abs"] == pytest.approx(0.7)
    assert set(found) == set(fidelity.METRICS)


def test_no_mel_band_is_empty():
    for rate in (8000.0, 16000.0, 44100.0, 48000.0):
        bands = fidelity._mel(2 * round(0.05 * rate), rate)
        assert bands.shape[1] == 40 and (bands.sum(axis=0) > 0).all()
