"""edgesynth targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgesynth.flow.base import UI, Command, Table


@dataclass(frozen=True)
class Targets(Command):
    """List the boards and machines that artifacts are made for."""

    table: ClassVar[bool] = True

    def run(self, ui: UI) -> Table:
        from targets.base import targets

        rows = [
            {
                "target": name,
                "processor": t.cpu,
                "MHz": t.clock_hz and t.clock_hz // 10**6,
                "cores": t.cores,
                "RAM MB": t.ram_bytes and t.ram_bytes // 2**20,
                "kernels": t.kernels,
                "rate": t.rate,
                "block": t.block,
                "description": t.description,
            }
            for name, t in targets().items()
        ]
        return Table(
            (
                "target",
                "processor",
                "MHz",
                "cores",
                "RAM MB",
                "kernels",
                "rate",
                "block",
                "description",
            ),
            rows,
        )
