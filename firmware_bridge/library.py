"""Finds the C library and gives it Python signatures."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, c_char_p, c_float, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from importlib.resources import files
from pathlib import Path

from edgesynth.errors import EdgesynthError

ALIGN = 64
KERNELS = ("scalar", "avx2", "avx512", "neon")
_FILES = ("libedgesynth.so", "libedgesynth.dylib", "edgesynth.dll", "libedgesynth.dll")


class ModelInfo(ctypes.Structure):
    """es_model_info."""

    _fields_ = [
        ("rate", c_float), ("latency", c_uint32), ("inputs", c_uint32), ("outputs", c_uint32),
        ("nodes", c_uint32), ("chunk", c_uint32), ("voice_bytes", c_size_t),
        ("arena_bytes", c_size_t), ("state_bytes", c_size_t), ("hash", ctypes.c_uint8 * 32),
        ("manifest", c_void_p), ("manifest_bytes", c_size_t),
    ]


class PortInfo(ctypes.Structure):
    """es_port."""

    _fields_ = [
        ("name", c_char_p), ("unit", c_char_p), ("direction", c_int), ("kind", c_int),
        ("channels", c_uint32), ("period", c_uint32), ("delay", c_uint32),
        ("low", c_float), ("high", c_float), ("initial", c_float), ("ramp", c_uint32),
    ]


class EventRow(ctypes.Structure):
    """es_event."""

    _fields_ = [
        ("offset", c_uint32), ("type", c_uint32), ("index", c_uint32),
        ("value", c_float), ("ramp", c_float),
    ]


_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "es_status_text": (c_char_p, [c_int]),
    "es_version": (c_char_p, []),
    "es_kernels_best": (c_void_p, []),
    "es_kernels_named": (c_void_p, [c_char_p]),
    "es_kernels_name": (c_char_p, [c_void_p]),
    "es_model_open": (
        c_int, [c_void_p, c_size_t, c_void_p, c_void_p, POINTER(c_size_t), POINTER(c_void_p)],
    ),
    "es_model_describe": (c_int, [c_void_p, POINTER(ModelInfo)]),
    "es_model_port": (c_int, [c_void_p, c_int, c_uint32, POINTER(PortInfo)]),
    "es_voice_open": (c_int, [c_void_p, c_void_p, POINTER(c_size_t), POINTER(c_void_p)]),
    "es_voice_due": (c_uint32, [c_void_p, c_uint32, c_uint32]),
    "es_voice_process": (
        c_int,
        [c_void_p, c_uint32, POINTER(c_void_p), POINTER(c_void_p), POINTER(EventRow), c_uint32],
    ),
    "es_voice_reset": (c_int, [c_void_p]),
    "es_voice_clock": (c_uint64, [c_void_p]),
    "es_voice_save": (c_int, [c_void_p, c_void_p, c_size_t]),
    "es_voice_load": (c_int, [c_void_p, c_void_p, c_size_t]),
    "es_voice_self_test": (c_int, [c_void_p, POINTER(c_float)]),
}


def library_path() -> Path:
    """$EDGESYNTH_LIBRARY, else the library installed with the package, else, in a checkout, one
    built from its sources into build/native. EdgesynthError where there is none."""
    named = os.environ.get("EDGESYNTH_LIBRARY")
    if named:
        if not Path(named).is_file():
            raise EdgesynthError(f"EDGESYNTH_LIBRARY names {named}, and there is no such file")
        return Path(named)
    installed = _installed(_FILES)
    if installed is not None:
        return installed
    from firmware_bridge.build import CHECKOUT, SOURCES, compile_native

    if not SOURCES.is_dir():
        raise EdgesynthError(
            "the C library is not installed with edgesynth: install the package again with "
            "`pip install edgesynth`, or name a library in EDGESYNTH_LIBRARY"
        )
    return compile_native(CHECKOUT / "build" / "native")


def hooks_path() -> Path | None:
    """The library that counts allocations where it is preloaded; None on systems without it."""
    if sys.platform != "linux":
        return None
    installed = _installed(("libedgesynth_hooks.so",))
    if installed is not None:
        return installed
    from firmware_bridge.build import CHECKOUT, MEASURE, compile_hooks

    return compile_hooks(CHECKOUT / "build" / "native") if (MEASURE / "hooks.c").exists() else None


def _installed(names: tuple[str, ...]) -> Path | None:
    for name in names:
        found = files("firmware_bridge").joinpath(name)
        if found.is_file():
            return Path(str(found))
    return None


@cache
def library() -> ctypes.CDLL:
    """The loaded library. EdgesynthError where it is missing or not ours."""
    path = library_path()
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise EdgesynthError(f"the C library {path} cannot be used: {error}") from None
    return loaded


def version() -> str:
    """The library's version, "MAJOR.MINOR.PATCH"."""
    return str(library().es_version().decode())


def available_kernels() -> tuple[str, ...]:
    """Kernel tables of this build that this processor runs, slowest first."""
    return tuple(name for name in KERNELS if library().es_kernels_named(name.encode()))


def status_text(status: int) -> str:
    """The library's text for a status."""
    return str(library().es_status_text(status).decode())
