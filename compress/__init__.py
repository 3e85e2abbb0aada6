"""Compression stages, one file each: `STAGES` maps a stage's name (its file name) to its class."""

from __future__ import annotations

import sys
from pathlib import Path

from edgesynth.discover import modules
from edgesynth.errors import InputError
from edgesynth.recipe import Recipe
from edgesynth.stage import Stage

STAGES: dict[str, type[Stage]] = {
    module.__name__.rsplit(".", 1)[1]: kind
    for module in modules(sys.modules[__name__])
    for kind in vars(module).values()
    if isinstance(kind, type)
    and issubclass(kind, Stage)
    and f"compress.{kind.__name__.lower()}" == kind.__module__ == module.__name__
}
RECIPES = Path(__file__).parent / "recipes"


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def recipe(name_or_path: str | Path) -> Recipe:
    """A recipe that comes with the package, by name, or any by its file.

    InputError where it is neither, or is no sound recipe.
    """
    bundled = RECIPES / f"{name_or_path}.toml"
    if str(name_or_path) in recipe_names():
        return Recipe.read(bundled, STAGES)
    if not Path(name_or_path).is_file():
        names = ", ".join(recipe_names())
        raise InputError(f"no recipe {str(name_or_path)!r}: no such file, and none of {names}")
    return Recipe.read(name_or_path, STAGES)
