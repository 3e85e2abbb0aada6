"""What a command is: a frozen dataclass whose fields are its options, and what it shows.

Help stands on the fields: `seconds: Annotated[float, "length to render, seconds"] = 4.0`. A field
marked `ARGUMENT` is positional, `FILE` names an output file or folder.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

ARGUMENT = "argument"


@dataclass(frozen=True)
class Table:
    """Rows with named columns; `facts` are single values that go with them (JSON-able)."""

    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    title: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class UI(Protocol):
    """Where a command shows things; results go to standard output, the rest to standard error."""

    def say(self, text: str) -> None:
        """One line about what is happening."""

    def warn(self, text: str) -> None:
        """One line about something that the user should know."""

    def progress(self, what: str, done: int, total: int) -> None:
        """An `edgesynth.progress.Progress`."""

    def table(self, table: Table) -> None:
        """Show a table now, between others."""


class Quiet:
    """The UI that shows nothing, for Python callers and tests."""

    def say(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    def progress(self, what: str, done: int, total: int) -> None: ...

    def table(self, table: Table) -> None: ...


@dataclass(frozen=True)
class Command(abc.ABC):
    """One command. `table` True offers --json; `failed` in a Table's facts makes the exit code 1."""

    table: ClassVar[bool] = False

    @abc.abstractmethod
    def run(self, ui: UI) -> Table | None:
        """Do it. Raise an EdgesynthError for what the user can mend."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, so that results repeat and shared machines are not stalled."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
