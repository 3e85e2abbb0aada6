"""Training is a function of its arguments: repeated, interrupted or killed, the weights agree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgesynth import edit
from edgesynth.errors import InputError, TrainError
from edgesynth.graph import Graph, Node, Param, Port, Shape
from edgesynth.models.base import Model
from edgesynth.train import STATE, Schedule, train

torch = pytest.importorskip("torch")


@dataclass(frozen=True)
class Plane(Model):
    """y = W x + b fitted to a noisy plane; `broken_at` makes that batch NaN."""

    broken_at: int = -1
    noise: float = 0.1

    def build(self, seed=0):
        rng = np.random.default_rng(seed)
        params = {
            "w": Param(rng.standard_normal((1, 3))),
            "b": Param(np.zeros(1)),
            "still": Param(np.eye(3), trainable=False),
        }
        nodes = [
            Node("same", "linear", ("x",), ("z",), {"weight": "still"}),
            Node("fit", "linear", ("z",), ("y",), {"weight": "w", "bias": "b"}),
        ]
        ports = [Port("x", "in", "x"), Port("y", "out", "y")]
        return {"plane": edit.build("plane", nodes, params, ports, {"x": Shape((3,))})}

    def batches(self, data, split, seed=0, start=0):
        number = start
        while split == "train" or number < 2:
            rng = np.random.default_rng((seed, number))
            x = torch.from_numpy(rng.standard_normal((4, 5, 3)).astype(np.float32))
            yield x * float("nan") if number == self.broken_at else x
            number += 1

    def loss(self, modules, x):
        target = x.sum(-1, keepdim=True) + 2.0 + self.noise * torch.randn(4, 5, 1)
        return (modules["plane"](x) - target).square().mean()

    def evaluate(self, render, data, split="test"):
        return {}

    def data_rate(self):
        return 1.0, 1


PLAN = Schedule(steps=230, lr=3e-2)


def arrays(graphs: dict[str, Graph]) -> bytes:
    return b"".join(p.array.tobytes() for g in graphs.values() for p in g.params.values())


def fit(model=None, folder=None, seed=0, plan=PLAN, **more):
    model = model or Plane()
    return train(model, model.build(1), None, plan, seed, folder, **more)


def test_it_learns_and_says_so():
    done = fit()
    graph = done.graphs["plane"]
    assert np.abs(graph.params["w"].array - 1.0).max() < 0.05
    assert np.abs(graph.params["b"].array - 2.0).max() < 0.05
    assert np.array_equal(graph.params["still"].array, np.eye(3))
    assert [r["step"] for r in done.history] == [50, 100, 150, 200, 230]
    assert done.history[-1]["loss"] < 0.1 * done.history[0]["loss"]
    assert done.history[-1]["valid"] == pytest.approx(0.01, rel=0.9)


def test_the_same_seed_gives_the_same_weights_whatever_ran_before():
    first = fit()
    torch.randn(7)
    assert arrays(first.graphs) == arrays(fit().graphs)
    assert arrays(first.graphs) != arrays(fit(seed=1).graphs)


def test_the_generator_outside_is_left_alone():
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    fit(plan=Schedule(3))
    assert torch.equal(torch.randn(3), expected)


@pytest.mark.parametrize("stop", [1, 7, 50, 201, 229, 230])
def test_interrupted_and_resumed_is_the_same_bit_for_bit(tmp_path: Path, stop: int):
    def interrupt(what: str, done: int, total: int) -> None:
        if done == stop:
            os.kill(os.getpid(), signal.SIGINT)

    whole = fit(snapshots=(5, 230))
    with pytest.raises(KeyboardInterrupt):
        fit(folder=tmp_path, snapshots=(5, 230), progress=interrupt)
    rest: list[int] = []
    resumed = fit(
        folder=tmp_path, snapshots=(5, 230), progress=lambda what, done, total: rest.append(done)
    )
    assert rest == list(range(stop + 1, 231))
    assert arrays(resumed.graphs) == arrays(whole.graphs)
    assert arrays(resumed.snapshots[5]) == arrays(whole.snapshots[5])
    assert arrays(resumed.snapshots[230]) == arrays(whole.graphs)
    assert resumed.history == whole.history


def test_killed_without_warning_it_resumes_from_the_last_save(tmp_path: Path):
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "import test_train as t\n"
        "def die(what, done, total):\n"
        "    if done == 205: os._exit(9)\n"
        "t.fit(folder=Path(sys.argv[1]), progress=die)\n"
    )
    here = str(Path(__file__).parent)
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path), here], timeout=120)
    assert ended.returncode == 9
    rest: list[int] = []
    resumed = fit(folder=tmp_path, progress=lambda what, done, total: rest.append(done))
    assert rest[0] == 201
    assert arrays(resumed.graphs) == arrays(fit().graphs)


def test_start_runs_the_tail_of_the_same_schedule():
    whole = fit(snapshots=(100,))
    tail = Schedule(steps=230, lr=3e-2, start=100)
    rewound = train(Plane(), whole.snapshots[100], None, tail)
    assert [r["lr"] for r in rewound.history] == [r["lr"] for r in whole.history if r["step"] > 100]
    assert rewound.history[-1]["loss"] == pytest.approx(whole.history[-1]["loss"], rel=0.5)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_save(tmp_path: Path):
    with pytest.raises(TrainError, match="nan at step 210"):
        fit(Plane(broken_at=210), folder=tmp_path)
    with pytest.raises(TrainError, match="nan at step 210"):
        fit(Plane(broken_at=210), folder=tmp_path)
    assert (tmp_path / STATE).exists()


def test_another_training_s_folder_is_refused(tmp_path: Path):
    fit(folder=tmp_path, plan=Schedule(10))
    for other in ({"seed": 3}, {"plan": Schedule(11)}, {"model": Plane(noise=0.2)}):
        with pytest.raises(InputError, match="another training"):
            fit(folder=tmp_path, **({"plan": Schedule(10)} | other))


@pytest.mark.parametrize("damage", [b"", b"\x00" * 40, b"\xff" * 9000])
def test_a_damaged_state_is_refused_in_one_line(tmp_path: Path, damage: bytes):
    (tmp_path / STATE).write_bytes(damage)
    with pytest.raises(InputError, match="no training state") as caught:
        fit(folder=tmp_path, plan=Schedule(10))
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot save"):
        fit(folder=tmp_path / "file", plan=Schedule(10))


@pytest.mark.parametrize(
    "bad", [{"steps": -1}, {"start": 6}, {"lr": 0.0}, {"lr": float("nan")}, {"decay": "x"}]
)
def test_a_schedule_that_cannot_run_is_refused(bad: dict):
    with pytest.raises(InputError):
        Schedule(**({"steps": 5} | bad))


def test_a_snapshot_outside_the_run_is_refused():
    with pytest.raises(InputError, match="outside"):
        fit(snapshots=(231,))
