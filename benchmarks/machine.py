"""What a result was measured on: processor, kernels, versions, and how busy the machine was."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "onnxruntime", "torch")


def facts() -> dict[str, Any]:
    """JSON-able facts; `load` is the 1-minute load average before the run, over the cores."""
    from firmware_bridge.library import available_kernels, version

    return {
        "processor": processor(), "cores": os.cpu_count(), "system": platform.platform(),
        "load": round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
        "kernels": list(available_kernels()), "runtime": version(),
        "python": platform.python_version(), **{p: _version(p) for p in PACKAGES},
    }


def processor() -> str:
    """The processor's name as the system states it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [v.strip() for k, _, v in (line.partition(":") for line in lines) if k.strip() == "model name"]
    return names[0] if names else platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
