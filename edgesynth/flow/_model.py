"""Find a Model: a zoo name with a configuration and settings, or a user's `file.py:function`."""

from __future__ import annotations

import dataclasses
import typing
from difflib import get_close_matches
from typing import Any

from edgesynth.errors import InputError
from edgesynth.models.base import Model


def nearest(name: str, names: Any) -> str:
    """The most similar of `names`, for error texts; "" of none."""
    return next(iter(get_close_matches(name, [str(n) for n in names], n=1, cutoff=0.0)), "")


def call_user(name: str) -> Any:
    """What a user's `file.py:function` returns."""
    from edgesynth import user_model

    found = user_model.split(name)
    if found is None:
        raise InputError(f"{name}: write FILE.py:FUNCTION")
    return user_model.call(*found)


def find_model(name: str, configuration: str = "", settings: tuple[str, ...] = ()) -> Model:
    """The Model with a named configuration and `key=value` settings on top of it.

    InputError names the unknown model, configuration or key, and the nearest right one.
    """
    if ":" in name or name.endswith(".py"):
        made = call_user(name)
        if not isinstance(made, Model):
            raise InputError(
                f"{name} gives a {type(made).__name__}; a Model is needed here (see edgesynth/models/base.py)"
            )
        return dataclasses.replace(made, **parse_settings(type(made), settings))
    from edgesynth.models import MODELS

    if name not in MODELS:
        raise InputError(f"no model {name!r} in the zoo; nearest is {nearest(name, MODELS)!r}")
    kind = MODELS[name]
    values: dict[str, Any] = {}
    if configuration:
        if configuration not in kind.configurations:
            near = nearest(configuration, kind.configurations)
            raise InputError(f"{name} has no configuration {configuration!r}; nearest is {near!r}")
        values = dict(kind.configurations[configuration])
    return kind(**values, **parse_settings(kind, settings))


def parse_settings(kind: type[Model], settings: tuple[str, ...]) -> dict[str, Any]:
    """`key=value` texts as values of the field's type."""
    hints = typing.get_type_hints(kind)
    fields = {f.name for f in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for text in settings:
        key, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"--set {text!r}: write KEY=VALUE")
        if key not in fields:
            raise InputError(
                f"{kind.__name__} has no setting {key!r}; nearest is {nearest(key, fields)!r}"
            )
        try:
            values[key] = (
                value.lower() in ("1", "true", "yes") if hints[key] is bool else hints[key](value)
            )
        except (TypeError, ValueError):
            raise InputError(f"--set {text!r}: {value!r} is no {hints[key].__name__}") from None
    return values
