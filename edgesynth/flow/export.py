"""edgesynth export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from edgesynth.flow._open import open_graph, write_atomic
from edgesynth.flow.base import ARGUMENT, UI, Command, Table


@dataclass(frozen=True)
class Export(Command):
    """Write a model as an artifact for a target, or as a streaming ONNX step model."""

    table: ClassVar[bool] = True

    model: Annotated[str, "a bundled name, a saved Graph or file.py:function", ARGUMENT]
    out: Annotated[Path, "output file"]
    target: Annotated[str, "board or machine, see `edgesynth targets`"] = "host"
    format: Annotated[
        Literal["esa", "onnx"],
        "esa: artifact for the C runtime; onnx: step model with explicit state",
    ] = "esa"

    def run(self, ui: UI) -> Table:
        graph = open_graph(self.model)
        if self.format == "onnx":
            from targets.onnx import export as export_onnx

            data = export_onnx(graph)
        else:
            from edgesynth.flow.api import export_bytes

            data = export_bytes(graph, self.target)
        write_atomic(self.out, data)
        row = {
            "file": str(self.out),
            "target": self.target,
            "bytes": len(data),
            "parameters": graph.parameter_count(),
            "MMAC/s": graph.macs_per_second() / 1e6,
        }
        return Table(tuple(row), [row])
