"""Command-line options from a command's fields: name, type, default and help stand there once."""

from __future__ import annotations

import dataclasses
import types
import typing
from pathlib import Path
from typing import Any

import click

from edgesynth.flow.base import ARGUMENT, Command


class NumberList(click.ParamType[tuple[int, ...]]):
    """A comma-separated list of whole numbers."""

    name = "N,N,…"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(v) for v in str(value).split(",") if v.strip())
        except ValueError:
            self.fail(f"{value!r} is no comma-separated list of whole numbers", param, ctx)


def _plain(kind: Any) -> Any:
    """The type without `| None`."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [k for k in typing.get_args(kind) if k is not type(None)]
        return inner[0]
    return kind


def _click_type(kind: Any) -> tuple[Any, bool]:
    """(click type, whether the option may be given several times)."""
    if typing.get_origin(kind) is typing.Literal:
        return click.Choice([str(v) for v in typing.get_args(kind)]), False
    if typing.get_origin(kind) is tuple:
        return (NumberList(), False) if typing.get_args(kind)[0] is int else (str, True)
    if kind is Path:
        return click.Path(path_type=Path), False
    return kind, False


def flag(name: str) -> str:
    """The option's spelling: `in_` is --in."""
    return "--" + name.rstrip("_").replace("_", "-")


def spellings(name: str) -> list[str]:
    """All spellings of an option, and the field that it fills: --out is -o too."""
    return (["-o"] if name == "out" else []) + [flag(name), name]


def parameters(command: type[Command]) -> list[click.Parameter]:
    """click parameters of a command, in the order of its fields."""
    hints = typing.get_type_hints(command, include_extras=True)
    made: list[click.Parameter] = []
    for item in dataclasses.fields(command):
        kind, text, *marks = typing.get_args(hints[item.name])
        required = item.default is dataclasses.MISSING
        if item.default_factory is not dataclasses.MISSING:
            raise TypeError(f"{command.__name__}.{item.name}: give a plain default")
        plain, many = _click_type(_plain(kind))
        default = None if required else item.default
        if ARGUMENT in marks:
            metavar = item.name.upper().rstrip("_")
            many_args = typing.get_origin(_plain(kind)) is tuple
            made.append(
                click.Argument(
                    [item.name],
                    type=plain,
                    required=required,
                    default=default,
                    nargs=-1 if many_args else 1,
                    metavar=f"{metavar}…" if many_args else metavar,
                )
            )
        elif plain is bool:
            made.append(
                click.Option(spellings(item.name), is_flag=True, default=bool(default), help=text)
            )
        else:
            shown = default not in (None, (), "")
            made.append(
                click.Option(
                    spellings(item.name),
                    type=plain,
                    required=required,
                    multiple=many,
                    default=default,
                    show_default=shown
                    and (",".join(map(str, default)) if isinstance(default, tuple) else True),
                    help=text,
                )
            )
    return made


def argument_help(command: type[Command]) -> str:
    """Help lines of the positional arguments, which click does not print itself."""
    hints = typing.get_type_hints(command, include_extras=True)
    lines = []
    for item in dataclasses.fields(command):
        _, text, *marks = typing.get_args(hints[item.name])
        if ARGUMENT in marks:
            lines.append(f"  {item.name.upper()}: {text}.")
    return "\n".join(lines)
