"""A comparison as a page: what was asked, what it came to, to look at and to listen to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgesynth.errors import InputError
from edgesynth.page import Page
from edgesynth.page.page import cell
from edgesynth.page.pictures import bars, points, spectrograms

SUMMARY = "summary.json"
TURNED = 5  # candidates up to which a table has them as columns
COLUMNS = {
    "name": "candidate",
    "bytes": "bytes on disk",
    "smaller": "× smaller",
    "fewer_macs": "× fewer MACs",
    "mean_us": "µs per block",
    "faster": "× faster",
    "band_error": "band error dB",
    "band_error_ratio": "× dense",
    "spectral_convergence": "spectral convergence",
    "spectral_convergence_ratio": "× dense (convergence)",
    "onnxruntime_us": "ONNX Runtime µs",
    "ratio_to_onnxruntime": "ratio to ONNX Runtime",
    "p99_us": "p99 µs",
    "worst_us": "worst µs",
    "rtf": "rtf",
    "rtf_p99": "rtf at p99",
    "parameters": "parameters",
    "network_macs": "network MAC/s",
}


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a comparison; InputError where the folder holds none."""
    path = folder / SUMMARY if folder.is_dir() else folder
    try:
        summary = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} holds no {SUMMARY}: give the folder of `edgesynth demo`"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if (
        not isinstance(summary, dict)
        or not isinstance(summary.get("rows"), list)
        or not summary["rows"]
    ):
        raise InputError(f"{path} is no summary of a comparison")
    return summary


def build_page(summary: Mapping[str, Any], folder: Path) -> Page:
    """The report: bars, table, trade-off, controls, sound."""
    rows: Sequence[Mapping[str, Any]] = summary["rows"]
    page = Page(summary["title"], summary.get("lead", ""))
    main = [r for r in rows if r.get("main")]
    _bars(page, summary)
    page.section("From dense to the board", summary.get("story", ""))
    _table(page, main)
    names = [str(r["name"]) for r in main]
    page.figure(
        bars(
            names,
            [
                (title, [r.get(key) for r in main])
                for key, title in (
                    ("bytes", "bytes on disk"),
                    ("network_macs", "network MAC/s"),
                    ("mean_us", f"µs per {summary.get('block', 64)}-sample block"),
                    ("band_error", "band error, dB"),
                )
            ],
        ),
        "Each stage beside the dense net. Shorter is better everywhere.",
    )
    others = [r for r in rows if not r.get("main")]
    if others:
        page.section("Controls", summary.get("controls", ""))
        _table(page, others)
        if summary.get("verdict"):
            page.text(summary["verdict"])
    judged = [r for r in rows if r.get("band_error") and r.get("bytes")]
    page.section("The trade-off")
    page.figure(
        points(
            [
                (label, float(r["bytes"]), float(r["band_error"]), bool(r.get("main")))
                for label, r in zip(_labels(judged), judged)
            ],
            "bytes on disk",
            "band error, dB (lower is better)",
        ),
        "Held-out error against size; every point is an artifact played by the C runtime.",
    )
    if summary.get("floor"):
        page.text(summary["floor_text"])
    _sounds(page, summary, folder)
    if summary.get("facts"):
        page.section("How it was measured")
        page.table(
            ("what", "value"), [{"what": k, "value": cell(v)} for k, v in summary["facts"].items()]
        )
    page.data("summary", summary)
    return page


def _labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names for a picture: of several seeds of one kind, the first is named, without its seed."""
    kinds = [str(r["name"]).partition(", seed ")[0] for r in rows]
    if len(set(kinds)) == len(kinds):
        return [str(r["name"]) for r in rows]
    return [kind if kind not in kinds[:i] else "" for i, kind in enumerate(kinds)]


def _bars(page: Page, summary: Mapping[str, Any]) -> None:
    asked = summary.get("bars", [])
    if asked:
        page.section("What was asked, what it came to")
        page.table(("what", "asked", "measured", "holds"), asked)


def _table(page: Page, rows: Sequence[Mapping[str, Any]]) -> None:
    """One row a figure where the candidates are few, so that it fits a phone; else one a candidate."""
    keys = [k for k in COLUMNS if any(r.get(k) is not None for r in rows)]
    if len(rows) > TURNED:
        shown = [{COLUMNS[k]: r.get(k) for k in keys} for r in rows]
        page.table(
            [COLUMNS[k] for k in keys],
            shown,
            mark=[i for i, r in enumerate(rows) if r.get("final")],
        )
        return
    names = [str(r["name"]) for r in rows]
    turned = [
        {"": COLUMNS[k], **{n: r.get(k) for n, r in zip(names, rows)}} for k in keys if k != "name"
    ]
    page.table(["", *names], turned)


def _sounds(page: Page, summary: Mapping[str, Any], folder: Path) -> None:
    import soundfile

    sounds = []
    for entry in summary.get("sounds", []):
        path = folder / entry["file"]
        if path.exists():
            samples, rate = soundfile.read(str(path), dtype="float32")
            sounds.append((entry["name"], np.asarray(samples), float(rate)))
    if not sounds:
        return
    page.section(
        "Listen",
        "The same held-out notes from each net, played by the C runtime, beside the recording.",
    )
    page.audio(sounds)
    page.image(
        spectrograms([(n, s) for n, s, _ in sounds], sounds[0][2]),
        "Spectrograms of the sounds above, 80 dB deep, one scale.",
    )
