"""Training state on disk: one safetensors file with its notes inside, written whole or not at all.

The file holds every trainable parameter, its Adam moments and the snapshots taken so far; its
header's metadata holds, as JSON, the steps done, the history and the key of the run. No generator
state is needed: data order and random draws are functions of (seed, step).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgesynth.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class Place:
    """Where a training stands: steps done, records, losses since the last record, and parameter
    values at snapshot steps."""

    step: int
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    snapshots: dict[int, dict[str, Tensor]] = field(default_factory=dict)


def parameters(modules: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    """Trainable parameters of all modules as {"artifact:name": parameter}."""
    return {
        f"{artifact}:{name}": parameter
        for artifact, module in modules.items()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


def store(
    file: Path, key: str, place: Place, modules: Mapping[str, nn.Module], adam: optim.Optimizer
) -> None:
    """Write the state; the former file stays until the new one is complete. InputError where the
    disk refuses."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters(modules).items():
        tensors[f"now|{name}"] = parameter.detach().contiguous()
        for moment, value in adam.state.get(parameter, {}).items():
            tensors[f"{moment}|{name}"] = value
    for step, values in place.snapshots.items():
        tensors |= {f"{step}|{name}": value for name, value in values.items()}
    told = {"step": place.step, "history": place.history, "losses": place.losses}
    notes = json.dumps({"key": key, **told})
    part = file.with_suffix(".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out:
            out.write(save(tensors, {"training": notes}))
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise InputError(f"cannot save the training state to {file}: {error.strerror}") from error


def recall(
    file: Path, key: str, modules: Mapping[str, nn.Module], adam: optim.Optimizer
) -> Place | None:
    """Load the state into `modules` and `adam`; None, with nothing touched, where there is no file.

    InputError where the file is damaged or belongs to another training (`key` differs).
    """
    from safetensors import SafetensorError, safe_open

    if not file.exists():
        return None
    kinds: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(file, "pt") as content:
            notes = json.loads(content.metadata()["training"])
            for label in content.keys():  # noqa: SIM118
                kind, name = label.split("|", 1)
                kinds.setdefault(kind, {})[name] = content.get_tensor(label)
        found = notes["key"]
        place = Place(int(notes["step"]), list(notes["history"]), list(notes["losses"]))
        place.snapshots = {int(kind): kinds[kind] for kind in kinds if kind.isdecimal()}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        why = f"{file} is no training state ({error}); delete it to start anew"
        raise InputError(why) from error
    if found != key:
        raise InputError(f"{file} belongs to another training; choose another folder or delete it")
    own = parameters(modules)
    for kind in ("now", *MOMENTS):
        shapes = {n: t.shape for n, t in kinds.get(kind, {}).items()}
        wanted = {n: () if kind == "step" else p.shape for n, p in own.items()}
        if shapes != wanted and (kind == "now" or shapes):
            raise InputError(f"{file} does not fit this model; delete it to start anew")
    for name, parameter in own.items():
        parameter.data.copy_(kinds["now"][name])
        if "step" in kinds:
            adam.state[parameter] = {moment: kinds[moment][name] for moment in MOMENTS}
    return place
