"""Counting the functions that numba compiles, for bars of progress."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from numba.core import event


class _Counter(event.Listener):  # type: ignore[misc]  # numba has no type hints
    """Counts functions that numba has compiled."""

    def __init__(self, on_compiled: Callable[[int], None]) -> None:
        self._on_compiled = on_compiled
        self._count = 0

    def on_start(self, event: Any) -> None:
        """Do nothing: a function counts when it is compiled."""

    def on_end(self, event: Any) -> None:  # noqa: ARG002  numba's interface
        """Count a function."""
        self._count += 1
        self._on_compiled(self._count)


@contextlib.contextmanager
def counting_compilations(on_compiled: Callable[[int], None]) -> Iterator[None]:
    """Call a function with the number of functions that this process has compiled within the block, after each.

    Functions that kernels call count, too; functions from the cache do not.
    """
    with event.install_listener("numba:compile", _Counter(on_compiled)):
        yield
