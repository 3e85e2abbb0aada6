"""Arrays kept on disk under the hash of what they were made from."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgesynth.errors import InputError

Arrays = dict[str, NDArray[np.generic]]
Keep = Callable[[Mapping[str, object], Callable[[], Arrays]], Arrays]


class Cache:
    """A folder of .npz files, one per key; `folder` None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def path(self, key: Mapping[str, object]) -> Path | None:
        """Where the arrays of `key` (JSON-able, order-free) lie."""
        if self.folder is None:
            return None
        text = json.dumps(key, sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"

    def keep(self, key: Mapping[str, object], make: Callable[[], Arrays]) -> Arrays:
        """The arrays stored under `key`; made and stored first where absent or unreadable."""
        path = self.path(key)
        if path is None:
            return make()
        found = _read(path)
        if found is None:
            found = make()
            _write(path, found)
        return found


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def _write(path: Path, arrays: Arrays) -> None:
    """Written beside `path`, then renamed, so that a broken run leaves no half file."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except BaseException as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(f"cannot write the data cache {path.parent}: {error}") from error
        raise
