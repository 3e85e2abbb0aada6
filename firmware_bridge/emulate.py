"""The bare player (measure/player.c) of this machine and, in QEMU, of boards: sound, instructions."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgesynth.errors import EdgesynthError
from edgesynth.runs import cache_folder
from firmware_bridge.build import (
    FLAGS,
    INCLUDE,
    MEASURE,
    SOURCES,
    compile_objects,
    native_compiler,
    run,
)
from firmware_bridge.events import Event, event_rows
from firmware_bridge.library import EventRow
from firmware_bridge.measure.doors import held
from firmware_bridge.ports import Port
from targets.base import Target, target, targets

BARE = ("-nostdlib", "-static", "-fno-stack-protector")
NO_BUILTIN = ("-fno-builtin", "-fno-stack-protector")
MACHINES = ("x86_64", "amd64", "aarch64", "arm64")


def emulated_targets() -> tuple[str, ...]:
    """Boards whose builds can be made and run here: zig and the board's emulator are installed."""
    return tuple(n for n, t in targets().items() if t.qemu and missing(t) is None)


def missing(place: Target) -> str | None:
    """What keeps a target's player from running here, as one clause; None for nothing."""
    if place.native:
        known = sys.platform == "linux" and platform.machine().lower() in MACHINES
        return None if known else "the bare player knows Linux on x86-64 and ARM only"
    if not place.qemu:
        return f"{place.name} has no emulator"
    if importlib.util.find_spec("ziglang") is None:
        return "the cross compiler is not installed: pip install ziglang"
    if shutil.which(place.qemu) is None:
        return f"{place.qemu} is not installed (Debian's package qemu-user)"
    return None


def compiler(place: Target) -> tuple[str, ...]:
    """zig's C compiler for a board, static and without a C library's start; this machine's own for
    this machine."""
    if place.native:
        return native_compiler()
    return (sys.executable, "-m", "ziglang", "cc", "-target", place.static_triple, f"-mcpu={place.mcpu}")


def build_player(place: Target) -> Path:
    """The target's `player`, built once per content into the user's cache; this machine's has the
    scalar kernels alone."""
    isas = ("scalar",) if place.native else place.isas
    command, library = compiler(place), () if place.native else ("-rtlib=compiler-rt",)
    parts = [p.read_bytes() for p in sorted(SOURCES.rglob("*.[chi]*")) if p.is_file()]
    parts += [p.read_bytes() for p in (INCLUDE / "edgesynth.h", MEASURE / "player.c", MEASURE / "memory.c")]
    parts += [repr((place, isas, command, FLAGS, BARE, NO_BUILTIN)).encode()]
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    folder = cache_folder() / "players" / place.name
    program = folder / f"player-{key}"
    if not program.exists():
        objects = compile_objects(folder, command, ("-fno-stack-protector",), isas)
        objects = [o for o in objects if not o.name.startswith("open_file")]
        part, memory = folder / f"player.{os.getpid()}", folder / f"memory-{os.getpid()}.o"
        all_memory = ("-DES_ALL_MEMORY",) if place.native else ()
        run([*command, *FLAGS, *NO_BUILTIN, *all_memory, "-c", str(MEASURE / "memory.c"), "-o", str(memory)])
        run([*command, *FLAGS, *BARE, *library, f"-I{INCLUDE}", f"-I{SOURCES}", str(MEASURE / "player.c"),
             str(memory), *map(str, objects), "-o", str(part)])
        part.replace(program)
        memory.unlink()
    return program


@dataclass(frozen=True, eq=False)
class Job:
    """One artifact to play from reset. inputs: (channels, steps) by port name, at each port's own
    period; doors: the artifact's ports in its order. events: offsets count from the start of the
    run; where there are any, they move the controls instead of `inputs`."""

    artifact: bytes
    doors: Sequence[Port]
    inputs: Mapping[str, np.ndarray]
    frames: int
    block: int = 64
    events: Sequence[Event] = ()


def play_emulated(
    name: str, artifact: bytes, doors: Sequence[Port], inputs: Mapping[str, np.ndarray], frames: int, block: int = 64
) -> dict[str, np.ndarray]:
    """Outputs (channels, steps) of the target's player from reset: in its emulator, or, for this
    machine, as it is. EdgesynthError says what is missing or failed."""
    return play_jobs(name, [Job(artifact, doors, inputs, frames, block)])[0]


def play_jobs(name: str, jobs: Sequence[Job]) -> list[dict[str, np.ndarray]]:
    """As `play_emulated`, many artifacts at one start of the emulator."""
    with tempfile.TemporaryDirectory() as folder:
        _run(target(name), Path(folder), jobs)
        return [_outputs(job, np.fromfile(Path(folder) / f"{i}.out", "<f4")) for i, job in enumerate(jobs)]


