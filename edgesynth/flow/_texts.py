"""The sentences of the demo's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

LEAD = (
    "A trained synthesizer goes from its dense net through trimming, rewinding, retraining and int8 "
    "to an artifact that the C runtime plays. Every figure is measured on the artifact itself."
)
STORY = (
    "Whole units are removed and the survivors are trained again with the learning rate rewound to "
    "its start (a structured lottery ticket), in rounds; then weights become int8 with one scale per "
    "output channel.\n\nErrors are means over held-out notes: band error is the difference of 40 mel "
    "bands over 100 ms in dB, frames under −60 dB left out; spectral convergence is the relative "
    "error of magnitude spectra. Times are of whole blocks, synthesis included."
)
ONE_SEED = (
    "This is one seed without controls. `make study` retrains three and sets beside them early weights, "
    "units drawn by lot and fresh weights; its results are in docs/results.md."
)
CONTROLS = (
    "What the ticket has to beat: survivors that go back to their early weights, at the rewind point of the "
    "dense net's own training; units removed by lot and rewound alike; and a net of the ticket's shape from fresh "
    "weights, trained for as many steps as the whole chain. Where these do as well or better, the choice of units "
    "or what they had learnt carries no advantage here."
)


def floor_text(floor: Mapping[str, float], dense: Mapping[str, Any]) -> str:
    """What remains between two renderings that differ only in their noise."""
    if "band_error" not in floor:
        return ""
    return (
        f"The floor: the dense net's own notes rendered with other noise differ from each other by "
        f"{floor['band_error']:.3g} dB of band error and {floor['spectral_convergence']:.3g} of spectral convergence; "
        f"the dense net is at {dense['band_error']:.3g} dB and {dense['spectral_convergence']:.3g} "
        "from the recordings. No net that draws its own noise can be below the floor."
    )


ARM_NAMES = {
    "ticket": "the ticket",
    "weight": "early weights",
    "random": "drawn by lot",
    "reinit": "fresh weights",
}


def finals(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last stage's row of every retraining."""
    return list({(r["arm"], r["seed"]): r for r in rows}.values())


def verdict(rows: Sequence[dict[str, Any]]) -> str:
    """How the final artifacts of each arm compare over the seeds; empty with one arm."""
    final = [r for r in finals(rows) if r["seed"] is not None]
    arms = {arm: [r for r in final if r["arm"] == arm] for arm in ARM_NAMES}
    arms = {arm: found for arm, found in arms.items() if found}
    if len(arms) < 2 or "ticket" not in arms:
        return ""
    told = []
    for arm, found in arms.items():
        bands = [r["band_error_ratio"] for r in found]
        others = [r["spectral_convergence_ratio"] for r in found]
        told.append(
            f"{ARM_NAMES[arm]} {mean(bands):.3f} ({min(bands):.3f} to {max(bands):.3f}) and "
            f"{mean(others):.3f} ({min(others):.3f} to {max(others):.3f})"
        )
    seeds = len({r["seed"] for r in final})
    text = f"Band error and spectral convergence against dense, mean and range over {seeds} seeds, int8: "
    return text + "; ".join(told) + ". " + _gap(arms)


def _gap(arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Which arm is best in band error, and whether by more than the seeds differ among themselves."""
    bands = {arm: [r["band_error_ratio"] for r in found] for arm, found in arms.items()}
    means = {arm: mean(values) for arm, values in bands.items()}
    ranked = sorted(means, key=lambda arm: means[arm])
    best = ranked[0]
    other = ranked[1] if best == "ticket" else "ticket"
    gap = means[other] / means[best] - 1
    spread = max(max(bands[a]) - min(bands[a]) for a in (best, other))
    text = f"In band error {ARM_NAMES[best]} is best, {100 * gap:.1f} % ahead of {ARM_NAMES[other]}"
    if len(bands[best]) < 2:
        return f"{text}; one seed says nothing of the spread."
    if gap <= spread:
        return f"{text}, no more than the seeds differ among themselves: no advantage is shown."
    return f"{text}, more than the seeds differ among themselves."
