"""What a user may write where a MODEL or an ARTIFACT is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import edgesynth
from edgesynth.errors import ArtifactError, InputError
from edgesynth.graph import Graph

MAGIC = b"ESA\x1a"


def read_bytes(path: Path) -> bytes:
    """The file's bytes; InputError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def is_artifact(text: str) -> bool:
    """Whether `text` names a file that begins as an artifact does."""
    path = Path(text)
    if path.suffix == ".esa":
        return True
    return path.is_file() and path.open("rb").read(4) == MAGIC


def open_graph(text: str) -> Graph:
    """A bundled name, a saved Graph, or `file.py:function`."""
    if is_artifact(text):
        raise InputError(
            f"{text} is an artifact; this command takes a model (a name, a saved Graph or file.py:function)"
        )
    return edgesynth.load(text)


def open_artifact(text: str, target: str = "host") -> bytes:
    """An artifact's bytes; a model is exported for `target` first."""
    if is_artifact(text):
        return read_bytes(Path(text))
    from edgesynth.flow.api import export_bytes

    return export_bytes(open_graph(text), target)


@contextlib.contextmanager
def named(text: str) -> Iterator[None]:
    """An ArtifactError raised inside begins with `text`, where that names an artifact's file."""
    try:
        yield
    except ArtifactError as error:
        if not is_artifact(text):
            raise
        raise ArtifactError(f"{text}: {error}") from None


def card_of(name: str) -> dict[str, Any]:
    """The model card of a bundled name or a saved Graph; empty where `name` is no saved Graph.
    InputError where there is one and it cannot be read."""
    from edgesynth.save import card

    bundled = Path(edgesynth.__file__).parent / "models" / "checkpoints" / name
    path = bundled if name in edgesynth.checkpoints() else Path(name)
    stem = path.name.removesuffix(".json").removesuffix(".safetensors")
    return dict(card(path) or {}) if path.with_name(f"{stem}.json").is_file() else {}


def write_atomic(path: Path, data: bytes) -> None:
    """Write under a temporary name, then rename; nothing half-written is left behind. InputError
    where `path` is a folder."""
    if not path.name or path.is_dir():
        raise InputError(f"{path} is a folder: give a file's name")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
