"""edgesynth report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgesynth.flow._summary import build_page, read_summary
from edgesynth.flow.base import ARGUMENT, UI, Command, Table


@dataclass(frozen=True)
class Report(Command):
    """Make the page of a finished comparison again: one self-contained HTML file."""

    folder: Annotated[Path, "folder of `edgesynth demo`", ARGUMENT]
    out: Annotated[Path | None, "output file; default FOLDER/report.html"] = None

    def run(self, ui: UI) -> Table | None:
        summary = read_summary(self.folder)
        out = self.out or (self.folder / "report.html")
        build_page(summary, self.folder).write(out)
        ui.say(f"wrote {out}")
        return None
