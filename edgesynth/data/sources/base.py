"""What a source is: a kind of data spec, read into takes."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field

from edgesynth.data.cache import Arrays, Keep
from edgesynth.data.instruments.base import Take
from edgesynth.progress import Progress, quiet

__all__ = ["Arrays", "Keep", "Request", "Source", "Take"]


@dataclass(frozen=True)
class Request:
    """What `load` was asked for, and where a source keeps what was slow to make.

    keep(key, make): the arrays stored under `key`, made by `make()` and stored where there are
    none. report: the source appends one line for whatever it changed or refused.
    """

    rate: float
    hop: int
    seed: int
    keep: Keep
    progress: Progress = quiet
    report: list[str] = field(default_factory=list)


class Source(abc.ABC):
    """One kind of spec, `<prefix>:<rest>`; the prefix is the file's name."""

    @abc.abstractmethod
    def read(self, rest: str, request: Request) -> list[Take]:
        """The takes that `rest` names; InputError where it cannot be read."""
