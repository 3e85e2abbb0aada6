"""edgesynth doctor."""

from __future__ import annotations

import importlib.metadata as metadata
import platform
import shutil
import sys
from dataclasses import dataclass
from typing import ClassVar

from edgesynth.flow.base import UI, Command, Table

OPTIONAL = {
    "torch": "training, capture, verify",
    "onnx": "ONNX export",
    "onnxruntime": "bench --against onnxruntime",
    "librosa": "analysis of your own recordings",
    "scipy": "the built-in instruments",
    "matplotlib": "reports",
    "ziglang": "cross builds for boards",
}
PROGRAMS = {
    "qemu-aarch64": "pi4, pi5, bela-gem in an emulator",
    "qemu-arm": "bela in an emulator",
    "fluidsynth": "data from render:<program>",
}


@dataclass(frozen=True)
class Doctor(Command):
    """Say what is installed, what is missing, and what each missing piece would bring."""

    table: ClassVar[bool] = True

    def run(self, ui: UI) -> Table:
        rows = [
            row("python", True, sys.version.split()[0], f"{platform.machine()} {platform.system()}")
        ]
        rows.append(_library())
        for name, use in OPTIONAL.items():
            try:
                rows.append(row(name, True, metadata.version(name), use))
            except metadata.PackageNotFoundError:
                rows.append(row(name, False, "", f"{use}: pip install {name}"))
        for name, use in PROGRAMS.items():
            found = shutil.which(name)
            rows.append(
                row(name, found is not None, found or "", use if found else f"{use}: not installed")
            )
        broken = [r["what"] for r in rows[:2] if not r["ok"]]
        return Table(
            ("what", "ok", "version", "for"), rows, facts={"failed": broken} if broken else {}
        )


def row(what: str, ok: bool, version: str, use: str) -> dict[str, object]:
    return {"what": what, "ok": ok, "version": version, "for": use}


def _library() -> dict[str, object]:
    """The C library: version and the kernel tables that this processor runs."""
    from edgesynth.errors import EdgesynthError

    try:
        from firmware_bridge.library import available_kernels, version

        return row("C runtime", True, version(), "kernels: " + ", ".join(available_kernels()))
    except (EdgesynthError, OSError) as error:
        return row("C runtime", False, "", str(error))
