"""Base installs import and use everything but training without torch, ONNX, SciPy or librosa."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import edgesynth

ROOT = Path(edgesynth.__file__).parent.parent
BLOCKED = ("torch", "onnx", "onnxruntime", "scipy", "librosa", "soxr", "matplotlib", "jinja2")
FREE = (
    "edgesynth", "edgesynth.save", "edgesynth.edit", "edgesynth.verify", "edgesynth.ops",
    "edgesynth.user_model", "edgesynth.stage", "edgesynth.stream", "edgesynth.recipe",
    "edgesynth.capture", "edgesynth.flow.api",
)  # fmt: skip


def alone(code: str) -> str:
    """Run code in a fresh interpreter in which the blocked packages cannot be imported."""
    start = f"import sys\nfor name in {BLOCKED!r}: sys.modules[name] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules(package: str) -> list[str]:
    paths = sorted((ROOT / package).rglob("*.py"))
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in paths]
    return [n.removesuffix(".__init__") for n in names]


@pytest.mark.parametrize("package", ["targets", "firmware_bridge", "compress"])
def test_rooms_import_without_the_training_packages(package: str) -> None:
    names = [n for n in modules(package) if "onnx" not in n]
    assert len(names) > 3
    alone(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")


def test_core_imports_without_the_training_packages() -> None:
    alone(f"import importlib\nfor name in {FREE!r}: importlib.import_module(name)")


def test_a_saved_graph_loads_without_torch(tmp_path: Path) -> None:
    out = alone(
        f"""
import numpy as np, edgesynth
from edgesynth import edit, save
from edgesynth.graph import Node, Param, Port, Shape
node = Node("a", "linear", ("x",), ("y",), {{"weight": "w"}})
ports = [Port("x", "in", "x"), Port("out", "out", "y")]
graph = edit.build("g", [node], {{"w": Param(np.eye(3))}}, ports, {{"x": Shape((3,))}})
save.save(graph, r"{tmp_path / "net"}")
print(edgesynth.load(r"{tmp_path / "net"}").fingerprint() == graph.fingerprint())
print([m for m in {BLOCKED!r} if sys.modules.get(m)])
"""
    )
    assert out.split("\n")[:2] == ["True", "[]"]


def test_one_version_everywhere() -> None:
    header = (ROOT / "firmware_bridge/runtime/include/edgesynth.h").read_text()
    parts = [re.search(rf"ES_VERSION_{p} (\d+)", header) for p in ("MAJOR", "MINOR", "PATCH")]
    assert ".".join(m[1] for m in parts if m) == edgesynth.__version__
    project = ROOT / "pyproject.toml"
    if project.exists():  # not in an installed wheel
        assert f'\nversion = "{edgesynth.__version__}"\n' in project.read_text()
