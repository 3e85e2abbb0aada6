"""The page builder: sections in, one HTML file out, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Cell = Any


def cell(value: Cell) -> str:
    """A table cell as text: four significant digits, thousands apart."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    if isinstance(value, float | np.floating):
        number = float(value)
        if not math.isfinite(number):
            return str(number)
        return f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4g}"
    return str(value)


class Page:
    """A report in the making.

    Every `add` method appends to the last section; `section` opens one. `write` is atomic.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title = title
        self.lead = lead
        self.sections: list[dict[str, Any]] = []

    def section(self, heading: str, text: str = "") -> Page:
        """Open a section; `text` is plain, blank lines part paragraphs."""
        self.sections.append({"heading": heading, "blocks": []})
        return self.text(text) if text else self

    def _add(self, kind: str, **content: Any) -> Page:
        if not self.sections:
            self.sections.append({"heading": "", "blocks": []})
        self.sections[-1]["blocks"].append({"kind": kind, **content})
        return self

    def text(self, text: str) -> Page:
        """Plain paragraphs."""
        return self._add("text", paragraphs=[p.strip() for p in text.split("\n\n") if p.strip()])

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Mapping[str, Cell]],
        caption: str = "",
        mark: Sequence[int] = (),
    ) -> Page:
        """A table; `mark` lists row numbers to set in bold."""
        numeric = [
            any(
                isinstance(r.get(c), int | float | np.number) and not isinstance(r.get(c), bool)
                for r in rows
            )
            for c in columns
        ]
        body = [[cell(r.get(c)) for c in columns] for r in rows]
        return self._add(
            "table",
            columns=list(columns),
            numeric=numeric,
            rows=body,
            caption=caption,
            mark=set(mark),
        )

    def figure(self, figure: Any, caption: str, description: str = "") -> Page:
        """A matplotlib figure as inline SVG; `description` is its text for screen readers."""
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", bbox_inches="tight")
        import matplotlib.pyplot as plt

        plt.close(figure)
        svg = buffer.getvalue()
        return self._add(
            "figure",
            svg=svg[svg.index("<svg") :],
            caption=caption,
            description=description or caption,
        )

    def image(self, figure: Any, caption: str, description: str = "") -> Page:
        """A matplotlib figure as PNG, for dense pictures such as spectrograms."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
        import matplotlib.pyplot as plt

        plt.close(figure)
        data = base64.b64encode(buffer.getvalue()).decode()
        return self._add("image", data=data, caption=caption, description=description or caption)

    def audio(self, players: Sequence[tuple[str, np.ndarray, float]], caption: str = "") -> Page:
        """Audio players, one a (name, mono float samples, rate); stored as 16-bit WAV."""
        import soundfile

        made = []
        for name, samples, rate in players:
            buffer = io.BytesIO()
            clipped = np.clip(np.asarray(samples, np.float32), -1.0, 1.0)
            soundfile.write(buffer, clipped, round(rate), format="WAV", subtype="PCM_16")
            made.append({"name": name, "data": base64.b64encode(buffer.getvalue()).decode()})
        return self._add("audio", players=made, caption=caption)

    def data(self, name: str, content: Any) -> Page:
        """JSON that travels in the page, to be read by programs."""
        text = json.dumps(content, default=str).replace("<", "\\u003c")
        return self._add("data", name=name, text=text)

    def html(self) -> str:
        """The page's text."""
        from jinja2 import Environment, select_autoescape

        environment = Environment(
            autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
        )
        template = environment.from_string(
            Path(__file__).with_name("template.html").read_text("utf-8")
        )
        return template.render(title=self.title, lead=self.lead, sections=self.sections)

    def write(self, path: Path) -> None:
        """Write under a temporary name, then rename."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_text(self.html(), "utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