def count_instructions(
    name: str, artifact: bytes, doors: Sequence[Port], inputs: Mapping[str, np.ndarray], block: int, frames: int
) -> float:
    """Instructions of one es_voice_process of `block` frames, the mean over `frames` frames: what a
    run in which every block is played twice takes more than one in which it is played once.

    frames: whole blocks and whole hops. The count is the same on every machine."""
    place = target(name)
    if not place.qemu:
        raise EdgesynthError(f"{name} has no emulator to count in")
    options = ("-plugin", str(_plugin(place.qemu)))
    totals = []
    for repeat in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            job = Job(artifact, doors, inputs, frames, block)
            text = _run(place, Path(folder), [job], options, repeat)
        _, found, count = text.rpartition("instructions ")
        if not found:
            raise EdgesynthError(f"{place.qemu} counts no instructions: it was built without plugins")
        totals.append(int(count))
    return (totals[1] - totals[0]) * block / frames


def _run(
    place: Target, folder: Path, jobs: Sequence[Job], options: Sequence[str] = (), repeat: int = 1
) -> str:
    """Run the player, which writes <job>.out into the folder; its standard error."""
    reason = missing(place)
    if reason:
        raise EdgesynthError(reason)
    arguments: list[str] = []
    for i, job in enumerate(jobs):
        (folder / f"{i}.esa").write_bytes(job.artifact)
        (folder / f"{i}.in").write_bytes(_inputs(job).tobytes() + _events(job))
        arguments += [f"{i}.esa", f"{i}.in", f"{i}.out", str(job.frames), str(job.block)]
    emulator = [place.qemu, *(["-cpu", place.qemu_cpu] if place.qemu_cpu else []), *options]
    command = ([] if place.native else emulator) + [str(build_player(place)), str(repeat), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode != 0:
        which = sum((folder / f"{i}.out").exists() for i in range(len(jobs)))
        said = done.stderr.strip()[-200:] or FAILURES.get(done.returncode, "")
        where = f", artifact {which}" if len(jobs) > 1 else ""
        raise EdgesynthError(f"{place.name}'s player{where}: exit code {done.returncode} {said}".rstrip())
    return done.stderr


def _inputs(job: Job) -> np.ndarray:
    """What the player's INPUT file holds."""
    parts = [np.zeros(0, "<f4")]
    for door in job.doors:
        if door.direction == "in" and door.kind != "event":
            x = job.inputs[door.name]
            x = held(x, door.period, job.frames) if door.kind == "control" else x
            steps = job.frames if door.kind == "control" else -(-job.frames // door.period)
            parts.append(np.ascontiguousarray(x[:, :steps], "<f4").ravel())
    return np.concatenate(parts)


def _events(job: Job) -> bytes:
    """The event records that follow the inputs."""
    doors = [d for d in job.doors if d.direction == "in"]
    rows, count = event_rows([], job.events, doors, job.frames, False)
    return ctypes.string_at(rows, count * ctypes.sizeof(EventRow)) if count else b""


def _outputs(job: Job, flat: np.ndarray) -> dict[str, np.ndarray]:
    """The player's OUTPUT file as arrays by port."""
    made, at = {}, 0
    for door in job.doors:
        if door.direction == "out":
            steps = -(-job.frames // door.period)
            made[door.name] = flat[at:at + door.channels * steps].reshape(door.channels, steps)
            at += door.channels * steps
    return made


FAILURES = {
    2: "(the artifact cannot be read)", 3: "(the artifact was refused)", 4: "(too large a voice)",
    5: "(inputs of another length, or too long)", 6: "(processing failed)", 7: "(output not written, or too long)",
}


def _plugin(emulator: str) -> Path:
    """The counting plugin, compiled for this machine and the emulator's plugin interface."""
    version = subprocess.run([emulator, "--version"], capture_output=True, text=True, check=False).stdout
    digits = version.partition("version ")[2].partition(".")[0]
    interface = 1 if digits.isdigit() and int(digits) < 9 else 2
    source = MEASURE / "qemu_count.c"
    key = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    plugin = cache_folder() / "players" / f"qemu_count-{interface}-{key}.so"
    if not plugin.exists():
        plugin.parent.mkdir(parents=True, exist_ok=True)
        part = plugin.with_suffix(f".{os.getpid()}")
        run([*native_compiler(), "-O2", "-fPIC", "-shared", "-fvisibility=hidden", f"-DINTERFACE={interface}",
             str(source), "-o", str(part)])
        part.replace(plugin)
    return plugin
