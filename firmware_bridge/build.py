"""Compiles the C runtime: natively, with sanitizers, or for a board with a cross compiler."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgesynth.errors import EdgesynthError

RUNTIME = Path(__file__).resolve().parent / "runtime"
CHECKOUT = RUNTIME.parent.parent
SOURCES = RUNTIME / "src"
INCLUDE = RUNTIME / "include"
MEASURE = RUNTIME.parent / "measure"

FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
         "-fvisibility=hidden", "-fPIC", "-Wall", "-Wextra")
SANITIZE = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
            "-fno-omit-frame-pointer")
ISA_FLAGS: dict[str, tuple[str, ...]] = {
    "scalar": (),
    "avx2": ("-mavx2", "-mfma"),
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"),
    "neon": (),
}


def native_isas() -> tuple[str, ...]:
    """Instruction sets that a build for this machine's processor family compiles."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        return ("scalar", "avx2", "avx512")
    return ("scalar", "neon") if machine in ("aarch64", "arm64") else ("scalar",)


def native_compiler() -> tuple[str, ...]:
    """The machine's C compiler as a command: $CC, cc, gcc, clang or zig; EdgesynthError if none."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if name and shutil.which(name.split()[0]):
            return tuple(name.split())
    from importlib.util import find_spec

    if find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", "cc")
    raise EdgesynthError("no C compiler found: install gcc or clang, or `pip install ziglang`")


def sources(isas: Sequence[str]) -> list[tuple[Path, str]]:
    """(file, instruction set or "" for the core) of everything a library is made of."""
    core = [(p, "") for p in sorted(SOURCES.glob("*.c")) if p.name != "kernels.c"]
    kernels = [SOURCES / "kernels.c", *sorted((SOURCES / "ops").glob("*.c"))]
    return core + [(p, isa) for isa in isas for p in kernels]


def compile_objects(
    folder: Path,
    compiler: Sequence[str],
    flags: Sequence[str] = (),
    isas: Sequence[str] = ("scalar",),
) -> list[Path]:
    """Object files of the runtime in `folder`, made anew only where a source or a flag changed.

    flags follow FLAGS, so they win. EdgesynthError carries the compiler's message.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [
            pool.submit(_compile, folder, source, isa, compiler, flags, isas)
            for source, isa in sources(isas)
        ]
        return [job.result() for job in jobs]


def compile_library(
    folder: Path,
    compiler: Sequence[str],
    flags: Sequence[str] = (),
    isas: Sequence[str] = ("scalar",),
) -> Path:
    """The shared library of the runtime with the timing loop, in `folder`; see compile_objects."""
    objects = compile_objects(folder, compiler, flags, isas)
    objects.append(_compile(folder, MEASURE / "timing.c", "", compiler, flags, isas))
    library, stamp = folder / "libedgesynth.so", folder / "libedgesynth.stamp"
    made_of = "\n".join(o.name for o in objects)
    if not (library.exists() and stamp.exists() and stamp.read_text() == made_of):
        temporary = library.with_suffix(f".{os.getpid()}.tmp")
        run([*compiler, *flags, "-shared", "-o", str(temporary), *map(str, objects)])
        os.replace(temporary, library)
        temporary.write_text(made_of)
        os.replace(temporary, stamp)
    return library


def compile_hooks(folder: Path) -> Path:
    """The preloadable library that counts allocations, for this machine (Linux)."""
    library = folder / "libedgesynth_hooks.so"
    source = MEASURE / "hooks.c"
    if not library.exists() or library.stat().st_mtime_ns < source.stat().st_mtime_ns:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = library.with_suffix(f".{os.getpid()}.tmp")
        run([*native_compiler(), *FLAGS, "-shared", "-o", str(temporary), str(source), "-ldl"])
        os.replace(temporary, library)
    return library


def compile_native(folder: Path, sanitize: bool = False) -> Path:
    """The shared library for this machine, with every kernel table of its processor family."""
    flags = SANITIZE if sanitize else ()
    return compile_library(folder, native_compiler(), flags, native_isas())


def run(command: Sequence[str]) -> None:
    """Run a compiler; EdgesynthError with the first lines of its message where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = "\n".join((done.stderr or done.stdout).splitlines()[:20])
        raise EdgesynthError(f"{' '.join(command[:3])} … failed:\n{lines}")


def _compile(
    folder: Path,
    source: Path,
    isa: str,
    compiler: Sequence[str],
    flags: Sequence[str],
    isas: Sequence[str],
) -> Path:
    own = [*FLAGS, f"-I{INCLUDE}", f"-I{SOURCES}", *flags]
    if isa:
        own += [*ISA_FLAGS[isa], f"-DES_ISA_{isa.upper()}=1"]
    elif source.name == "cpu.c":
        own += [f"-DES_WITH_{i.upper()}=1" for i in isas if i != "scalar"]
    command = [*compiler, *own, "-c", str(source)]
    key = hashlib.sha256("\0".join(command).encode() + source.read_bytes() + _headers()).hexdigest()
    target = folder / f"{source.stem}{'-' + isa if isa else ''}-{key[:16]}.o"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(f".{os.getpid()}.tmp")
        run([*command, "-o", str(temporary)])
        os.replace(temporary, target)
    return target


def _headers() -> bytes:
    headers = [*INCLUDE.glob("*.h"), *SOURCES.rglob("*.h"), *SOURCES.rglob("*.inc")]
    return b"".join(p.read_bytes() for p in sorted(headers))


def main() -> None:
    """Build the library for this machine into build/native and say where it is."""
    print(compile_native(CHECKOUT / "build" / "native", sanitize="--sanitize" in sys.argv[1:]))


if __name__ == "__main__":
    main()
