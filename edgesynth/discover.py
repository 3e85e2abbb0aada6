"""A folder is a registry: every module in it that defines an instance or class of one kind."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def modules(package: ModuleType) -> list[ModuleType]:
    """Import and return every public module of `package`, `base` left out, sorted by name."""
    names = sorted(
        m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "base" and m.name[0] != "_"
    )
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def subclasses(package: ModuleType, base: type) -> dict[str, type]:
    """{file name: the one public subclass of `base` that the file defines}.

    A file that defines none or two is an error in our own tree, raised as TypeError.
    """
    found: dict[str, type] = {}
    for module in modules(package):
        kinds = [
            v
            for k, v in vars(module).items()
            if isinstance(v, type) and issubclass(v, base) and v is not base
            and v.__module__ == module.__name__ and k[0] != "_"
        ]
        name = module.__name__.rsplit(".", 1)[1]
        if len(kinds) != 1:
            raise TypeError(f"{module.__name__} defines {len(kinds)} {base.__name__}s, not one")
        found[name] = kinds[0]
    return found
