"""The arms of a comparison: one recipe and its controls, each retrained from one seed, resumable."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgesynth.flow.base import UI, Quiet
from edgesynth.recipe import Recipe

ARMS = ("ticket", "weight", "random", "reinit")


@dataclass(frozen=True)
class Arm:
    """One retraining. `kind`: ticket is the recipe as it is; weight puts the survivors back to their
    early weights; random draws the units by lot; reinit trains the ticket's shape from fresh
    weights, for as many steps as the whole chain."""

    kind: str
    seed: int
    recipe: str
    model: str
    data: str
    root: Path

    @property
    def name(self) -> str:
        return f"{self.kind}, seed {self.seed}"


def recipe_of(arm: Arm) -> Recipe:
    """The arm's recipe."""
    from compress import recipe
    from compress.ticket import Ticket

    base = recipe(arm.recipe)
    changes: dict[str, dict[str, Any]] = {
        "ticket": {},
        "weight": {"rewind": "weight"},
        "random": {"criterion": "random"},
        "reinit": {"rewind": "reinit"},
    }
    steps = tuple(
        (name, replace(stage, **changes[arm.kind]) if isinstance(stage, Ticket) else stage)
        for name, stage in base.steps
    )
    return Recipe(steps, base.about)


def run_arm(arm: Arm, ui: UI | None = None) -> list[tuple[str, str]]:
    """Do one arm, or find it done: (stage, saved Graph's path) after each stage."""
    from edgesynth import runs
    from edgesynth.flow._open import open_graph
    from edgesynth.flow.base import one_thread
    from edgesynth.flow.compress import Compress, context_for

    told = _Told(arm, ui or Quiet())
    graph = open_graph(arm.model)
    command = Compress(
        model=arm.model, recipe=arm.recipe, out=arm.root, data=arm.data, seed=arm.seed
    )
    with one_thread():
        context = replace(context_for(command, graph, told), seed=arm.seed)
        steps = runs.run(recipe_of(arm), graph, context, root=arm.root / "runs")
    return [(s.name, str(s.folder / "graph")) for s in steps if s.folder is not None]


class _Told(Quiet):
    """Hands progress on, and leaves it in a file for a parent process to read."""

    def __init__(self, arm: Arm, ui: UI) -> None:
        self.path = progress_file(arm)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.ui, self.arm, self.last = ui, arm, 0.0

    def progress(self, what: str, done: int, total: int) -> None:
        self.ui.progress(f"{self.arm.name}: {what}", done, total)
        now = time.monotonic()
        if now - self.last > 0.5 or done == total:
            self.last = now
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps([what, done, total]))
            part.replace(self.path)


def progress_file(arm: Arm) -> Path:
    return arm.root / "progress" / f"{arm.kind}-{arm.seed}.json"


def run_arms(arms: Sequence[Arm], ui: UI, workers: int) -> dict[Arm, list[tuple[str, str]]]:
    """All arms, `workers` at a time in processes of their own (in this one for a single arm)."""
    if len(arms) == 1 or workers == 1:
        return {arm: run_arm(arm, ui) for arm in arms}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = {pool.submit(run_arm, arm): arm for arm in arms}
        done: dict[Arm, list[tuple[str, str]]] = {}
        pending = set(waiting)
        while pending:
            finished, pending = wait(pending, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in finished:
                done[waiting[future]] = future.result()
                ui.progress("retrained nets", len(done), len(arms))
            for future in pending:
                _show(waiting[future], ui)
    return {arm: done[arm] for arm in arms}


def _show(arm: Arm, ui: UI) -> None:
    try:
        what, count, total = json.loads(progress_file(arm).read_text())
    except (OSError, ValueError):
        return
    ui.progress(f"{arm.name}: {what}", int(count), int(total))
