"""edgesynth verify."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from edgesynth.errors import EdgesynthError, InputError
from edgesynth.flow._drive import reference
from edgesynth.flow._open import open_graph
from edgesynth.flow.base import ARGUMENT, UI, Command, Table, one_thread
from edgesynth.graph import Graph

ABSOLUTE = 1e-4  # of a full-scale output; scaled by the reference's peak where that is above 1
BLOCKS = (1, 17, 64, 333)


@dataclass(frozen=True)
class Verify(Command):
    """Compare every runtime that is here with torch, on one seeded input.

    One row a runtime. The exit code is 1 where one differs by more than its tolerance.
    """

    table: ClassVar[bool] = True

    model: Annotated[str, "a bundled name, a saved Graph or file.py:function", ARGUMENT]
    seconds: Annotated[float, "length of the input"] = 2.0
    seed: Annotated[int, "seed of the input"] = 0
    emulate: Annotated[
        bool, "also run the boards' builds in an emulator, where one is installed"
    ] = False

    def run(self, ui: UI) -> Table:
        from edgesynth.stream import stream
        from firmware_bridge.measure.doors import doors_of, examples

        if not 0 < self.seconds <= 600:
            raise InputError(f"--seconds {self.seconds}: more than 0, at most 600")
        graph = open_graph(self.model)
        streamed = stream(graph)
        frames = whole(streamed, round(self.seconds * (graph.rate or 48000.0)))
        doors = doors_of(streamed)
        inputs = examples(doors, frames, self.seed)
        rows = []
        with one_thread():
            ui.say("torch: reference")
            expected = reference(streamed, inputs)
            tolerance = ABSOLUTE * max(1.0, max(float(np.abs(v).max()) for v in expected.values()))
            for name, run in runtimes(streamed, inputs, frames, self.emulate, ui):
                ui.say(name)
                try:
                    rows.append(compare(name, run(), expected, tolerance))
                except EdgesynthError as error:
                    rows.append(
                        {
                            "runtime": name,
                            "max_abs_error": None,
                            "tolerance": tolerance,
                            "ok": False,
                            "note": str(error),
                        }
                    )
        bad = [r["runtime"] for r in rows if not r["ok"]]
        return Table(
            ("runtime", "max_abs_error", "snr_db", "tolerance", "ok", "note"),
            rows,
            facts={"failed": bad} if bad else {},
        )


def whole(graph: Graph, frames: int) -> int:
    """`frames` rounded up to whole steps of every port."""
    unit = int(np.lcm.reduce([graph.period(p.value) for p in graph.ports]))
    return max(1, -(-frames // unit)) * unit


def compare(
    name: str,
    got: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    tolerance: float,
    note: str = "",
) -> dict[str, Any]:
    """One row: the worst difference over all output ports and the signal-to-noise ratio."""
    worst, noise, power = 0.0, 0.0, 0.0
    for port, want in expected.items():
        have = got[port]
        if have.shape != want.shape or not np.isfinite(have).all():
            return {
                "runtime": name,
                "max_abs_error": None,
                "tolerance": tolerance,
                "ok": False,
                "note": f"port {port}: shape {have.shape} for {want.shape}, or not finite",
            }
        error = have.astype(np.float64) - want
        worst = max(worst, float(np.abs(error).max(initial=0.0)))
        noise += float((error**2).sum())
        power += float((want.astype(np.float64) ** 2).sum())
    snr = 10 * np.log10(power / noise) if noise > 0 and power > 0 else None
    return {
        "runtime": name,
        "max_abs_error": worst,
        "snr_db": snr,
        "tolerance": tolerance,
        "ok": worst <= tolerance,
        "note": note,
    }


def runtimes(
    graph: Graph, inputs: dict[str, np.ndarray], frames: int, emulate: bool, ui: UI
) -> Iterator[tuple[str, Callable[[], dict[str, np.ndarray]]]]:
    """(name, call) of everything here that plays the Graph."""
    from edgesynth.flow.api import export_bytes
    from firmware_bridge.library import available_kernels
    from firmware_bridge.measure.doors import doors_of

    artifact = export_bytes(graph, "host", golden=False)
    for kernels in available_kernels():
        for block in BLOCKS if kernels != "scalar" else BLOCKS[-1:]:
            yield (
                f"C {kernels}, block {block}",
                partial(_played, artifact, kernels, graph, inputs, frames, block),
            )
    yield "saved and loaded", lambda: _reloaded(graph, inputs)
    try:
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError:
        ui.warn("onnxruntime is not installed: no row for it")
    else:
        from firmware_bridge.measure.peers import PEERS

        yield "onnxruntime", lambda: PEERS["onnxruntime"](graph).play(inputs, frames)
    if emulate:
        from firmware_bridge.emulate import emulated_targets, play_emulated

        for name in emulated_targets():
            yield (
                f"{name} (emulated)",
                partial(play_emulated, name, artifact, doors_of(graph), inputs, frames),
            )


def _played(
    artifact: bytes,
    kernels: str,
    graph: Graph,
    inputs: dict[str, np.ndarray],
    frames: int,
    block: int,
) -> dict[str, np.ndarray]:
    from firmware_bridge.measure.doors import doors_of, play
    from firmware_bridge.play import Player

    return play(Player(artifact, kernels=kernels), doors_of(graph), inputs, frames, block)


def _reloaded(graph: Graph, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    import tempfile

    from edgesynth.save import load, save

    with tempfile.TemporaryDirectory() as folder:
        save(graph, Path(folder) / "graph")
        return reference(load(Path(folder) / "graph"), inputs)
