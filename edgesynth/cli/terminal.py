"""The terminal: tables, progress bars and lines. Results on standard output, the rest on error."""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table as RichTable

from edgesynth.flow.base import Table


def shown(value: Any) -> str:
    """A cell as text: four significant digits, thousands apart, yes/no."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def plain(value: Any) -> Any:
    """JSON-able: numpy scalars become Python's, non-finite numbers null."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


class Terminal:
    """The UI of a command line; `as_json` prints the final table as one JSON object."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        # piped tables are as wide as they need to be; on a screen they fold
        self.out = Console() if sys.stdout.isatty() else Console(width=240)
        self.err = Console(stderr=True)
        self._bars: Bars | None = None
        self._tasks: dict[str, Any] = {}
        self._last: dict[str, float] = {}

    def say(self, text: str) -> None:
        self.err.print(text, highlight=False, markup=False)

    def warn(self, text: str) -> None:
        self.err.print(f"note: {text}", style="yellow", highlight=False, markup=False)

    def progress(self, what: str, done: int, total: int) -> None:
        if not self.err.is_terminal:
            self._lines(what, done, total)
            return
        if self._bars is None:
            self._bars = Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self.err,
            )
            self._bars.start()
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total or None)
        self._bars.update(self._tasks[what], completed=done, total=total or None)

    def _lines(self, what: str, done: int, total: int) -> None:
        """Without a terminal: a line every 15 seconds and one at the end of each task."""
        now = time.monotonic()
        if what not in self._last:
            self._last[what] = now
        if (total and done >= total) or now - self._last[what] > 15:
            self._last[what] = now + (1e9 if total and done >= total else 0)
            print(f"{what}: {done}{f' of {total}' if total else ''}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Stop the bars, leaving them on the screen."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks = {}

    def table(self, table: Table) -> None:
        self.close()
        if self.as_json:
            return
        made = RichTable(
            title=table.title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False
        )
        for name in table.columns:
            numeric = any(
                isinstance(r.get(name), int | float) and not isinstance(r.get(name), bool)
                for r in table.rows
            )
            first = name == table.columns[0]
            made.add_column(
                name,
                justify="right" if numeric else "left",
                overflow="fold",
                no_wrap=first or numeric,
            )
        for row in table.rows:
            made.add_row(*(shown(row.get(name)) for name in table.columns))
        self.out.print(made)

    def result(self, table: Table) -> None:
        """The command's own result: as a table, or as JSON."""
        self.close()
        if self.as_json:
            rows = [plain(dict(r)) for r in table.rows]
            print(json.dumps({"rows": rows, **plain(dict(table.facts))}, indent=2))
            return
        self.table(table)
        for name, value in table.facts.items():
            if isinstance(value, str | int | float):
                self.out.print(f"{name}: {shown(value)}", highlight=False, markup=False)
