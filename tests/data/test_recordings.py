"""Folders of recordings: every format, odd rates, refusals with reasons, slices, the cache."""

import numpy as np
import pytest
import soundfile

from edgesynth import data
from edgesynth.data.analysis import analyse
from edgesynth.errors import InputError

FILES = (
    ("a.wav", 22050, 196.0), ("b.flac", 44100, 330.0), ("c.aiff", 11025, 523.25),
    ("d.AIF", 48000, 110.0),
)


def tone(f0, rate, seconds=1.0, gain=0.2):
    """Eight harmonics, faded at both ends."""
    time = np.arange(int(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * h * f0 * time) / h for h in range(1, 9) if h * f0 < 0.45 * rate)
    return gain * wave * np.minimum(1.0, np.minimum(time, time[::-1]) / 0.03)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("takes")
    (root / "deep").mkdir()
    for name, rate, f0 in FILES:
        place = root / "deep" / name if name == "c.aiff" else root / name
        kind = "AIFF" if "ai" in name.lower() else None
        soundfile.write(place, tone(f0, rate), rate, format=kind)
    soundfile.write(root / "short.wav", np.ones(3) * 0.1, 16000)
    soundfile.write(root / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(root / "nan.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000)
    soundfile.write(root / "noise.wav", noise, 16000)
    (root / "torn.wav").write_bytes(b"RIFF")
    soundfile.write(root / "hot.wav", np.full(16000, 1e30), 16000, subtype="DOUBLE")
    soundfile.write(root / "slow.wav", np.full(400, 0.5), 100)
    (root / "notes.txt").write_text("not audio")
    return root


@pytest.fixture(scope="module")
def notes(folder):
    return data.load(folder, 16000, 64)


def test_every_format_and_rate_is_read_in_tune(notes):
    wanted = {name.lower(): f0 for name, _, f0 in FILES}
    assert len(notes) == 4
    for name, f0, voiced in zip(notes.names, notes.f0, notes.voiced, strict=True):
        true = wanted[name.split("@")[0].split("/")[-1].lower()]
        cents = 1200 * np.log2(f0[50:-50] / true)
        assert np.abs(cents).max() < 5.0, name
        assert voiced[50:-50].min() > 0.4
        assert (f0 > 0).all()


def test_what_was_refused_or_changed_is_said(notes):
    said = "\n".join(notes.report)
    for part in (
        "short.wav: too short, 3 samples", "silent.wav: silent", "nan.wav: holds NaN",
        "noise.wav at 0.00 s: no pitch", "torn.wav: not readable",
        "a.wav: resampled from 22050 to 16000 Hz", "refused 7",
        "hot.wav: peaks at 1e+30", "slow.wav: rate 100 Hz",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("name", "says"),
    [("short.wav", "3 samples"), ("silent.wav", "silent"), ("nan.wav", "NaN"),
     ("torn.wav", "not readable"), ("notes.txt", "not one of"), ("absent", "no such file"),
     ("noise.wav", "no pitch found")],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(folder, name, says):
    with pytest.raises(InputError, match=says) as caught:
        data.load(folder / name, 16000, 64)
    assert "\n" not in str(caught.value)


def test_one_file_is_sliced_at_its_silences_and_long_notes_are_cut(tmp_path):
    gap = np.zeros(8000)
    parts = [tone(220, 16000), gap, tone(277, 16000), gap, tone(330, 16000, 4.5), gap]
    stereo = np.stack([np.concatenate(parts)] * 2, axis=1)
    soundfile.write(tmp_path / "line.wav", stereo, 16000)
    notes = data.load(tmp_path / "line.wav", 16000, 64)
    middles = [float(np.median(f0)) for f0 in notes.f0]
    assert np.allclose(middles, [220, 277, 330, 330], rtol=0.002)
    assert [round(len(a) / 16000, 1) for a in notes.audio[2:]] == [2.3, 2.3]
    assert "2 channels averaged" in "\n".join(notes.report)


def test_the_cache_is_hit_by_content_missed_by_change_and_mended(folder, tmp_path, monkeypatch):
    import librosa

    calls = []
    found = librosa.pyin
    monkeypatch.setattr(librosa, "pyin", lambda *a, **k: calls.append(1) or found(*a, **k))
    first = data.load(folder, 16000, 64, cache=tmp_path)
    asked = len(calls)
    again = data.load(folder, 16000, 64, cache=tmp_path)
    assert len(calls) == asked == 5
    assert all(np.array_equal(a, b) for a, b in zip(first.f0, again.f0, strict=True))
    next(iter(sorted(tmp_path.glob("*.npz")))).write_bytes(b"PK\x03\x04torn")
    data.load(folder, 16000, 64, cache=tmp_path)
    assert len(calls) == asked + 1
    assert not list(tmp_path.glob("*.part"))


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the data cache"):
        data.load("instrument:bowed?notes=3&seconds=0.25", 16000, 64, cache=tmp_path / "file")


def test_the_instrument_is_cached_by_seed_and_settings(tmp_path):
    spec = "instrument:bowed?notes=3&seconds=0.3"
    first = data.load(spec, 16000, 64, cache=tmp_path)
    again = data.load(spec, 16000, 64, cache=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 1
    bare = data.load(spec, 16000, 64)
    for other in (again, bare):
        assert all(np.array_equal(a, b) for a, b in zip(first.audio, other.audio, strict=True))
    data.load(spec, 16000, 64, seed=5, cache=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_analyse_gives_controls_of_a_whole_recording():
    found = analyse(tone(440, 22050, gain=0.1), 22050, 100)
    assert len(found.f0) == len(found.loudness) == len(found.voiced) == 220
    assert np.abs(1200 * np.log2(found.f0[40:-40] / 440)).max() < 5.0
    with pytest.raises(InputError, match="silent"):
        analyse(np.zeros(22050), 22050, 100)
