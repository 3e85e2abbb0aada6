"""The sentences of the demo's report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAD = (
    "A trained synthesizer goes from its dense net through trimming, rewinding, retraining and int8 "
    "to an artifact that the C runtime plays. Every figure is measured on the artifact itself."
)
STORY = (
    "Whole units are removed, the survivors go back to an early state of the dense net's own training "
    "and are trained again (a structured lottery ticket); then weights become int8 with one scale per "
    "output channel.\n\nErrors are means over held-out notes: band error is the difference of 40 mel bands "
    "over 100 ms in dB, frames under −60 dB left out; spectral convergence is the relative error of magnitude "
    "spectra. Times are of whole blocks, synthesis included."
)
CONTROLS = (
    "What the ticket has to beat: units removed by lot and rewound alike; survivors that keep their trained "
    "weights and replay the learning rate; and a net of the ticket's shape from fresh weights, trained for as "
    "many steps as the whole chain. Where these do as well or better, the early weights carry no advantage here."
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
