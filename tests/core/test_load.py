"""What a user may write where a model is asked for."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest

import edgesynth
from edgesynth import edit, save
from edgesynth.errors import CaptureError, EdgesynthError, InputError
from edgesynth.graph import Graph, Node, Param, Port, Shape

USER = """
    import torch
    from torch import nn
    import edgesynth

    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh()), torch.randn(1, 20, 3)

    def told():
        module, x = net()
        return {"module": module, "example_inputs": x, "rate": 100.0, "name": "mine"}

    def graph():
        return edgesynth.capture(*net())

    def wrong():
        return 3

    def odd():
        return {"module": nn.Tanh(), "exampel": 1}

    def broken():
        raise RuntimeError("no luck")

    def refused():
        return nn.Bilinear(1, 1, 1), torch.randn(1, 20, 1)
"""


@pytest.fixture
def user(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(textwrap.dedent(USER))
    return path


@pytest.mark.parametrize("function", ["net", "told", "graph"])
def test_user_functions_give_a_graph(user: Path, function: str) -> None:
    graph = edgesynth.load(f"{user}:{function}")
    assert isinstance(graph, Graph) and [n.op for n in graph.nodes] == ["linear", "activation"]
    assert graph.rate == (100.0 if function == "told" else None)


@pytest.mark.parametrize(
    ("function", "match"),
    [
        ("wrong", "returns a int; return a Graph"),
        ("odd", "exampel"),
        ("broken", "RuntimeError: no luck"),
        ("nothing", "no function 'nothing'; it has .*net"),
    ],
)
def test_user_functions_that_fail_are_named(user: Path, function: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        edgesynth.load(f"{user}:{function}")


def test_capture_errors_come_through(user: Path) -> None:
    with pytest.raises(CaptureError):
        edgesynth.load(f"{user}:refused")


def test_missing_things_are_named(tmp_path: Path) -> None:
    for text in ("no-such-model", str(tmp_path / "gone"), str(tmp_path / "gone.json"), "gone.py:f"):
        with pytest.raises(InputError, match="no"):
            edgesynth.load(text)


def test_names_of_bundled_checkpoints_load() -> None:
    for name in edgesynth.checkpoints():
        assert edgesynth.load(name).nodes


def test_near_names_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node("a", "linear", ("x",), ("y",), {"weight": "w"})
    ports = [Port("x", "in", "x"), Port("out", "out", "y")]
    graph = edit.build("g", [node], {"w": Param(np.eye(2))}, ports, {"x": Shape((2,))})
    save.save(graph, tmp_path / "bowed-edge")
    monkeypatch.setattr(edgesynth, "_BUNDLED", tmp_path)
    assert edgesynth.load("bowed-edge").fingerprint() == graph.fingerprint()
    with pytest.raises(EdgesynthError, match="did you mean 'bowed-edge'"):
        edgesynth.load("bowed-egde")
