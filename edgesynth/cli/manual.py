"""The commands' manual as Markdown, made from their fields: `python -m edgesynth.cli.manual`."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import click

from edgesynth.cli import command_class, command_names
from edgesynth.cli.options import argument_help, parameters

HEAD = "# Commands\n\nMade from the commands' own fields: `python -m edgesynth.cli.manual docs/commands.md`."


def section(name: str) -> str:
    """One command: what it does, its arguments and a table of its options."""
    kind = command_class(name)
    text = inspect.cleandoc(kind.__doc__ or "").replace("[[", "`[[").replace("]]", "]]`")
    arguments = [f"- {line.strip()}" for line in argument_help(kind).splitlines()]
    rows = []
    for p in parameters(kind):
        if isinstance(p, click.Option):
            plain = p.default in (None, (), "") or p.is_flag
            default = p.default if not isinstance(p.default, tuple) else ",".join(map(str, p.default))
            spelt = " ".join(f"`{o}`" for o in p.opts)
            told = "required" if p.required else "" if plain else f"`{default}`"
            rows.append(f"| {spelt} | {told} | {p.help} |")
    if kind.table:
        rows.append("| `--json` |  | print the table as JSON |")
    parts = [f"## edgesynth {name}", text]
    parts += ["\n".join(arguments)] if arguments else []
    parts += ["\n".join(["| option | default | what it is |", "|---|---|---|", *rows])] if rows else []
    return "\n\n".join(parts)


def manual() -> str:
    """The whole page."""
    return "\n\n".join([HEAD, *(section(name) for name in command_names())]) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(manual(), "utf-8") if len(sys.argv) > 1 else print(manual())
