"""The C interface: wrong arguments, a header that two languages take, no call out of the core."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from runtime import small_nets
from runtime.handmade import controls, wire
from runtime.native import output, program

from firmware_bridge.build import CHECKOUT, INCLUDE, compile_objects, native_compiler, native_isas
from firmware_bridge.library import available_kernels

ALLOWED = {"memcpy", "memmove", "memset", "memcmp", "strcmp", "_GLOBAL_OFFSET_TABLE_",
           "__stack_chk_fail"}
HOST_ONLY = ("open_file", "timing")


NETS = {
    "controls": lambda: controls(ramp=5).blob(),
    "audio": lambda: wire(3, control=True).blob(),
    "decoder": small_nets.decoder,
}


@pytest.mark.parametrize("net", NETS)
def test_wrong_arguments_are_told_and_harm_nothing(net: str, tmp_path: Path) -> None:
    artifact = tmp_path / "net.esa"
    artifact.write_bytes(NETS[net]())
    status, text = output([program("api_sweep"), artifact])
    assert (status, text) == (0, "0 failures\n")


@pytest.mark.parametrize("kernels", available_kernels())
def test_no_allocation_lock_or_system_call(kernels: str, tmp_path: Path) -> None:
    artifact = tmp_path / "net.esa"
    artifact.write_bytes(small_nets.decoder())
    wraps = tuple(f"-Wl,--wrap={f}" for f in ("malloc", "calloc", "realloc", "free"))
    status, text = output([program("realtime", sanitize=False, link=wraps), artifact, kernels])
    assert (status, text) == (0, "clean\n")


def test_the_core_calls_nothing_but_memory_copies() -> None:
    """Undefined symbols of all core objects together: nothing that could allocate, lock or log."""
    objects = compile_objects(CHECKOUT / "build" / "native", native_compiler(), (), native_isas())
    core = [o for o in objects if not o.name.startswith(HOST_ONLY)]
    assert len(core) > 10
    listing = subprocess.run(["nm", *map(str, core)], capture_output=True, text=True, check=True)
    symbols = [line.split() for line in listing.stdout.splitlines() if line and line[-1] != ":"]
    defined = {s[-1] for s in symbols if s[-2] != "U"}
    assert {s[-1] for s in symbols if s[-2] == "U"} - defined <= ALLOWED


@pytest.mark.parametrize(("language", "standard"), [("c", "c99"), ("c++", "c++11")])
def test_header_compiles_alone(language: str, standard: str, tmp_path: Path) -> None:
    """By the machine's own compilers where it has them, else by zig's."""
    source = tmp_path / ("t.c" if language == "c" else "t.cc")
    body = "int main(void) { return es_status_text(ES_OK) == 0; }"
    source.write_text(f'#include "edgesynth.h"\n{body}\n')
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{INCLUDE}"]
    own = {"c": "gcc", "c++": "g++"}[language]
    zig = [sys.executable, "-m", "ziglang", {"c": "cc", "c++": "c++"}[language]]
    compiler = [own] if shutil.which(own) else zig
    subprocess.run([*compiler, *flags, "-c", str(source), "-o", str(tmp_path / "t.o")], check=True)
