"""The number of cores that a computation may use."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator

_limit: contextvars.ContextVar[int | None] = contextvars.ContextVar("limit", default=None)


def usable_cores() -> int:
    """Return the number of cores that the caller may use.

    It is the number of cores of this process, which can be lower than that of the machine. Within
    :func:`limited_cores` it is at most the given limit.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _limit.get()
    return cores if limit is None else min(cores, limit)


@contextlib.contextmanager
def limited_cores(most: int) -> Iterator[None]:
    """Limit :func:`usable_cores` to ``most`` for this thread within the block, since other threads also need cores."""
    token = _limit.set(most)
    try:
        yield
    finally:
        _limit.reset(token)
