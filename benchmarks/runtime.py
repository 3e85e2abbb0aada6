"""The DDSP synth at several widths, f32 and int8, against ONNX Runtime in the same run.

    python -m benchmarks.runtime [--widths 256,160,96,61,32] [--blocks 1,16,64,256] [--seconds 1]
                                 [--out benchmarks/results/runtime.json]

Weights are as initialized: what is timed does not depend on their training. Every peer is shown to
play the same before it is timed. Compare the ratios; times move with the machine.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

WIDTHS, BLOCKS = (256, 160, 96, 61, 32), (1, 16, 64, 256)
FORMATS = ("f32", "int8")
PEER = "onnxruntime"
KEYS = ("runtime", "block", "mean_us", "p50_us", "p99_us", "worst_us", "rtf", "allocations", "ratio")


def synth(width: int, form: str) -> Any:
    """The DDSP decoder's Graph with `width` hidden units, in "f32" or "int8"."""
    from compress.quantize import Quantize
    from edgesynth.models.ddsp import DDSP
    from edgesynth.stage import Context

    graph = DDSP(hidden=width).build()["decoder"]
    return graph if form == "f32" else Quantize()(graph, Context()).graph


def measured(widths: tuple[int, ...], blocks: tuple[int, ...], seconds: float) -> list[dict[str, Any]]:
    """One row for each width, format, runtime and block size."""
    from edgesynth.flow.api import export_bytes
    from edgesynth.flow.base import Quiet
    from edgesynth.flow.bench import measure

    rows: list[dict[str, Any]] = []
    for width in widths:
        for form in FORMATS:
            graph = synth(width, form)
            artifact = export_bytes(graph, golden=False)
            table = measure(artifact, graph, blocks, (PEER,), "best", seconds, Quiet())
            for row in table.rows:
                rows.append({"hidden": width, "format": form, **{k: row[k] for k in KEYS}})
            print(lines(rows[-len(table.rows):]), flush=True)
    return rows


def lines(rows: list[dict[str, Any]]) -> str:
    """Rows as text, one line a block size: ours, the peer's, and what they divide to."""
    made = []
    for ours in (r for r in rows if r["runtime"] != PEER):
        key = ("hidden", "format", "block")
        peer = next(r for r in rows if r["runtime"] == PEER and all(r[k] == ours[k] for k in key))
        made.append(
            f"hidden {ours['hidden']:4d} {ours['format']:4s} block {ours['block']:4d}: "
            f"{ours['mean_us']:9.2f} µs, {PEER} {peer['mean_us']:9.2f} µs, ratio {ours['ratio']:.3f}"
        )
    return "\n".join(made)


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers between commas."""
    return tuple(int(part) for part in text.split(","))


def main() -> None:
    from benchmarks.machine import facts

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=numbers, default=WIDTHS)
    parser.add_argument("--blocks", type=numbers, default=BLOCKS)
    parser.add_argument("--seconds", type=float, default=1.0, help="audio a round, runtime and block size")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = {"command": "python -m benchmarks.runtime", "machine": facts()}
    print(json.dumps(result["machine"]), flush=True)
    result["rows"] = measured(options.widths, options.blocks, options.seconds)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        part = options.out.with_suffix(".part")
        part.write_text(json.dumps(result, indent=1) + "\n")
        part.replace(options.out)


if __name__ == "__main__":
    main()
