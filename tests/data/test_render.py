"""FluidSynth as a source: names, refusals, its MIDI file, and notes where it is installed."""

import shutil

import numpy as np
import pytest

from edgesynth import data
from edgesynth.data.midi import NAMES, Played, song
from edgesynth.errors import InputError

WITH_FLUIDSYNTH = pytest.mark.skipif(
    shutil.which("fluidsynth") is None, reason="FluidSynth is not installed"
)


def test_general_midi_names():
    assert len(NAMES) == len(set(NAMES)) == 128
    assert [NAMES.index(n) for n in ("violin", "trumpet", "flute", "sitar")] == [40, 56, 73, 104]


def test_a_song_is_one_track_whose_length_is_stated():
    midi = song(40, [Played(60, 100, 0.5), Played(64, 90, 0.4)], 1.0)
    assert midi[:4] == b"MThd" and midi[14:18] == b"MTrk"
    assert int.from_bytes(midi[18:22], "big") == len(midi) - 22
    assert midi[22:25] == b"\x00\xc0\x28"
    assert midi[25:29] == b"\x00\x90\x3c\x64"
    assert midi[29:34] == b"\x83\x74\x80\x3c\x00", "500 ticks as two bytes"
    assert midi.endswith(b"\xff\x2f\x00")


@pytest.mark.parametrize(
    ("spec", "says"),
    [("render:viollin", "'violin'"), ("render:128", "0 to 127"), ("render:40?note=3", "notes"),
     ("render:40?notes=x", "numbers"), ("render:40?notes=1", "3 to 500")],
)
def test_a_wrong_program_or_option_is_named(spec, says):
    with pytest.raises(InputError, match=says):
        data.load(spec, 16000, 64)


def test_what_is_missing_is_said_with_its_mend(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "which", lambda name: None)
        with pytest.raises(InputError, match="apt-get install fluidsynth"):
            data.load("render:violin", 16000, 64)


@WITH_FLUIDSYNTH
def test_a_missing_soundfont_is_named():
    with pytest.raises(InputError, match=r"/nowhere\.sf2"):
        data.load("render:violin?soundfont=/nowhere.sf2", 16000, 64)


@WITH_FLUIDSYNTH
def test_rendered_notes_repeat_and_are_in_tune():
    spec = "render:clarinet?notes=6&seconds=1"
    notes, again = data.load(spec, 16000, 64), data.load(spec, 16000, 64)
    for name, audio, same, f0 in zip(
        notes.names, notes.audio, again.audio, notes.f0, strict=True
    ):
        assert np.array_equal(audio, same)
        assert np.abs(audio).max() > 0.02
        key = int(name.split("-")[1])
        cents = 1200 * np.log2(np.median(f0[30:100]) / (440 * 2 ** ((key - 69) / 12)))
        assert abs(cents) < 20, name
