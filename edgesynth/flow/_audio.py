"""Audio files in and out: mono or stereo WAV, FLAC, AIFF through libsndfile; 32-bit float WAV out."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from edgesynth.errors import InputError
from edgesynth.flow._open import write_atomic
from edgesynth.flow.base import UI

SILENCE = 10.0 ** (-90 / 20)
SHORTEST = 0.02  # seconds
LARGEST = 2**32 - 1024  # bytes of sound


def read_audio(path: Path, rate: float, ui: UI) -> np.ndarray:
    """float32 (frames, channels) at `rate`; resampled where the file differs, and said.

    InputError: unreadable, shorter than 20 ms, silent, or holding NaN or infinity.
    """
    import soundfile

    if not path.exists():
        raise InputError(f"no such file: {path}")
    try:
        audio, found = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path} is no audio file that can be read: {error}") from None
    if not np.isfinite(audio).all():
        where = int(np.argwhere(~np.isfinite(audio))[0][0])
        raise InputError(f"{path} holds NaN or infinity (first at frame {where})")
    if len(audio) < SHORTEST * found:
        raise InputError(
            f"{path} holds {len(audio)} frames; at least {int(SHORTEST * found) + 1} are needed (20 ms)"
        )
    if np.abs(audio).max() < SILENCE:
        raise InputError(f"{path} is silent (peak below -90 dBFS)")
    if found != rate:
        import soxr

        ui.say(f"{path.name}: resampled from {found} Hz to {rate:g} Hz")
        audio = soxr.resample(audio, found, rate)
    return np.asarray(audio, np.float32)


def write_wav(path: Path, audio: np.ndarray, rate: float) -> None:
    """32-bit float WAV; audio (frames,) or (channels, frames). The same sound gives the same bytes:
    no time of day is written. InputError where it is longer than such a file can be."""
    samples = np.asarray(audio, "<f4").T
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    data = np.ascontiguousarray(samples).tobytes()
    if len(data) > LARGEST:
        raise InputError(
            f"{path}: a WAV holds at most 4 GiB: render less than {len(samples)} frames"
        )
    step, hertz = 4 * channels, round(rate)
    head = b"WAVEfmt " + struct.pack("<IHHIIHHH", 18, 3, channels, hertz, step * hertz, step, 32, 0)
    head += b"fact" + struct.pack("<II", 4, len(samples)) + b"data" + struct.pack("<I", len(data))
    write_atomic(path, b"RIFF" + struct.pack("<I", len(head) + len(data)) + head + data)
