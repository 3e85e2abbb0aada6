"""docs/results.md from the committed results: `python -m benchmarks.page docs/results.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HEAD = """# Results

Made from `benchmarks/results/*.json` by `python -m benchmarks.page docs/results.md`. Machines differ and are shared:
read the ratios, each measured in one run."""


def load(name: str) -> Any:
    """A committed result; None where there is none."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def number(value: Any) -> str:
    """A cell: four significant digits, thousands apart."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown; columns: key -> heading."""
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(number(r.get(k)) for k in columns) + " |" for r in rows]
    return "\n".join(lines)


def study() -> str:
    """The demo's comparison over seeds, with its controls."""
    found = load("ddsp-study")
    if found is None:
        return ""
    columns = {
        "name": "candidate",
        "bytes": "bytes",
        "smaller": "× smaller",
        "fewer_macs": "× fewer MACs",
        "mean_us": "µs per block",
        "faster": "× faster",
        "ratio_to_onnxruntime": "ratio to ONNX Runtime",
        "band_error": "band error dB",
        "band_error_ratio": "× dense",
        "spectral_convergence": "convergence",
        "spectral_convergence_ratio": "× dense",
    }
    asked = {
        "what": "what",
        "asked": "asked of the worst seed",
        "measured": "measured",
        "holds": "holds",
    }
    return "\n\n".join(
        [
            "## The bundled synth, from dense to the board",
            f"`{found['facts']['command']}`",
            found["story"],
            table(asked, found["bars"]),
            table(columns, found["rows"]),
            found["floor_text"],
            found["verdict"],
        ]
    )


def parity() -> str:
    """A minute of streaming against torch."""
    found = load("long_parity")
    if found is None:
        return ""
    columns = {
        "kernels": "kernels",
        "max_abs_error": "largest error",
        "snr_db": "SNR dB",
        "peak": "peak",
        "blocks_identical": "blocks 1, 17, 64, 333 identical",
        "events_identical": "with notes and ramps inside blocks",
    }
    title = f"## {found['seconds']:g} s of streaming against torch, from a running state"
    return "\n\n".join([title, f"`{found['command']}`", table(columns, found["rows"])])


def runtime() -> str:
    """Block times at several widths beside ONNX Runtime."""
    found = load("runtime")
    if found is None:
        return ""
    columns = {
        "hidden": "units",
        "format": "format",
        "block": "block",
        "mean_us": "µs",
        "p50_us": "p50",
        "p99_us": "p99",
        "worst_us": "worst",
        "rtf": "rtf",
        "allocations": "allocations",
        "ratio": "ratio to ONNX Runtime",
    }
    rows = [r for r in found["rows"] if r["runtime"] != "onnxruntime"]
    return "\n\n".join(
        ["## Time per block", "`python -m benchmarks.runtime`", table(columns, rows)]
    )


def others() -> str:
    """Single figures."""
    lines = []
    step, fuzz = load("training_step"), load("fuzz")
    if step:
        lines.append(
            f"- A training step through `graph.module()` takes {step['ratio']:.3f} × the module's own "
            f"(at most {step['limit']}); `python -m benchmarks.training_step`."
        )
    if fuzz:
        lines.append(
            f"- The loader was fuzzed for {fuzz['seconds']} s ({fuzz['runs']:,} runs, findings: {fuzz['findings']}); "
            f"line coverage {', '.join(f'{k} {v}' for k, v in fuzz['line_coverage'].items())}; `{fuzz['command']}`."
        )
    return "## Also\n\n" + "\n".join(lines) if lines else ""


def page() -> str:
    return (
        "\n\n".join(part for part in (HEAD, study(), parity(), runtime(), others()) if part) + "\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
