"""The thread's floating-point mode, scoped: other runtimes are timed with denormals flushed, too."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from firmware_bridge.library import library


@contextmanager
def flushed() -> Iterator[None]:
    """Denormals are zero on this thread inside; the mode from before comes back."""
    flush, restore = library().es_float_flush, library().es_float_restore
    flush.restype, restore.argtypes, restore.restype = ctypes.c_uint64, [ctypes.c_uint64], None
    old = flush()
    try:
        yield
    finally:
        restore(old)
