"""Print the stages and their fields as Markdown: `python -m compress` (it stands in docs)."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from compress import STAGES
from edgesynth.recipe import help_of


def manual() -> str:
    """One section per stage, one row per field: name, type, default, help."""
    parts = []
    for name, kind in sorted(STAGES.items()):
        text = " ".join((kind.__doc__ or "").split())
        rows = [f"### {name}", "", text, "", "| field | takes | default | what it is |",
                "|---|---|---|---|"]
        hints, told = typing.get_type_hints(kind), help_of(kind)
        for field in dataclasses.fields(kind):
            cells = (f"`{field.name}`", takes(hints[field.name]), f"`{toml(field.default)}`")
            rows.append(f"| {' | '.join(cells)} | {told[field.name]} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def takes(kind: Any) -> str:
    """A field's type in words."""
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{option}`" for option in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return f"array of {takes(typing.get_args(kind)[0])}"
    return {float: "number", int: "whole number", bool: "true or false", str: "text"}[kind]


def toml(value: Any) -> str:
    """A default as it would stand in a recipe."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(toml(v) for v in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(manual(), end="")
