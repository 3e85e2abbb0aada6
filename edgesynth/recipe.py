"""Recipes: stages and their fields as TOML data, checked, and hashed with defaults left out."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgesynth.errors import InputError
from edgesynth.stage import Stage

Stages = Mapping[str, type[Stage]]
"""Stage name -> its class; core does not know them, so callers hand them in."""


@dataclass(frozen=True)
class Recipe:
    """Ordered stages with their names. `about` is one line for people and no part of the hash."""

    steps: tuple[tuple[str, Stage], ...]
    about: str = ""

    @classmethod
    def parse(cls, text: str, stages: Stages, where: str = "recipe") -> Recipe:
        """A recipe from TOML: `about`, and `[[stage]]` tables with `name` and the stage's fields.

        InputError with one line that begins with `where` and names the stage, the field and the
        nearest right one.
        """
        try:
            table = tomllib.loads(text)
        except (ValueError, RecursionError) as e:
            raise InputError(f"{where} is not TOML: {' '.join(str(e).split())}") from e
        _known(table, ("about", "stage"), f"{where}: key")
        rows = table.get("stage", [])
        if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
            raise InputError(f"{where} has no stages; write them as [[stage]] tables with a name")
        if not isinstance(table.get("about", ""), str):
            raise InputError(f"{where}: about must be text")
        steps = [_step(row, stages, f"{where}: stage {i}") for i, row in enumerate(rows, 1)]
        return cls(tuple(steps), table.get("about", ""))

    @classmethod
    def read(cls, path: str | Path, stages: Stages) -> Recipe:
        """A recipe from a file; InputError names the file."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(f"no such file: {path}") from None
        except UnicodeDecodeError:
            raise InputError(f"{path} is not UTF-8 text") from None
        except OSError as e:
            raise InputError(f"cannot read {path}: {e.strerror}") from None
        return cls.parse(text, stages, str(path))

    def plain(self) -> list[dict[str, Any]]:
        """The stages as JSON-able data: name, and each field that differs from its default."""
        return [{"name": name, **changed(stage)} for name, stage in self.steps]

    def hash(self) -> str:
        """SHA-256 of `plain`, 64 hex digits: a new field at its default changes no hash."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()


def changed(stage: Any) -> dict[str, Any]:
    """The fields of a stage (or any dataclass) that differ from their defaults, JSON-able."""
    found = {}
    for field in dataclasses.fields(stage):
        value = getattr(stage, field.name)
        if value != field.default:
            found[field.name] = _jsonable(value)
    return found


def help_of(kind: type[Any]) -> dict[str, str]:
    """{field: its help text} of a stage or any dataclass whose help stands in Annotated."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {
        f.name: next((m for m in getattr(hints[f.name], "__metadata__", ()) if type(m) is str), "")
        for f in dataclasses.fields(kind)
    }


def _jsonable(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return changed(value)
    return list(value) if isinstance(value, tuple) else value


def _step(row: Mapping[str, Any], stages: Stages, where: str) -> tuple[str, Stage]:
    if "name" not in row:
        raise InputError(f"{where} has no name; there are {', '.join(sorted(stages))}")
    name = row["name"]
    if not isinstance(name, str):
        raise InputError(f"{where}: name must be text, not {name!r:.60}")
    _known([name], stages, f"{where}: name")
    kind = stages[name]
    where = f"{where} ({name})"
    fields = {f.name: f for f in dataclasses.fields(kind)}
    given = {k: v for k, v in row.items() if k != "name"}
    _known(given, fields, f"{where}: field")
    hints = typing.get_type_hints(kind)
    values = {k: _typed(v, hints[k], f"{where}: {k}") for k, v in given.items()}
    for field in fields.values():
        if field.name not in values and field.default is dataclasses.MISSING:
            raise InputError(f"{where}: field {field.name} is missing")
    try:
        return name, kind(**values)
    except InputError as e:
        raise InputError(f"{where}: {e}") from e


def _known(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """InputError for the first of `given` that is not `known`, with the nearest that is."""
    known = list(known)
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{where} {key!r:.60} is unknown{hint}")


def _typed(value: Any, kind: Any, where: str) -> Any:
    """`value` as the field's type: exact types, whole numbers where a float is asked for, arrays
    as tuples. InputError names the field and what it takes."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
        return _typed(value, kind, where)
    if origin is typing.Literal:
        options = typing.get_args(kind)
        if value not in options or type(value) is not type(options[0]):
            near = difflib.get_close_matches(str(value), map(str, options), n=1, cutoff=0.0)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            names = ", ".join(map(str, options))
            raise InputError(f"{where} is {value!r:.60}, not one of {names}{hint}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise InputError(f"{where} is {value!r:.60}, not an array")
        inner = typing.get_args(kind)[0]
        return tuple(_typed(v, inner, f"{where}[{i}]") for i, v in enumerate(value))
    if kind is float and type(value) is int:
        value = float(value) if abs(value) < 1e300 else math.inf
    if type(value) is not kind:
        raise InputError(f"{where} is {value!r:.60}, not {_NAMES.get(kind, kind.__name__)}")
    if kind is float and not math.isfinite(value):
        raise InputError(f"{where} is {value}, not a finite number")
    return value


_NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}
