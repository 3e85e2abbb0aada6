"""edgesynth render."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from edgesynth.errors import InputError
from edgesynth.flow._audio import read_audio, write_wav
from edgesynth.flow._open import named, open_artifact
from edgesynth.flow.base import ARGUMENT, UI, Command, Table

DAY = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class Render(Command):
    """Play a model or artifact through the C runtime into a 32-bit float WAV.

    The runtime's latency is taken off, so that the sound lies where its controls say.
    """

    table: ClassVar[bool] = True

    model: Annotated[
        str, "a bundled name, a saved Graph, file.py:function or an .esa artifact", ARGUMENT
    ]
    out: Annotated[Path, "output WAV"]
    in_: Annotated[Path | None, "input audio; a synth follows its pitch and loudness"] = None
    control: Annotated[
        tuple[str, ...],
        "a control's value for the whole render, e.g. f0=220; may be given several times",
    ] = ()
    controls: Annotated[
        Path | None,
        "CSV of curves: a column `time` in seconds and one per control, linear between rows",
    ] = None
    seconds: Annotated[float | None, "length; default: of the input or curves, else 4"] = None
    block: Annotated[int, "frames per call of the runtime; changes nothing in the sound"] = 512
    kernels: Annotated[str, "instruction set: best, scalar, avx2, avx512, neon"] = "best"
    clip: Annotated[bool, "clip controls that are out of range instead of refusing"] = False

    def run(self, ui: UI) -> Table:
        from firmware_bridge.play import Player

        if self.block < 1:
            raise InputError(f"--block {self.block}: at least 1")
        if self.seconds is not None and not 0 < self.seconds <= DAY:
            raise InputError(f"--seconds {self.seconds:g}: more than 0, at most a day")
        with named(self.model):
            player = Player(open_artifact(self.model), kernels=self.kernels)
        rate = float(player.rate or 48000.0)
        ports = {p.name: p for p in player.ports}
        curves = self._curves(player, ports, rate, ui)
        lengths = [np.shape(v)[-1] for v in curves.values() if np.ndim(v)]
        frames = (
            round(self.seconds * rate)
            if self.seconds is not None
            else max(lengths, default=round(4 * rate))
        )
        if frames < 1:
            raise InputError(
                f"--seconds {self.seconds:g}: shorter than one frame of {1 / rate:.3g} s"
            )
        audio = self._play(player, curves, frames, ui)
        write_wav(self.out, audio, rate)
        peak = float(np.abs(audio).max())
        if peak > 1.0:
            ui.warn(
                f"peak {20 * math.log10(peak):+.1f} dBFS: the file holds it, a sound card will clip it"
            )
        others = ", ".join(p.name for p in player.outputs[1:])
        if others:
            ui.warn(f"the file holds {player.outputs[0].name!r} alone; left out: {others}")
        row = {
            "file": str(self.out),
            "seconds": frames / rate,
            "rate": rate,
            "peak": peak,
            "latency": player.latency,
            "kernels": player.kernels,
        }
        return Table(tuple(row), [row])

    def _curves(self, player: Any, ports: dict[str, Any], rate: float, ui: UI) -> dict[str, Any]:
        """Scalars and per-frame arrays by input port."""
        curves: dict[str, Any] = {}
        if self.in_ is not None:
            curves |= follow(self.in_, player, rate, ui)
        if self.controls is not None:
            curves |= read_curves(self.controls, rate)
        for text in self.control:
            name, _, value = text.partition("=")
            try:
                curves[name.strip()] = float(value)
            except ValueError:
                raise InputError(f"--control {text!r}: write NAME=NUMBER") from None
            if not math.isfinite(curves[name.strip()]):
                raise InputError(f"--control {text!r}: the value must be finite")
        player.check_ports(curves, clip=self.clip)
        return curves

    def _play(self, player: Any, curves: dict[str, Any], frames: int, ui: UI) -> np.ndarray:
        total = frames + player.latency
        parts = []
        for start in range(0, total, self.block):
            n = min(self.block, total - start)
            fed = {}
            for name, value in curves.items():
                if np.ndim(value) == 0:
                    if start == 0:
                        fed[name] = value
                    continue
                fed[name] = _piece(value, start, n, player.port(name).kind == "control")
            out = player.process(fed, frames=n, clip=self.clip)
            out = next(iter(out.values())) if isinstance(out, dict) else out
            parts.append(np.atleast_2d(np.array(out)))
            if start % (self.block * 64) == 0:
                ui.progress("render", start, total)
        ui.progress("render", total, total)
        audio = np.concatenate(parts, axis=-1)[:, player.latency :]
        return audio[0] if len(audio) == 1 else audio


def _piece(curve: np.ndarray, start: int, n: int, hold: bool) -> np.ndarray:
    """`n` frames of a curve from `start`; past its end the last value (controls) or silence."""
    piece = curve[..., start : start + n]
    missing = n - piece.shape[-1]
    if missing == 0:
        return np.ascontiguousarray(piece)
    width = [(0, 0)] * (curve.ndim - 1) + [(0, missing)]
    if hold:
        last = curve[..., -1:] if piece.shape[-1] == 0 else piece[..., -1:]
        return np.concatenate([piece, np.repeat(last, missing, axis=-1)], axis=-1)
    return np.pad(piece, width)


def read_curves(path: Path, rate: float) -> dict[str, np.ndarray | float]:
    """Control curves at `rate` from a CSV with a `time` column, or numbers where all it holds is
    one row at time 0; blank lines are passed over. InputError names row and column."""
    if not path.exists():
        raise InputError(f"no such file: {path}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(n, row) for n, row in enumerate(csv.reader(file), start=1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: {error}") from None
    names = [c.strip() for c in lines[0][1]] if lines else []
    if len(lines) < 2 or "time" not in names or len(names) < 2:
        other = next((c for c in ";\t" if c in "".join(names)), "")
        mend = f"; cells are parted by commas, not {other!r}" if other else ""
        raise InputError(f"{path}: needs a header `time,CONTROL,…` and at least one row{mend}")
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: column {twice!r} comes twice")
    values = np.empty((len(lines) - 1, len(names)))
    for at, (number, row) in enumerate(lines[1:]):
        if len(row) != len(names):
            raise InputError(
                f"{path}, line {number}: {len(row)} columns, the header has {len(names)}"
            )
        for column, cell in enumerate(row):
            try:
                values[at, column] = float(cell)
            except ValueError:
                raise InputError(
                    f"{path}, line {number}, column {names[column]!r}: {cell!r} is no number"
                ) from None
            if not math.isfinite(values[at, column]):
                raise InputError(
                    f"{path}, line {number}, column {names[column]!r}: the value must be finite"
                )
    time = values[:, names.index("time")]
    if (np.diff(time) <= 0).any() or not 0 <= time[0] <= time[-1] <= DAY:
        raise InputError(f"{path}: times must lie in 0…{DAY:g} s and rise from row to row")
    columns = {n: values[:, i] for i, n in enumerate(names) if n != "time"}
    if time[-1] == 0:
        return {n: float(v[0]) for n, v in columns.items()}
    at_frames = np.arange(max(1, round(time[-1] * rate))) / rate
    return {n: np.interp(at_frames, time, v).astype(np.float32) for n, v in columns.items()}


def follow(path: Path, player: Any, rate: float, ui: UI) -> dict[str, np.ndarray]:
    """Input ports from a recording: its audio, or its pitch and loudness for a synth."""
    audio = read_audio(path, rate, ui)
    doors = [p for p in player.ports if p.direction == "in"]
    for port in doors:
        if port.kind == "audio":
            if port.channels == audio.shape[1]:
                return {port.name: np.ascontiguousarray(audio.T)}
            mono = audio.mean(axis=1)
            return {
                port.name: mono
                if port.channels == 1
                else np.repeat(mono[None], port.channels, axis=0)
            }
    if {"f0", "loudness"} <= {p.name for p in doors}:
        from edgesynth.data.analysis import analyse

        hop = next(p.period for p in doors if p.name == "f0")
        ui.say(f"{path.name}: finding pitch and loudness")
        found = analyse(audio.mean(axis=1), rate, hop)
        limits = {p.name: (p.low, p.high) for p in doors}
        return {
            "f0": np.repeat(np.clip(found.f0, *limits["f0"]), hop).astype(np.float32),
            "loudness": np.repeat(np.clip(found.loudness, *limits["loudness"]), hop).astype(
                np.float32
            ),
        }
    raise InputError(f"--in {path}: this model takes no audio and has no controls f0 and loudness")
