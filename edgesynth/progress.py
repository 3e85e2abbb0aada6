"""Progress of long work, without a library: a callable that a command turns into a bar."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""progress(what, done, total): called often; total 0 where it is not known."""


def quiet(what: str, done: int, total: int) -> None:
    """The Progress that shows nothing."""
