"""edgesynth: trained neural synths, made small, played in real time on small boards."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from edgesynth.capture import capture
from edgesynth.errors import EdgesynthError, InputError
from edgesynth.graph import Graph

__version__ = "0.1.0"
__all__ = ["EdgesynthError", "Graph", "capture", "checkpoints", "export", "load", "play"]

_BUNDLED = Path(__file__).parent / "models" / "checkpoints"


def load(path_or_name: str | Path) -> Graph:
    """A Graph by bundled name ("ddsp-edge"), by path of a saved Graph, or from `file.py:function`.

    InputError says what there is where nothing of that name is found; GraphError where a file is
    no well-formed Graph. Files are data only; `file.py:function` runs the user's own code.
    """
    from edgesynth import save, user_model

    text = str(path_or_name)
    user = user_model.split(text)
    if user is not None:
        return user_model.graph_of(user_model.call(*user), text)
    if text in checkpoints():
        return save.load(_BUNDLED / text)
    saved = text.endswith((".json", ".safetensors")) or Path(f"{text}.json").exists()
    if saved or "/" in text:
        return save.load(text)
    import difflib

    names = checkpoints()
    near = difflib.get_close_matches(text, names, 1)
    mend = f"; did you mean {near[0]!r}?" if near else f"; bundled: {', '.join(names) or 'none'}"
    raise InputError(f"there is no model {text!r}: no bundled name and no saved graph{mend}")


def checkpoints() -> list[str]:
    """Names of the bundled checkpoints, sorted."""
    return sorted(p.name.removesuffix(".json") for p in _BUNDLED.glob("*.json"))


def export(graph: Graph, target: str = "host") -> bytes:
    """The Graph's artifact (.esa) for a target: see `edgesynth targets` for their names."""
    return bytes(importlib.import_module("edgesynth.flow.api").export_bytes(graph, target))


def play(artifact: bytes | str | Path) -> Any:
    """A player of an artifact: `.process(ports, events=()) -> ports`, `.reset()`, `.latency`."""
    return importlib.import_module("edgesynth.flow.api").play(artifact)
