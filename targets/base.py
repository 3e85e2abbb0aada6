"""What a target is: one board as data, a TOML file in `targets/boards/`."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from edgesynth.errors import InputError


@dataclass(frozen=True)
class Target:
    """One board: what lowering, cross-building, emulation and reports need to know of it.

    triple, static_triple, mcpu: for `zig cc -target … -mcpu=…`; empty: the machine's own compiler.
    static_triple links musl statically, for emulators. isas: instruction sets that a build for it
    compiles; kernels: the kernel table expected to be picked there ("best": asked at run time).
    clock_hz … l2_bytes: None where they depend on the machine. rate, block: what it usually plays
    at. chunk: frames per inner pass. qemu, qemu_cpu: user-mode emulator, empty: none needed.
    unsure: figures that nobody of the project has measured or read in a data sheet.
    """

    name: str
    description: str
    cpu: str
    kernels: str
    isas: tuple[str, ...]
    simd: str
    rate: int
    block: int
    triple: str = ""
    static_triple: str = ""
    mcpu: str = ""
    clock_hz: int | None = None
    cores: int | None = None
    ram_bytes: int | None = None
    disk_bytes: int | None = None
    l1d_bytes: int | None = None
    l2_bytes: int | None = None
    chunk: int = 512
    qemu: str = ""
    qemu_cpu: str = ""
    unsure: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def native(self) -> bool:
        """True where builds for it run on this machine as they are."""
        return not self.triple


_WHOLE = ("rate", "block", "chunk", "clock_hz", "cores", "ram_bytes", "disk_bytes", "l1d_bytes",
          "l2_bytes")
_LISTS = ("isas", "unsure", "sources")


def parse(name: str, text: str) -> Target:
    """A Target from a board file's text; InputError names the key that is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"board {name}: {error}") from None
    known = {f.name: f for f in fields(Target) if f.name != "name"}
    for key, value in data.items():
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.0)
            raise InputError(f"board {name}: unknown key {key!r}; nearest is {near[0]!r}")
        if key in _LISTS:
            good = isinstance(value, list) and all(isinstance(v, str) for v in value)
        elif key in _WHOLE:
            good = isinstance(value, int) and not isinstance(value, bool) and value > 0
        else:
            good = isinstance(value, str)
        if not good:
            raise InputError(f"board {name}: {key} = {value!r} is of the wrong kind")
    missing = [k for k, f in known.items() if f.default is MISSING and k not in data]
    if missing:
        raise InputError(f"board {name}: {missing[0]!r} is missing")
    if not 1 <= data.get("chunk", 512) <= 65536:
        raise InputError(f"board {name}: chunk must lie in 1…65536")
    lists = {k: tuple(v) for k, v in data.items() if k in _LISTS}
    return Target(name=name, **(data | lists))


@cache
def targets() -> MappingProxyType[str, Target]:
    """Every board file, by name, sorted."""
    found = {}
    for entry in sorted(files("targets").joinpath("boards").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            name = entry.name[: -len(".toml")]
            found[name] = parse(name, entry.read_text(encoding="utf-8"))
    return MappingProxyType(found)


def target(name: str) -> Target:
    """The target of that name; InputError names the nearest and the rest."""
    known = targets()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f"; nearest is {near[0]!r}" if near else ""
    raise InputError(f"no target {name!r}{hint} (targets: {', '.join(known)})")
