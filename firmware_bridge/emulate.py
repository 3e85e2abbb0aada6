"""Boards' builds in QEMU's user-mode emulators: what they sound like, and instructions counted."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgesynth.errors import EdgesynthError
from firmware_bridge.build import FLAGS, INCLUDE, MEASURE, SOURCES, compile_objects, native_compiler, run
from firmware_bridge.measure.doors import held
from firmware_bridge.ports import Port
from targets.base import Target, target, targets

BARE = ("-nostdlib", "-static", "-rtlib=compiler-rt", "-fno-stack-protector")


def emulated_targets() -> tuple[str, ...]:
    """Boards whose builds can be made and run here: zig and the board's emulator are installed."""
    return tuple(n for n, t in targets().items() if t.qemu and missing(t) is None)


def missing(place: Target) -> str | None:
    """What keeps a board's build from running here, as one clause; None for nothing."""
    if not place.qemu:
        return f"{place.name} has no emulator"
    if importlib.util.find_spec("ziglang") is None:
        return "the cross compiler is not installed: pip install ziglang"
    if shutil.which(place.qemu) is None:
        return f"{place.qemu} is not installed (Debian's package qemu-user)"
    return None


def compiler(place: Target) -> tuple[str, ...]:
    """zig's C compiler for a board, static and without a C library's start."""
    return (sys.executable, "-m", "ziglang", "cc", "-target", place.static_triple, f"-mcpu={place.mcpu}")


def build_player(place: Target) -> Path:
    """The board's `player` (see measure/player.c), built once per content into the user's cache."""
    parts = [p.read_bytes() for p in sorted(SOURCES.rglob("*.[chi]*")) if p.is_file()]
    parts += [(MEASURE / f).read_bytes() for f in ("player.c", "memory.c")] + [repr(place).encode(), " ".join(FLAGS).encode()]
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    folder = _cache() / "players" / f"{place.name}-{key}"
    program = folder / "player"
    if not program.exists():
        command = compiler(place)
        objects = compile_objects(folder, command, (), place.isas)
        objects = [o for o in objects if not o.name.startswith("open_file")]
        part = program.with_suffix(f".{os.getpid()}")
        memory = folder / "memory.o"
        run([*command, *FLAGS, "-fno-builtin", "-c", str(MEASURE / "memory.c"), "-o", str(memory)])
        run([*command, *FLAGS, *BARE, f"-I{INCLUDE}", f"-I{SOURCES}", str(MEASURE / "player.c"),
             str(memory), *map(str, objects), "-o", str(part)])
        part.replace(program)
    return program


def play_emulated(
    name: str, artifact: bytes, doors: Sequence[Port], inputs: Mapping[str, np.ndarray], frames: int, block: int = 64
) -> dict[str, np.ndarray]:
    """Outputs (channels, steps) of the board's build in its emulator."""
    place = target(name)
    with tempfile.TemporaryDirectory() as folder:
        _emulate(place, Path(folder), artifact, doors, inputs, frames, block, ())
        flat = np.fromfile(Path(folder) / "out", "<f4")
    made, at = {}, 0
    for door in doors:
        if door.direction == "out":
            steps = -(-frames // door.period)
            made[door.name] = flat[at:at + door.channels * steps].reshape(door.channels, steps)
            at += door.channels * steps
    return made


def count_instructions(
    name: str, artifact: bytes, doors: Sequence[Port], inputs: Mapping[str, np.ndarray], block: int, frames: int
) -> float:
    """Instructions per block, start-up apart: what twice `frames` takes more than `frames`."""
    place = target(name)
    plugin = _plugin()
    totals = []
    for n in (frames, 2 * frames):
        with tempfile.TemporaryDirectory() as folder:
            text = _emulate(place, Path(folder), artifact, doors, inputs, n, block, ("-plugin", str(plugin)))
        totals.append(int(text.rsplit("instructions", 1)[1]))
    return (totals[1] - totals[0]) * block / frames


def _emulate(
    place: Target, folder: Path, artifact: bytes, doors: Sequence[Port], inputs: Mapping[str, np.ndarray],
    frames: int, block: int, options: Sequence[str],
) -> str:
    """Run the player; its standard error. EdgesynthError where it fails."""
    reason = missing(place)
    if reason:
        raise EdgesynthError(reason)
    player = build_player(place)
    (folder / "artifact").write_bytes(artifact)
    parts = [np.zeros(0, np.float32)]
    for door in doors:
        if door.direction == "in":
            x = held(inputs[door.name], door.period, frames) if door.kind == "control" else inputs[door.name]
            steps = frames if door.kind == "control" else -(-frames // door.period)
            parts.append(np.ascontiguousarray(x[:, :steps], np.float32).ravel())
    np.concatenate(parts).astype("<f4").tofile(folder / "in")
    command = [place.qemu, *(["-cpu", place.qemu_cpu] if place.qemu_cpu else []), *options, str(player)]
    command += [str(folder / "artifact"), str(folder / "in"), str(folder / "out"), str(frames), str(block)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EdgesynthError(f"{place.name} in {place.qemu}: exit code {done.returncode} {done.stderr.strip()[-200:]}")
    return done.stderr


def _plugin() -> Path:
    """The counting plugin, compiled for this machine."""
    source = MEASURE / "qemu_count.c"
    key = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    plugin = _cache() / "players" / f"qemu_count-{key}.so"
    if not plugin.exists():
        plugin.parent.mkdir(parents=True, exist_ok=True)
        part = plugin.with_suffix(f".{os.getpid()}")
        run([*native_compiler(), "-O2", "-fPIC", "-shared", "-fvisibility=hidden", str(source), "-o", str(part)])
        part.replace(plugin)
    return plugin


def _cache() -> Path:
    """Where builds are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "edgesynth"
