"""edgesynth import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from edgesynth.errors import InputError
from edgesynth.flow._open import is_artifact
from edgesynth.flow.base import ARGUMENT, UI, Command, Table, one_thread


@dataclass(frozen=True)
class Import(Command):
    """Take a torch module of your own over into a saved Graph.

    FILE.py:FUNCTION names a function without arguments that returns (module, example inputs), or a
    Model. Everything else then works on the saved Graph: verify, compress, export, bench.
    """

    table: ClassVar[bool] = True

    source: Annotated[str, "file.py:function", ARGUMENT]
    out: Annotated[Path, "where to save: OUT.safetensors and OUT.json"]

    def run(self, ui: UI) -> Table:
        import edgesynth
        from edgesynth.save import save

        if is_artifact(self.source):
            raise InputError(
                f"{self.source} is an artifact already: it plays, but cannot be changed"
            )
        if ":" not in self.source:
            raise InputError(
                f"{self.source}: only torch modules can be imported, as FILE.py:FUNCTION"
            )
        with one_thread():
            graph = edgesynth.load(self.source)
        save(graph, self.out, {"from": self.source})
        row = {
            "saved": f"{self.out}.safetensors",
            "nodes": len(graph.nodes),
            "parameters": graph.parameter_count(),
            "bytes": graph.stored_bytes(),
            "ports": ", ".join(f"{p.name} ({p.direction}, {p.kind})" for p in graph.ports),
        }
        return Table(tuple(row), [row])
