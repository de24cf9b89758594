"""How many cores there are to work on."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator

_limit: contextvars.ContextVar[int | None] = contextvars.ContextVar("limit", default=None)


def usable_cores() -> int:
    """Return the cores that the caller may use: those of this process, which can be fewer than the machine has.

    Within :func:`limited_cores` there are fewer still.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _limit.get()
    return cores if limit is None else min(cores, limit)


@contextlib.contextmanager
def limited_cores(most: int) -> Iterator[None]:
    """Let what this thread calls use at most so many cores, because other threads work beside it."""
    token = _limit.set(most)
    try:
        yield
    finally:
        _limit.reset(token)
