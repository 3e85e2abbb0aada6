"""Ticket: trim and retrain in rounds, survivors rewound to an early state."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, Literal

from compress.groups import groups
from compress.rewind import Round
from compress.trim import Trim, alike
from edgesynth.errors import InputError, StageError
from edgesynth.graph import Graph
from edgesynth.progress import Progress
from edgesynth.runs import Step, once
from edgesynth.stage import Context, Outcome, Stage
from edgesynth.train import Schedule

MOST_ROUNDS = 100


@dataclass(frozen=True)
class Ticket(Stage):
    """Find a small net inside a trained one: rounds of train, score, trim, rewind and retrain.
    Units are judged on training and validation data only. Sources: Frankle et al., "Linear Mode
    Connectivity and the Lottery Ticket Hypothesis", ICML 2020 (weight rewinding); Renda et al.,
    "Comparing Rewinding and Fine-tuning", ICLR 2020 (learning-rate rewinding); Esling et al.,
    DAFx 2020 (whole units)."""

    keep: Annotated[
        tuple[float, ...], "share of the units left after each round, of those at the start"
    ] = (0.625, 0.375)
    rounds: Annotated[
        int, "so many rounds that each keep keep[0] of what is there (0: one round per entry)"
    ] = 0
    steps: Annotated[
        tuple[int, ...], "training steps of each round; the last entry counts for all after it"
    ] = (500, 2000)
    rewind: Annotated[
        Literal["weight", "lr", "none", "reinit"],
        "survivors start from their early weights (weight), or keep theirs and replay the learning "
        "rate (lr), or keep theirs at a constant rate (none); reinit is the control: a fresh net "
        "of the final size, with as many steps as all rounds together",
    ] = "weight"
    criterion: Annotated[
        Literal["magnitude", "activation", "random"], "what makes a unit important"
    ] = "magnitude"
    scale: Annotated[
        Literal["max", "dimension", "none"], "how scores of different layers compare"
    ] = "max"
    scope: Annotated[
        Literal["local", "global"], "rank units inside each layer, or over all layers"
    ] = "local"
    floor: Annotated[int, "fewest units that a layer keeps"] = 1
    multiple: Annotated[int, "round units of a layer to a multiple of this, for vector lanes"] = 1
    allow_moved: Annotated[bool, "accept shares moved by floor or multiple"] = False
    start: Annotated[
        int, "step at which the early state was taken; data and learning rate go on from there"
    ] = 0
    lr: Annotated[float, "highest learning rate"] = 1e-3
    clip: Annotated[float, "largest gradient norm"] = 1.0
    seed: Annotated[int, "seed of the random criterion"] = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rounds <= MOST_ROUNDS or (self.rounds and len(self.keep) != 1):
            raise InputError(f"rounds is {self.rounds} with {len(self.keep)} entries in keep; give "
                             f"one entry and 1 to {MOST_ROUNDS} rounds, or rounds = 0")
        shares = (1.0, *self.shares())
        if len(shares) < 2 or any(not 0 < b <= a for a, b in pairwise(shares)):
            raise InputError(f"keep is {list(self.keep)}; shares must fall from 1 towards 0")
        if not self.steps or any(n < 1 for n in self.steps):
            raise InputError(f"steps is {list(self.steps)}; give at least one, each at least 1")
        self._round(0, 0.5)

    def shares(self) -> tuple[float, ...]:
        """Share of the first units that is left after each round."""
        if self.rounds:
            return tuple(self.keep[0] ** k for k in range(1, self.rounds + 1))
        return self.keep

    def plan(self) -> tuple[tuple[float, int], ...]:
        """(share left, training steps) of each round that is run."""
        shares = self.shares()
        steps = [self.steps[min(i, len(self.steps) - 1)] for i in range(len(shares))]
        if self.rewind == "reinit":
            return ((shares[-1], sum(steps)),)
        return tuple(zip(shares, steps, strict=True))

    def requires(self, graph: Graph, context: Context) -> None:
        self._round(0, 0.5).requires(graph, context)

    def run(self, graph: Graph, context: Context) -> Outcome:
        now, early = graph, context.early
        rows: list[dict[str, Any]] = []
        for number, (share, _) in enumerate(self.plan(), 1):
            step = self._one(number, share, sizes(graph, now), now, replace(context, early=early))
            now, early = step.graph, step.early
            rows.append({"round": number, "asked": share, "seconds": step.seconds, **step.report})
        report = {
            "rounds": rows,
            **{
                key: {"before": rows[0][key]["before"], "after": rows[-1][key]["after"]}
                for key in ("units", "parameters", "macs_per_second")
            },
        }
        return Outcome(now, report, early)

    def ensures(self, before: Graph, after: Outcome, context: Context) -> None:
        found = [g for g in groups(before) if not g.fixed]
        left, asked = units(after.graph), self.shares()[-1] * sum(g.size for g in found)
        moved = any(row["moved"] for row in after.report["rounds"])
        if abs(left - asked) > len(found) and not moved:
            raise StageError(f"{left} units are left, {asked:.1f} were asked")
        if after.early is not None and not alike(after.graph, after.early):
            raise StageError("the early graph was not cut like the trained one")

    def _one(
        self, number: int, keep: float, first: tuple[int, ...], graph: Graph, context: Context
    ) -> Step:
        """Round `number`, done or found in the run's folder."""
        count = len(self.plan())
        folder = None if context.folder is None else context.folder / f"round-{number}"
        where = replace(
            context, folder=folder, progress=told(context.progress, f"round {number}/{count}")
        )
        step = once("round", self._round(number - 1, keep, first), graph, where)
        if folder is not None:
            shutil.rmtree(folder / "training", ignore_errors=True)
        return step

    def _round(self, index: int, keep: float, first: tuple[int, ...] = ()) -> Round:
        trim = Trim(
            keep=keep, sizes=first, criterion=self.criterion, scale=self.scale, scope=self.scope,
            floor=self.floor, multiple=self.multiple, allow_moved=self.allow_moved,
            seed=self.seed + index,
        )
        schedule = Schedule(
            steps=self.start + self.plan()[index][1], lr=self.lr, clip=self.clip, start=self.start,
            decay="constant" if self.rewind == "none" else "cosine",
        )
        return Round(trim, schedule, self.rewind)


def sizes(first: Graph, now: Graph) -> tuple[int, ...]:
    """Units that each group of `now` that may be cut had in the Graph it was cut from."""
    before = {g.signature: g.size for g in groups(first) if not g.fixed}
    try:
        return tuple(before[g.signature] for g in groups(now) if not g.fixed)
    except KeyError:
        raise StageError(
            f"graph {now.name!r} has layers cut to one channel that now stand apart; keep more, or "
            "set floor = 2"
        ) from None


def units(graph: Graph) -> int:
    """Units that may be cut, over all groups."""
    return sum(g.size for g in groups(graph) if not g.fixed)


def told(progress: Progress, prefix: str) -> Progress:
    """A Progress that puts `prefix` before what it says."""

    def tell(what: str, done: int, total: int) -> None:
        progress(f"{prefix}: {what}", done, total)

    return tell
