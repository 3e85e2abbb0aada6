"""`render:<program>[?notes=…&seconds=…&soundfont=…]`: notes played by FluidSynth."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from edgesynth.data.instruments.base import GRID, Take
from edgesynth.data.midi import NAMES, Played, song
from edgesynth.data.pitch import follow
from edgesynth.data.sources.base import Request, Source
from edgesynth.errors import InputError

RATE = 48000.0
SOUNDFONTS = Path("/usr/share/sounds/sf2")
_MEND = "on Debian: apt-get install fluidsynth timgm6mb-soundfont"


class Render(Source):
    """Plays a General MIDI program, by number (0 to 127) or by name, over three octaves."""

    def read(self, rest: str, request: Request) -> list[Take]:
        """One take per note, keys 48 to 84 in even steps, velocity and length drawn by seed."""
        name, _, query = rest.partition("?")
        options = {"notes": "112", "seconds": "2.56", "soundfont": ""}
        for key, value in parse_qsl(query, keep_blank_values=True):
            if key not in options:
                raise InputError(f"render has no {key!r}: use {', '.join(options)}")
            options[key] = value
        program = _program(name)
        try:
            count, seconds = int(options["notes"]), float(options["seconds"])
        except ValueError:
            raise InputError(f"render:{rest}: notes and seconds are numbers") from None
        if not (3 <= count <= 500 and 0.5 <= seconds <= 20.0):
            raise InputError("render: notes from 3 to 500, seconds from 0.5 to 20")
        played = _plan(count, seconds, request.seed)
        audio = _fluidsynth(song(program, played, seconds), options["soundfont"])
        request.report.append(f"rendered {count} notes of {NAMES[program]} ({program})")
        return _cut(audio, played, seconds, NAMES[program], request)


def _program(name: str) -> int:
    """A program number from a number or a General MIDI name."""
    if name.isdecimal() and int(name) < 128:
        return int(name)
    wanted = name.strip().lower().replace(" ", "-")
    if wanted in NAMES:
        return NAMES.index(wanted)
    near = get_close_matches(wanted, NAMES, 1) or ["violin"]
    raise InputError(f"no program {name!r}: a number from 0 to 127 or a name, such as {near[0]!r}")


def _plan(count: int, seconds: float, seed: int) -> list[Played]:
    rng = np.random.default_rng([seed, 0x3D])
    keys = np.round(np.linspace(48.0, 84.0, count)).astype(int)
    return [
        Played(int(key), int(rng.integers(30, 127)), float(seconds * rng.uniform(0.5, 0.8)))
        for key in keys
    ]


def _fluidsynth(midi: bytes, soundfont: str) -> np.ndarray:
    """Mono audio [N] at RATE of a MIDI file."""
    import soundfile

    program = shutil.which("fluidsynth")
    if program is None:
        raise InputError(f"render needs fluidsynth, which is not installed ({_MEND})")
    fonts = [Path(soundfont)] if soundfont else sorted(SOUNDFONTS.glob("*.sf2"))
    if not fonts or not fonts[0].is_file():
        raise InputError(f"no soundfont at {fonts[0] if fonts else SOUNDFONTS} ({_MEND})")
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in.mid"), Path(folder, "out.wav")
        source.write_bytes(midi)
        flags = ["-ni", "-q", "-R", "0", "-C", "0", "-g", "0.6", "-r", f"{RATE:.0f}"]
        command = [program, *flags, "-O", "float", "-T", "wav", "-F", str(out)]
        ran = subprocess.run(
            [*command, str(fonts[0]), str(source)], capture_output=True, text=True, check=False
        )
        if ran.returncode or not out.is_file():
            lines = (ran.stderr or ran.stdout).strip().splitlines() or ["no message"]
            raise InputError(f"fluidsynth failed on {fonts[0].name}: {lines[-1]}")
        audio, _ = soundfile.read(str(out), dtype="float64", always_2d=True)
    return np.asarray(audio.mean(axis=1))


def _cut(
    audio: np.ndarray, played: list[Played], seconds: float, name: str, request: Request
) -> list[Take]:
    """Each note's slot, its f0 followed around the key that was played."""
    slot = round(seconds * RATE)
    audio = np.pad(audio, (0, max(0, slot * len(played) - len(audio))))
    audio = audio * (0.84 / max(float(np.abs(audio).max()), 1e-9))
    takes = []
    for i, note in enumerate(played):
        wave = audio[i * slot : (i + 1) * slot]
        hertz = 440.0 * 2.0 ** ((note.key - 69) / 12.0)
        nominal = np.full(int(seconds * GRID) + 1, hertz)
        f0, voiced = follow(wave, RATE, nominal, GRID)
        f0 = np.where(np.abs(np.log2(f0.clip(1.0) / nominal)) < 1.0 / 12.0, f0, nominal)
        label = f"{name}-{note.key:03d}-{note.velocity:03d}"
        takes.append(Take(label, wave, RATE, f0, voiced, GRID, float(note.key)))
        request.progress("measuring pitch", i + 1, len(played))
    return takes
