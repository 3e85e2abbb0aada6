"""edgesynth models."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from edgesynth.flow._open import card_of
from edgesynth.flow.base import UI, Command, Table


@dataclass(frozen=True)
class Models(Command):
    """List the models of the zoo, their configurations and the bundled checkpoints."""

    table: ClassVar[bool] = True

    def run(self, ui: UI) -> Table:
        import edgesynth
        from edgesynth.models import MODELS

        rows = []
        for name, kind in MODELS.items():
            for preset, values in (kind.configurations or {"default": {}}).items():
                fields = {f.name: f.default for f in dataclasses.fields(kind)} | dict(values)
                rows.append(
                    {
                        "model": name,
                        "configuration": preset,
                        "bundled": "",
                        "settings": " ".join(
                            f"{k}={v}" for k, v in fields.items() if not isinstance(v, tuple)
                        ),
                    }
                )
        for name in edgesynth.checkpoints():
            graph = edgesynth.load(name)
            notes = card_of(name)
            rows.append(
                {
                    "model": notes.get("model", ""),
                    "configuration": notes.get("config", ""),
                    "bundled": name,
                    "settings": f"{graph.parameter_count():,} parameters, {graph.macs_per_second() / 1e6:.0f} MMAC/s",
                }
            )
        return Table(("model", "configuration", "bundled", "settings"), rows)
