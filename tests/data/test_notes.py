"""Splits by note with held-out pitches between trained ones; windows aligned and endless."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesynth.data import Notes, windows
from edgesynth.data.notes import split_labels
from edgesynth.errors import InputError


def made(lengths, hop=4):
    """Notes whose audio counts samples from 1000 * index, f0 and loudness frames likewise."""
    audio = tuple(np.arange(n * hop, dtype=np.float32) + 1000 * i for i, n in enumerate(lengths))
    curves = tuple(np.arange(n, dtype=np.float32) + 1000 * i for i, n in enumerate(lengths))
    return Notes(
        16000.0, hop, audio, curves, curves, tuple(-c for c in curves),
        tuple(f"n{i}" for i in range(len(lengths))),
        split_labels([float(i) for i in range(len(lengths))]),
    )


@given(st.lists(st.floats(20, 100), min_size=3, max_size=150))
def test_every_split_is_there_and_its_pitches_lie_inside_the_trained_range(pitches):
    labels = split_labels(pitches)
    assert set(labels) == {"train", "valid", "test"}
    trained = [p for p, name in zip(pitches, labels, strict=True) if name == "train"]
    held = [p for p, name in zip(pitches, labels, strict=True) if name != "train"]
    assert min(trained) <= min(held)
    assert len(pitches) == 3 or max(trained) >= max(held)


def test_the_default_set_holds_out_twenty_test_notes():
    labels = split_labels([float(i) for i in range(112)])
    assert [labels.count(s) for s in ("train", "valid", "test")] == [82, 10, 20]
    for i, name in enumerate(labels):
        if name != "train":
            assert labels[i - 1] == labels[i + 1] == "train"


def test_two_notes_cannot_be_split():
    with pytest.raises(InputError, match="at least 3"):
        split_labels([60.0, 61.0])


def test_splits_part_the_notes():
    notes = made([9] * 30)
    parts = [notes.split(s).names for s in ("train", "valid", "test")]
    assert sorted(sum(parts, ())) == sorted(notes.names)
    with pytest.raises(InputError, match="valid"):
        notes.split("validation")


def test_windows_are_aligned_seeded_and_reach_every_note_and_edge():
    notes = made([5, 8, 3, 6])
    stream, again = windows(notes, 5, 3, seed=2), windows(notes, 5, 3, seed=2)
    starts = set()
    for _ in range(60):
        audio, f0, level = next(stream)
        assert audio.shape == (3, 20) and f0.shape == level.shape == (3, 5)
        for one, other in zip((audio, f0, level), next(again), strict=True):
            assert np.array_equal(one, other)
        assert np.array_equal(level, -f0)
        for wave, curve in zip(audio, f0, strict=True):
            note, frame = divmod(int(curve[0]), 1000)
            starts.add((note, frame))
            assert wave[0] == 1000 * note + 4 * frame
    assert starts == {(0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (3, 0), (3, 1)}


@pytest.mark.parametrize(("frames", "batch"), [(10, 1), (0, 1), (2, 0)])
def test_windows_that_cannot_be_cut_are_refused_at_once(frames, batch):
    with pytest.raises(InputError, match="longest: 8"):
        windows(made([5, 8, 3]), frames, batch)
