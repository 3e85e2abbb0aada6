"""Builds test programs against the runtime's sources, plain or with sanitizers."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from firmware_bridge.build import (
    CHECKOUT,
    INCLUDE,
    SANITIZE,
    compile_objects,
    native_compiler,
    native_isas,
    run,
)

HERE = Path(__file__).resolve().parent


def program(name: str, sanitize: bool = True, link: tuple[str, ...] = ()) -> Path:
    """tests/runtime/<name>.c linked with the runtime's objects, made anew where either changed."""
    folder = CHECKOUT / "build" / ("sanitize" if sanitize else "native")
    flags = SANITIZE if sanitize else ()
    objects = compile_objects(folder, native_compiler(), flags, native_isas())
    source = HERE / f"{name}.c"
    made_of = " ".join(o.name for o in objects) + source.read_text() + " ".join(link)
    target = folder / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"
    if not target.exists():
        temporary = target.with_suffix(f".{os.getpid()}.tmp")
        own = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", *flags, f"-I{INCLUDE}"]
        run([*native_compiler(), *own, str(source), *map(str, objects), *link, "-lm",
             "-o", str(temporary)])
        os.replace(temporary, target)
    return target


def output(command: list[str | Path], timeout: float = 120) -> tuple[int, str]:
    """(exit status, stdout and stderr) of a test program; leaks count as failures."""
    environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1")
    done = subprocess.run(
        [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=environment, timeout=timeout, check=False,
    )
    return done.returncode, done.stdout
