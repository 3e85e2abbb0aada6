"""A folder or a file of WAV, FLAC or AIFF recordings, named by its path."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgesynth.data.instruments.base import GRID, Take
from edgesynth.data.recording import pitch, read, slices
from edgesynth.data.sources.base import Request, Source
from edgesynth.errors import InputError

ENDINGS = (".wav", ".flac", ".aif", ".aiff")
VOICED = 0.05


class Folder(Source):
    """Reads every recording under a path; what cannot be used is reported with its reason."""

    def read(self, rest: str, request: Request) -> list[Take]:
        """One take per note; InputError where nothing is usable, with the first reason."""
        root = Path(rest)
        takes: list[Take] = []
        refused: list[str] = []
        for path in _files(root):
            name = path.relative_to(root).as_posix() if root.is_dir() else path.name
            try:
                takes.extend(_takes(path, name, request, refused))
            except InputError as error:
                refused.append(f"refused {error}")
        request.report.append(f"read {len(takes)} notes from {rest}, refused {len(refused)}")
        request.report.extend(refused)
        if not takes:
            reason = refused[0].removeprefix("refused ") if refused else "no note found"
            raise InputError(f"{rest}: nothing usable: {reason}")
        return takes


def _files(root: Path) -> list[Path]:
    """The recordings under `root`, sorted."""
    if root.is_file():
        if root.suffix.lower() not in ENDINGS:
            raise InputError(f"{root}: not one of {', '.join(ENDINGS)}")
        return [root]
    if not root.is_dir():
        raise InputError(f"{root}: no such file or folder, nor a source such as instrument:bowed")
    found = sorted(p for p in root.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
    if not found:
        raise InputError(f"{root}: holds no {', '.join(ENDINGS)} file")
    return found


def _takes(path: Path, name: str, request: Request, refused: list[str]) -> list[Take]:
    """The notes of one file; those without pitch go to `refused`."""
    audio, rate, channels = read(path)
    if channels > 1:
        request.report.append(f"{name}: {channels} channels averaged to one")
    if rate != request.rate:
        request.report.append(f"{name}: resampled from {rate:g} to {request.rate:g} Hz")
    pieces = slices(audio, rate)
    if not pieces:
        raise InputError(f"{name}: too short: no note of 0.25 s between its silences")
    takes = []
    for number, (start, stop) in enumerate(pieces):
        request.progress(f"pitch of {name}", number, len(pieces))
        wave = audio[start:stop]
        f0, voiced = pitch(wave, rate, request.keep)
        if np.mean(voiced > 0.0) < VOICED:
            refused.append(f"refused {name} at {start / rate:.2f} s: no pitch found")
            continue
        key = 69.0 + 12.0 * np.log2(float(np.median(f0[voiced > 0.0])) / 440.0)
        takes.append(Take(f"{name}@{start / rate:.2f}", wave, rate, f0, voiced, GRID, key))
    request.progress(f"pitch of {name}", len(pieces), len(pieces))
    return takes
