"""The training loop, one for every model: `train` and its `Schedule`.

A run is a function of (model, graphs, data, schedule, seed): batch n and the random draws of step
n come from (seed, n), so a run that was killed goes on to the same weights, bit for bit.
Weight rewinding is a call with early graphs and `start` at their step; learning-rate rewinding is
a call with final graphs and that same schedule.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from edgesynth.errors import InputError, TrainError
from edgesynth.graph import Graph
from edgesynth.models.base import Model
from edgesynth.progress import Progress, quiet

if TYPE_CHECKING:
    from torch import Tensor, nn

STATE = "training.safetensors"
RECORD_EVERY = 50
SAVE_EVERY = 200
CHECKS = 12

History = tuple[Mapping[str, float], ...]
Observer = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Schedule:
    """Steps start … steps − 1 of a run, with the learning rate as a function of the step."""

    steps: Annotated[int, "step at which the run ends"]
    lr: Annotated[float, "highest learning rate"] = 1e-3
    decay: Annotated[str, "cosine (to zero at the last step) or constant"] = "cosine"
    clip: Annotated[float, "largest gradient norm"] = 1.0
    start: Annotated[int, "step to start from"] = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.steps:
            raise InputError(f"training cannot run from step {self.start} to step {self.steps}")
        if not (0.0 < self.lr < math.inf and self.clip > 0.0):
            raise InputError(f"learning rate {self.lr} and clip {self.clip} must be above 0")
        if self.decay not in ("cosine", "constant"):
            raise InputError(f"unknown decay {self.decay!r}; there are cosine and constant")

    def rate(self, step: int) -> float:
        """Learning rate of `step`."""
        if self.decay == "constant":
            return self.lr
        return self.lr * 0.5 * (1.0 + math.cos(math.pi * step / self.steps))


@dataclass(frozen=True, eq=False)
class Trained:
    """`graphs` after the last step; `snapshots` by step (before that step's update); `history`:
    every 50 steps {"step", "loss" (mean since), "lr"}, with "valid" where it was measured."""

    graphs: Mapping[str, Graph]
    snapshots: Mapping[int, Mapping[str, Graph]]
    history: History


def train(
    model: Model,
    graphs: Mapping[str, Graph],
    data: Any,
    schedule: Schedule,
    seed: int = 0,
    folder: Path | None = None,
    snapshots: Collection[int] = (),
    progress: Progress = quiet,
    observe: Observer | None = None,
) -> Trained:
    """Train `graphs` by Adam on `model.loss`.

    folder: where the state is saved every 200 steps and on Ctrl-C, and read again by the same
    call; None keeps nothing. snapshots: steps whose graphs are kept. observe: called with (step,
    record) for every record of the history. Determinism holds on one machine and thread count.
    Raises TrainError where loss or gradient is not finite, InputError where `folder` holds another
    training, KeyboardInterrupt once the state is saved.
    """
    import torch

    from edgesynth.training.interrupt import deferred
    from edgesynth.training.resume import Place, parameters, recall, store

    late = sorted(s for s in snapshots if not schedule.start <= s <= schedule.steps)
    if late:
        raise InputError(f"snapshot at step {late[0]} lies outside the run")
    modules = {name: graph.module() for name, graph in graphs.items()}
    weights = parameters(modules)
    if not weights:
        raise TrainError("nothing to train: every parameter is fixed")
    adam = torch.optim.Adam(list(weights.values()), lr=schedule.lr, fused=True)
    key = _key(model, graphs, schedule, seed, snapshots, data)
    file = None if folder is None else Path(folder) / STATE
    place = (file and recall(file, key, modules, adam)) or Place(schedule.start)
    checks = _checks(schedule)

    def keep() -> None:
        if file is not None:
            store(file, key, place, modules, adam)

    def snap() -> None:
        if place.step in snapshots:
            place.snapshots[place.step] = {n: w.detach().clone() for n, w in weights.items()}

    def record() -> None:
        entry = {"step": float(place.step), "loss": math.fsum(place.losses) / len(place.losses)}
        entry["lr"] = adam.param_groups[0]["lr"]
        if place.step in checks:
            entry["valid"] = validate(model, modules, data)
        place.history.append(entry)
        place.losses.clear()
        if observe is not None:
            observe(place.step, entry)

    with torch.random.fork_rng(devices=[]), deferred() as interrupt:
        batches = model.batches(data, "train", seed, place.step)
        snap()
        try:
            while place.step < schedule.steps:
                interrupt.check()
                loss = _update(model, modules, next(batches), adam, schedule, place.step, seed)
                place.losses.append(loss)
                place.step += 1
                snap()
                if place.step % RECORD_EVERY == 0 or place.step == schedule.steps:
                    record()
                    if place.step % SAVE_EVERY == 0 or place.step == schedule.steps:
                        keep()
                progress("training", place.step - schedule.start, schedule.steps - schedule.start)
            interrupt.check()
        except KeyboardInterrupt:
            keep()
            raise
    return Trained(
        graphs=_graphs(graphs, weights),
        snapshots={step: _graphs(graphs, values) for step, values in place.snapshots.items()},
        history=tuple(place.history),
    )


def validate(
    model: Model, modules: Mapping[str, nn.Module], data: Any, split: str = "valid"
) -> float:
    """Mean loss over the split's batches, the same random draws every time; NaN if it is empty."""
    import torch

    total, count = 0.0, 0
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for batch in model.batches(data, split):
            total, count = total + float(model.loss(modules, batch)), count + 1
    return total / count if count else math.nan


def _update(
    model: Model,
    modules: Mapping[str, nn.Module],
    batch: Any,
    adam: Any,
    schedule: Schedule,
    step: int,
    seed: int,
) -> float:
    """One optimizer step; the loss before it."""
    import torch

    digest = hashlib.sha256(f"{seed}:{step}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:7], "little"))
    loss = model.loss(modules, batch)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainError(f"the loss became {value} at step {step}; lower the learning rate")
    group = adam.param_groups[0]
    adam.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = float(torch.nn.utils.clip_grad_norm_(group["params"], schedule.clip))
    if not math.isfinite(norm):
        raise TrainError(f"the gradient became {norm} at step {step}; lower the learning rate")
    group["lr"] = schedule.rate(step)
    adam.step()
    return value


def _graphs(graphs: Mapping[str, Graph], values: Mapping[str, Tensor]) -> dict[str, Graph]:
    """`graphs` with the trained values put in; the rest stays as it is."""
    filled: dict[str, Graph] = {}
    for artifact, graph in graphs.items():
        arrays = {name: param.values() for name, param in graph.params.items()}
        for label, value in values.items():
            owner, name = label.split(":", 1)
            if owner == artifact:
                arrays[name.replace("/", ".")] = value.detach().numpy()
        filled[artifact] = graph.with_params(arrays)
    return filled


def _checks(schedule: Schedule) -> set[int]:
    """Steps at which the validation loss is measured: about twelve, the last among them."""
    gap = max(RECORD_EVERY, (schedule.steps // CHECKS) // RECORD_EVERY * RECORD_EVERY)
    return set(range(gap, schedule.steps, gap)) | {schedule.steps}


def _key(
    model: Model,
    graphs: Mapping[str, Graph],
    schedule: Schedule,
    seed: int,
    snapshots: Collection[int],
    data: Any,
) -> str:
    """What makes two runs the same, as 64 hex digits."""
    parts = {
        "model": [type(model).__name__, asdict(model)],
        "graphs": {name: graph.fingerprint() for name, graph in graphs.items()},
        "schedule": asdict(schedule),
        "seed": seed,
        "snapshots": sorted(snapshots),
        "data": str(getattr(data, "fingerprint", "")),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
