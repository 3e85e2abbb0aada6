"""The bowed string: seeded, clean, in tune with its own f0, split by note."""

import numpy as np
import pytest

from edgesynth import data
from edgesynth.data.instruments._gesture import Gesture
from edgesynth.data.instruments._string import bow
from edgesynth.errors import InputError

SPEC = "instrument:bowed?notes=12&seconds=1.5"


@pytest.fixture(scope="module")
def notes():
    return data.load(SPEC, 16000, 64)


@pytest.fixture(scope="module")
def fine():
    """The same notes at the model's own rate."""
    return data.load(SPEC, 48000, 192)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    short = "instrument:bowed?notes=5&seconds=0.5"
    notes, again = data.load(short, 16000, 64), data.load(short, 16000, 64)
    other = data.load(short, 16000, 64, seed=1)
    for kind in ("audio", "f0", "voiced", "loudness"):
        pairs = zip(getattr(notes, kind), getattr(again, kind), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert not np.array_equal(notes.audio[0], other.audio[0])


def test_frames_and_samples_agree(notes):
    for audio, f0, voiced, level in zip(
        notes.audio, notes.f0, notes.voiced, notes.loudness, strict=True
    ):
        assert audio.dtype == f0.dtype == level.dtype == np.float32
        assert len(audio) == 64 * len(f0) == 24000
        assert len(f0) == len(voiced) == len(level)


def test_the_sound_is_clean(notes):
    for audio in notes.audio:
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() < 0.9
        assert abs(audio.mean()) < 1e-5
        assert np.abs(audio[:320]).max() < 1e-3, "starts from silence"
        assert np.abs(audio[-16:]).max() < 1e-2, "ends without a click"
        tiny = np.abs(audio[audio != 0.0])
        assert tiny.min() > np.finfo(np.float32).tiny, "no denormals"


def _period(audio, centre, f0, rate, periods=4):
    """f0 from the best of all lags near `periods` periods: shares nothing with `follow`."""
    length = round(periods * rate / f0)
    lags = np.arange(round(length * 0.97), round(length * 1.03) + 2)
    start = centre - length // 2 - length // 2
    first = audio[start : start + length]
    scores = []
    for lag in lags:
        second = audio[start + lag : start + lag + length]
        scores.append(first @ second / np.sqrt((first @ first) * (second @ second)))
    best = int(np.clip(np.argmax(scores), 1, len(lags) - 2))
    low, peak, high = scores[best - 1 : best + 2]
    return periods * rate / (lags[best] + 0.5 * (low - high) / (low - 2.0 * peak + high)), peak


def test_f0_is_the_sounding_pitch(fine):
    """Against autocorrelation at 48 kHz, where the curve is steady within the lags."""
    cents = []
    for audio, f0 in zip(fine.audio, fine.f0, strict=True):
        for k in range(100, 260, 8):
            found, peak = _period(audio.astype(np.float64), k * 192, float(f0[k]), 48000.0)
            if peak > 0.98:
                cents.append(abs(1200.0 * np.log2(found / f0[k])))
    assert len(cents) > 120
    assert np.median(cents) < 1.0
    assert np.percentile(cents, 95) < 5.0


def test_no_note_slips_into_a_partial_of_its_pitch(fine):
    """A note whose period is half or a third of 1 / f0 would teach a wrong octave."""
    for name, audio, f0 in zip(fine.names, fine.audio, fine.f0, strict=True):
        for k in range(100, 260, 20):
            period = 48000.0 / f0[k]
            whole = _similar(audio, k * 192, period)
            assert whole > 0.6, name
            assert max(_similar(audio, k * 192, period / n) for n in (2, 3)) < whole - 0.02, name


def _similar(audio, centre, lag):
    length, lag = 1500, round(lag)
    one = audio[centre - length : centre].astype(np.float64)
    two = audio[centre - length + lag : centre + lag].astype(np.float64)
    return one @ two / np.sqrt((one @ one) * (two @ two))


def test_a_firmer_bow_is_brighter_and_a_faster_one_noisier():
    """At a steady stroke: power over 3 kHz rises with force, noise at the contact with speed."""
    hertz = np.repeat([196.0, 294.0, 440.0, 660.0], 3)
    force = np.tile([0.4, 0.8, 0.8], 4)
    speed = np.tile([0.05, 0.05, 0.1], 4)
    strokes = [
        Gesture("sustained", np.full(801, v), np.full(801, p), np.full(801, f), 0.12)
        for v, p, f in zip(speed, force, hertz, strict=True)
    ]
    wave, grit = bow(strokes, 0)
    power = np.abs(np.fft.rfft(wave[:, 19200:] * np.hanning(19200))) ** 2
    bright = (power[:, 1200:3200].sum(axis=1) / power.sum(axis=1)).reshape(4, 3)
    assert (bright[:, 1] > 1.5 * bright[:, 0]).all()
    level = grit.std(axis=1).reshape(4, 3)
    assert np.allclose(level[:, 2] / level[:, 1], 2.0, rtol=0.05)
    assert (level[:, 1] > 1.8 * level[:, 0]).all()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("instrument:bowd", "bowed"),
        ("instrument:bowed?note=3", "notes"),
        ("instrument:bowed?notes=many", "not a number"),
        ("instrument:bowed?notes=2", "3 to 2000"),
        ("instrument:bowed?seconds=nan", "0.25 to 30"),
        ("instrument:bowed?notes=2000&seconds=30", "1800 at most"),
        ("instrument:", "bowed"),
        ("x" * 5000, "cannot read"),
        ("\0", "no such file"),
        (" ", "no data named"),
    ],
)
def test_a_wrong_spec_is_named_with_its_mend(spec, says):
    with pytest.raises(InputError, match=says):
        data.load(spec, 16000, 64)


@pytest.mark.parametrize(("rate", "hop"), [(0, 64), (float("nan"), 64), (16000, 0), (16000, 99999)])
def test_a_wrong_clock_is_refused(rate, hop):
    with pytest.raises(InputError, match="rate"):
        data.load(SPEC, rate, hop)
