"""One recording: read, checked, sliced into notes, its pitch found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgesynth.data.cache import Arrays, Keep
from edgesynth.data.instruments.base import GRID
from edgesynth.data.pitch import follow
from edgesynth.data.resample import resample
from edgesynth.errors import InputError

Array = NDArray[np.float64]
SHORTEST, LONGEST, GAP, LIMIT = 0.25, 4.0, 0.1, 3600.0
"""Seconds: of a usable note, of a piece, of the silence that parts notes, of a file."""
QUIET, RANGE = -60.0, 45.0
"""dB: the peak under which a file is silent; how far under its loudest 10 ms silence begins."""
ANALYSIS = 16000.0
LOWEST, HIGHEST = 40.0, 2100.0
RATES, LOUDEST = (1000.0, 768000.0), 16.0


def read(path: Path) -> tuple[Array, float, int]:
    """Mono audio [N], its rate and how many channels were averaged; InputError with the reason."""
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            rate, channels = float(file.samplerate), int(file.channels)
            if file.frames > LIMIT * rate:
                raise InputError(f"{path.name}: longer than {LIMIT / 60:.0f} minutes: cut it first")
            audio = file.read(dtype="float64", always_2d=True).mean(axis=1)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path.name}: not readable as audio ({error})") from None
    check(audio, rate, path.name)
    return audio, rate, channels


def check(audio: Array, rate: float, name: str) -> None:
    """InputError, with the reason, where mono audio [N] cannot be analysed."""
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"{name}: rate {rate:g} Hz: from 1 to 768 kHz can be read")
    if not np.isfinite(audio).all():
        raise InputError(f"{name}: holds NaN or infinity: export it again")
    if audio.ndim != 1 or len(audio) < SHORTEST * rate:
        raise InputError(
            f"{name}: too short, {len(audio)} samples: at least {SHORTEST:g} s is needed"
        )
    if np.abs(audio).max() < 10.0 ** (QUIET / 20.0):
        raise InputError(f"{name}: silent (peak under {QUIET:g} dB)")
    if np.abs(audio).max() > LOUDEST:
        raise InputError(f"{name}: peaks at {np.abs(audio).max():.3g}: scale it to 1")


def _make(key: Mapping[str, object], make: Callable[[], Arrays]) -> Arrays:
    return make()


def slices(audio: Array, rate: float) -> list[tuple[int, int]]:
    """[start, stop) of each note, parted by silence; longer ones are cut into equal pieces."""
    step = max(1, round(0.01 * rate))
    blocks = -(-len(audio) // step)
    padded = np.pad(np.square(audio), (0, blocks * step - len(audio)))
    level = padded.reshape(blocks, step).mean(axis=1)
    loud = level > max(10.0 ** (QUIET / 10.0) / 10.0, level.max() * 10.0 ** (-RANGE / 10.0))
    found: list[list[int]] = []
    for block in np.flatnonzero(loud):
        if found and block - found[-1][1] < GAP * 100:
            found[-1][1] = int(block) + 1
        else:
            found.append([int(block), int(block) + 1])
    pieces: list[tuple[int, int]] = []
    for first, last in found:
        start, stop = max(0, first - 4) * step, min(len(audio), (last + 4) * step)
        if stop - start < SHORTEST * rate:
            continue
        count = int(np.ceil((stop - start) / (LONGEST * rate)))
        edges = np.linspace(start, stop, count + 1).astype(int)
        pieces.extend((int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True))
    return pieces


def pitch(audio: Array, rate: float, keep: Keep = _make) -> tuple[Array, Array]:
    """f0 (Hz, held where unvoiced) and confidence on GRID, kept by content.

    pYIN (Mauch and Dixon 2014) finds it, `follow` refines it by at most half a semitone.
    """
    wave = resample(audio, rate, ANALYSIS).astype(np.float32)
    settings = {"pyin": 2, "lowest": LOWEST, "highest": HIGHEST, "rate": ANALYSIS, "grid": GRID}
    key = {**settings, "audio": hashlib.sha256(wave.tobytes()).hexdigest()}

    def make() -> Arrays:
        f0, voiced = _find(np.asarray(wave, np.float64))
        return {"f0": f0, "voiced": voiced}

    kept = keep(key, make)
    return np.asarray(kept["f0"], np.float64), np.asarray(kept["voiced"], np.float64)


def _find(wave: Array) -> tuple[Array, Array]:
    try:
        import librosa
    except ImportError:
        raise InputError("finding pitch needs librosa: pip install 'edgesynth[compress]'") from None

    hop = 128
    rough, flags, chance = librosa.pyin(
        wave, fmin=LOWEST, fmax=HIGHEST, sr=ANALYSIS, frame_length=1024, hop_length=hop,
        resolution=0.25, fill_na=np.nan,
    )
    points = int(len(wave) / ANALYSIS * GRID) + 1
    if not flags.any():
        return np.full(points, 440.0), np.zeros(points)
    at = np.arange(points) / GRID * ANALYSIS / hop
    nominal = np.exp(np.interp(at, np.arange(len(rough)), np.log(_hold(rough))))
    sure = np.interp(at, np.arange(len(rough)), np.where(flags, np.maximum(chance, 0.5), 0.0))
    exact, clarity = follow(wave, ANALYSIS, nominal, GRID)
    near = np.abs(np.log2(exact.clip(1.0) / nominal)) < 0.5 / 12.0
    return np.where(near & (sure > 0), exact, nominal), sure * (clarity > 0.05)


def _hold(f0: Array) -> Array:
    """NaN replaced by the value before it, or, at the start, by the first one."""
    index = np.where(np.isnan(f0), -1, np.arange(len(f0)))
    index = np.maximum.accumulate(index)
    return np.asarray(f0[np.where(index < 0, np.flatnonzero(~np.isnan(f0))[0], index)])
