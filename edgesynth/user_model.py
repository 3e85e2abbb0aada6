"""`file.py:function`: a model in a user's own file, run to give a Graph."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from edgesynth.errors import EdgesynthError, InputError
from edgesynth.graph import Graph
from edgesynth.verify import verify


def split(text: str) -> tuple[Path, str] | None:
    """(file, function) where `text` has the form file.py:function; None otherwise."""
    file, colon, function = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        return None
    return Path(file), function


def call(file: Path, function: str) -> Any:
    """What the function of that file returns, called without arguments.

    The file's folder is importable while it runs. InputError names what is missing or fails.
    """
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(f"edgesynth_user_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
        made = getattr(module, function, None)
        if not callable(made):
            public = [k for k, v in vars(module).items() if callable(v) and k[0] != "_"]
            raise InputError(f"{file} has no function {function!r}; it has {', '.join(public)}")
        return made()
    except EdgesynthError:
        raise
    except Exception as e:  # whatever a user's file raises
        why = " ".join(str(e).split())
        raise InputError(f"{file}:{function} fails: {type(e).__name__}: {why}") from e
    finally:
        sys.path.remove(str(file.resolve().parent))


def graph_of(made: Any, where: str) -> Graph:
    """A Graph from what a user's function returned.

    A Graph; a Model with one graph or one called "decoder"; a pair (nn.Module, example inputs); or
    a dict of `capture`'s arguments with the module as "module".
    """
    from edgesynth.capture import capture
    from edgesynth.models.base import Model

    if isinstance(made, Model):
        graphs = made.build()
        if len(graphs) > 1 and "decoder" not in graphs:
            raise InputError(f"{where} builds {', '.join(graphs)}; return the Graph you want")
        made = graphs["decoder"] if "decoder" in graphs else next(iter(graphs.values()))
    if isinstance(made, tuple) and len(made) == 2 and hasattr(made[0], "forward"):
        made = capture(made[0], made[1])
    if isinstance(made, dict) and "module" in made:
        try:
            made = capture(**made)
        except TypeError as e:
            raise InputError(f"{where}: {e}") from e
    if not isinstance(made, Graph):
        raise InputError(
            f"{where} returns a {type(made).__name__}; return a Graph, a Model, or "
            "(torch module, example inputs)"
        )
    verify(made)
    return made
