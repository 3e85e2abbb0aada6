"""Trim: remove whole units, so that bytes, MACs and time fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from compress.choose import Rule, asked, kept, within
from compress.criteria import CRITERIA, scaled
from compress.cut import cut
from compress.groups import Group, groups
from edgesynth.errors import InputError, StageError
from edgesynth.graph import Graph
from edgesynth.stage import Context, Outcome, Stage


@dataclass(frozen=True)
class Trim(Stage):
    """Remove the least important units: whole channels, neurons and recurrent units, with every
    weight that makes or reads them. Source: Esling et al., "Diet deep generative audio models with
    structured lottery", DAFx 2020, section 3."""

    keep: Annotated[float, "share to keep, above 0, at most 1"] = 0.5
    of: Annotated[
        Literal["units", "parameters", "macs"], "what `keep` and `budget` count"
    ] = "units"
    budget: Annotated[
        int, "most parameters, or MACs per second, in absolute numbers; replaces keep (0: none)"
    ] = 0
    criterion: Annotated[
        Literal["magnitude", "activation", "random"], "what makes a unit important"
    ] = "magnitude"
    scale: Annotated[
        Literal["max", "dimension", "none"],
        "how scores of different layers compare: by the layer's largest, by fan-in, or as they are",
    ] = "max"
    scope: Annotated[
        Literal["local", "global"], "rank units inside each layer, or over all layers"
    ] = "local"
    floor: Annotated[int, "fewest units that a layer keeps"] = 1
    multiple: Annotated[int, "round units of a layer to a multiple of this, for vector lanes"] = 1
    allow_moved: Annotated[
        bool, "accept layers whose share was moved by floor or multiple by more than one unit"
    ] = False
    sizes: Annotated[
        tuple[int, ...], "units of each layer that keep is a share of (none: those it has now)"
    ] = ()
    seed: Annotated[int, "seed of the random criterion"] = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.keep <= 1.0:
            raise InputError(f"keep is {self.keep}; it must lie above 0 and be at most 1")
        for name, least in (("budget", 0), ("floor", 1), ("multiple", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if self.sizes and self.of != "units":
            raise InputError("sizes go with units; leave them out where of is parameters or macs")
        if self.budget and self.of == "units":
            raise InputError("budget counts parameters or macs; set of to one of them")

    def requires(self, graph: Graph, context: Context) -> None:
        if graph.streaming:
            raise StageError(f"graph {graph.name!r} is streaming; trim it before it is streamed")
        if graph.masks:
            raise StageError(f"graph {graph.name!r} has masks; trim needs an unmasked graph")
        if context.early is not None and not alike(graph, context.early):
            raise StageError("the early graph has another structure than the graph to be trimmed")

    def run(self, graph: Graph, context: Context) -> Outcome:
        found = groups(graph)
        scores = CRITERIA[self.criterion](graph, found, context, self.seed)
        if not scores:
            raise StageError(f"graph {graph.name!r} has no unit that may be cut")
        for name, values in scores.items():
            if not np.isfinite(values).all():
                raise StageError(f"{self.criterion} gives group {name!r} a score that is no number")
        scores = scaled(scores, self.scale, graph, found)
        rule = Rule(self.scope, self.floor, self.multiple)
        shares = self._shares(found)
        total = self._total(graph, found, scores, rule)
        counts = asked(scores, total, rule, shares)
        stay = kept(scores, total, rule, shares)
        after = cut(graph, found, stay)
        early = None if context.early is None else cut(context.early, found, stay)
        rows: list[dict[str, Any]] = [
            {"group": g.name, "before": g.size, "after": len(stay[g.name]), "asked": counts[g.name]}
            for g in found
            if not g.fixed
        ]
        moved = [row["group"] for row in rows if abs(row["after"] - row["asked"]) > 1]
        if moved and not self.allow_moved and not self._by_cost:
            raise StageError(
                f"floor or multiple moves the share of {', '.join(map(str, moved))} by more than "
                "one unit; change keep, or set allow_moved = true"
            )
        report = {
            "asked": {"keep": self.keep, "of": self.of, "budget": self.budget, "units": total},
            "units": {when: sum(r[when] for r in rows) for when in ("before", "after")},
            "parameters": _pair("parameters", graph, after),
            "macs_per_second": _pair("macs", graph, after),
            "groups": rows,
            "moved": moved,
            "fixed": [{"group": g.name, "units": g.size, "by": g.fixed} for g in found if g.fixed],
            "kept": {name: index.tolist() for name, index in stay.items()},
        }
        return Outcome(after, report, early)

    def ensures(self, before: Graph, after: Outcome, context: Context) -> None:
        rows = {row["group"]: row["after"] for row in after.report["groups"]}
        found = groups(before)
        expected = dict.fromkeys(before.shapes, 0)
        for group in found:
            for axis, positions in group.members.items():
                if axis.kind == "value":
                    expected[axis.name] += rows.get(group.name, group.size) * positions.shape[1]
        if expected != {value: shape.channels for value, shape in after.graph.shapes.items()}:
            raise StageError("the trimmed graph has other units than the report says")
        old = sum(self._shares(found).values())
        new = sum(rows.values())
        if self._by_cost:
            got, most = measure(after.graph, self.of), self._most(before)
            if got > most:
                raise StageError(f"{got:.0f} {self.of} are left, at most {most:.0f} were asked")
        elif not after.report["moved"] and abs(new - self.keep * old) > len(rows):
            raise StageError(
                f"{new} of {old} units are left, not the share {self.keep} that was asked"
            )
        if context.early is not None and (
            after.early is None or not alike(after.graph, after.early)
        ):
            raise StageError("the early graph was not cut like the trimmed one")

    @property
    def _by_cost(self) -> bool:
        return self.of != "units"

    def _most(self, graph: Graph) -> float:
        return float(self.budget) or self.keep * measure(graph, self.of)

    def _shares(self, found: Sequence[Group]) -> dict[str, int]:
        """Units of each group that `keep` is a share of."""
        now = {g.name: g.size for g in found if not g.fixed}
        if not self.sizes:
            return now
        if len(self.sizes) != len(now):
            raise StageError(f"sizes has {len(self.sizes)} entries for {len(now)} layers")
        return dict(zip(now, self.sizes, strict=True))

    def _total(
        self,
        graph: Graph,
        found: Sequence[Group],
        scores: Mapping[str, np.ndarray],
        rule: Rule,
    ) -> int:
        """Units to keep over all groups."""
        if not self._by_cost:
            return round(self.keep * sum(self._shares(found).values()))

        def cost(stay: Mapping[str, Any]) -> float:
            return measure(cut(graph, found, stay), self.of)

        return within(scores, self._most(graph), rule, cost)


def measure(graph: Graph, of: str) -> float:
    """Parameters, or multiply-adds per second, of a Graph."""
    return graph.parameter_count() if of == "parameters" else graph.macs_per_second()


def _pair(of: str, before: Graph, after: Graph) -> dict[str, float]:
    return {"before": measure(before, of), "after": measure(after, of)}


def alike(a: Graph, b: Graph) -> bool:
    """Whether two Graphs differ in nothing but parameter values."""
    shapes = [{name: p.shape for name, p in g.params.items()} for g in (a, b)]
    return a.nodes == b.nodes and a.ports == b.ports and shapes[0] == shapes[1]
