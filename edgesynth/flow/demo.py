"""edgesynth demo."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from edgesynth.errors import InputError
from edgesynth.flow._arms import ARMS, Arm, run_arms
from edgesynth.flow._audio import write_wav
from edgesynth.flow._candidates import (
    Candidate,
    file_name,
    judge,
    multipliers,
    runtime_render,
    time_candidates,
    write_artifacts,
)
from edgesynth.flow._model import find_model
from edgesynth.flow._open import card_of, open_graph, write_atomic
from edgesynth.flow._summary import COLUMNS, SUMMARY, build_page
from edgesynth.flow._texts import CONTROLS, LEAD, ONE_SEED, STORY, finals, floor_text, verdict
from edgesynth.flow.base import UI, Command, Table
from edgesynth.runs import cache_folder

BLOCK = 64
SHOWN = (
    "name",
    "bytes",
    "smaller",
    "network_macs",
    "fewer_macs",
    "mean_us",
    "faster",
    "band_error",
    "band_error_ratio",
    "spectral_convergence",
    "spectral_convergence_ratio",
    "onnxruntime_us",
)


@dataclass(frozen=True)
class Demo(Command):
    """Take the bundled synth the whole way: trim, rewind, retrain, quantize, export, play, measure.

    Writes artifacts, WAV files and report.html. Stop it with Ctrl-C and run it again to go on.
    With several seeds it is the study: each is retrained, beside random pruning and a
    re-initialised net of the same shape.
    """

    table: ClassVar[bool] = True

    out: Annotated[Path, "folder for artifacts, sounds and report"] = Path("out/demo")
    seeds: Annotated[tuple[int, ...], "seeds of the retraining; several make it the study"] = (0,)
    controls: Annotated[bool, "train the controls too; always with several seeds"] = False
    model: Annotated[str, "a bundled synth with its early state"] = "ddsp"
    recipe: Annotated[str, "a ready recipe or a TOML file"] = "ddsp-edge"
    target: Annotated[str, "what the artifacts are made for; must run here to be timed"] = "host"
    workers: Annotated[int, "retrainings at a time"] = 2

    def run(self, ui: UI) -> Table:
        from edgesynth.data import load as load_data

        begun = time.monotonic()
        if not self.seeds or self.workers < 1:
            raise InputError("--seeds needs at least one seed, --workers at least 1")
        dense = open_graph(self.model)
        notes = card_of(self.model)
        if "model" not in notes:
            raise InputError(
                f"{self.model} has no card that says how it was trained; pick a bundled synth"
            )
        model = find_model(
            notes["model"], notes.get("config", ""), tuple(notes.get("settings", ()))
        )
        rate, hop = model.data_rate()
        data = load_data(
            notes["data"], rate, hop, seed=0, cache=cache_folder(), progress=ui.progress
        )
        kinds = ARMS if self.controls or len(self.seeds) > 1 else ARMS[:1]
        arms = [
            Arm(k, s, self.recipe, self.model, notes["data"], self.out)
            for s in self.seeds
            for k in kinds
        ]
        finished = run_arms(arms, ui, self.workers)
        candidates = [Candidate("dense", "dense", None, "trained", dense)]
        for arm, stages in finished.items():
            wanted = stages[-2:] if arm.kind == "ticket" else stages[-1:]
            candidates += [
                Candidate(label(arm, stage), arm.kind, arm.seed, stage, open_graph(path))
                for stage, path in wanted
            ]
        rows = judge(candidates, model, data, self.target, ui)
        time_candidates(candidates, rows, self.target, BLOCK, "onnxruntime", ui)
        multipliers(rows, rows[0])
        summary = self._summary(rows, model, data, dense, notes, begun)
        write_artifacts(
            [c for c in candidates if c.arm in ("dense", "ticket")], self.target, self.out
        )
        self._sounds(candidates, data, rate, summary)
        write_atomic(self.out / SUMMARY, json.dumps(summary, indent=1, default=float).encode())
        build_page(summary, self.out).write(self.out / "report.html")
        ui.table(
            Table(("what", "asked", "measured", "holds"), summary["bars"], title="What was asked")
        )
        shown = [{COLUMNS[k]: r.get(k) for k in SHOWN} for r in rows]
        return Table(
            tuple(COLUMNS[k] for k in SHOWN),
            shown,
            title=summary["title"],
            facts={
                "floor, band error dB": summary["floor"].get("band_error"),
                "report": str(self.out / "report.html"),
                "seconds": round(time.monotonic() - begun),
            },
        )

    def _summary(
        self,
        rows: list[dict[str, Any]],
        model: Any,
        data: Any,
        dense: Any,
        notes: Any,
        begun: float,
    ) -> dict[str, Any]:
        final = [r for r in finals(rows) if r["arm"] == "ticket"]
        worst = max(final, key=lambda r: r["band_error"])
        worst["final"] = True
        for row in rows:
            row["main"] = row["arm"] in ("dense", "ticket")
        floor = model.floor(dense, data)
        test = data.split("test")
        return {
            "title": f"{self.model}: from dense to the board",
            "lead": LEAD,
            "story": STORY if any(not r["main"] for r in rows) else f"{STORY}\n\n{ONE_SEED}",
            "controls": CONTROLS,
            "verdict": verdict(rows),
            "block": BLOCK,
            "floor": floor,
            "floor_text": floor_text(floor, rows[0]),
            "bars": bars_of(rows, final),
            "rows": rows,
            "facts": {
                "command": f"edgesynth demo --seeds {','.join(map(str, self.seeds))} --recipe {self.recipe}",
                "held-out notes": len(test.audio),
                "seconds of held-out audio": round(sum(map(len, test.audio)) / data.rate, 1),
                "data": notes["data"],
                "rate": data.rate,
                "target": self.target,
                "timing": f"mean over whole hops, blocks of {BLOCK}, one thread, all in turn, median of 5 runs",
                "seconds it took": round(time.monotonic() - begun),
            },
        }

    def _sounds(
        self, candidates: list[Candidate], data: Any, rate: float, summary: dict[str, Any]
    ) -> None:
        """A few held-out notes from every main candidate, and the recording."""
        test = data.split("test")
        picks = sorted({0, len(test.audio) // 2, len(test.audio) - 1})
        files = [("recording", np.concatenate([test.audio[i] for i in picks]))]
        for c in candidates:
            if c.arm not in ("dense", "ticket"):
                continue
            from edgesynth.flow.api import export_bytes

            render = runtime_render(
                export_bytes(c.graph, self.target),
                {p.name: c.graph.period(p.value) for p in c.graph.inputs},
            )
            made = [
                next(iter(render({"f0": test.f0[i], "loudness": test.loudness[i]}).values()))
                for i in picks
            ]
            files.append((c.name, np.concatenate(made)))
        summary["sounds"] = []
        for name, audio in files:
            file = f"{file_name(name)}.wav"
            write_wav(self.out / file, audio, rate)
            summary["sounds"].append({"name": name, "file": file})


LABELS = {"ticket": "trimmed, rewound", "quantize": "int8"}
CONTROL_LABELS = {
    "weight": "early weights",
    "random": "drawn by lot",
    "reinit": "fresh weights",
}


def label(arm: Arm, stage: str) -> str:
    """What a candidate is called in tables and file names."""
    kind = CONTROL_LABELS.get(arm.kind)
    what = LABELS.get(stage, stage)
    return f"{what}, {kind}, seed {arm.seed}" if kind else f"{what}, seed {arm.seed}"


def bars_of(rows: list[dict[str, Any]], final: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is asked of the worst seed's final artifact, and whether it holds."""

    def bar(what: str, asked: str, value: float, holds: bool) -> dict[str, Any]:
        return {"what": what, "asked": asked, "measured": value, "holds": holds}

    dense = rows[0]
    smaller, macs = min(r["smaller"] for r in final), min(r["fewer_macs"] for r in final)
    faster = min(r["faster"] for r in final)
    band = max(r["band_error_ratio"] for r in final)
    convergence = max(r["spectral_convergence_ratio"] for r in final)
    made = [
        bar("smaller on disk", "at least 20 ×", smaller, smaller >= 20),
        bar("fewer decoder MACs", "at least 6 ×", macs, macs >= 6),
        bar("faster per 64-sample block", "at least 3 ×", faster, faster >= 3),
        bar("band error, against dense", "at most 1.05 ×", band, band <= 1.05),
        bar(
            "spectral convergence, against dense",
            "at most 1.10 ×",
            convergence,
            convergence <= 1.10,
        ),
    ]
    if "ratio_to_onnxruntime" in dense:
        made.append(
            bar(
                "time against ONNX Runtime, dense",
                "below 1 ×",
                dense["ratio_to_onnxruntime"],
                dense["ratio_to_onnxruntime"] < 1,
            )
        )
        slowest = max(r["ratio_to_onnxruntime"] for r in final)
        made.append(bar("time against ONNX Runtime, final", "below 1 ×", slowest, slowest < 1))
    return made
