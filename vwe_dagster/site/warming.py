"""Compiling and loading in advance what the first visitor would wait for, and its progress for the pages."""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable, Sequence

from vwe_dagster.kernels.counting import counting_compilations

FUNCTIONS = 520
"""Functions that are compiled on a machine without cached kernels (517 and those of the relief)."""

_LOG = logging.getLogger(__name__)


class WarmState(enum.StrEnum):
    """The state of a server's kernels."""

    LOADING = "loading"
    COMPILING = "compiling"
    READY = "ready"


class Warming:
    """Runs steps in a thread, one after another, and counts the functions that are compiled meanwhile.

    Args:
        steps: each compiles and loads a part of the kernels; the most urgent one is the first.
    """

    def __init__(self, steps: Sequence[Callable[[], object]]) -> None:
        self._steps = steps
        self._compiled = 0
        self._is_ended = self._is_closed = False

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="warm").start()

    def close(self) -> None:
        """End the thread after its present step."""
        self._is_closed = True

    def progress(self) -> dict[str, object]:
        """Return the state, and the compiled share of the kernels, 0 to 1."""
        if self._is_ended:
            return {"state": WarmState.READY, "share": 1.0}
        if not self._compiled:
            return {"state": WarmState.LOADING, "share": 0.0}
        return {"state": WarmState.COMPILING, "share": round(min(self._compiled / FUNCTIONS, 0.99), 3)}

    def _run(self) -> None:
        with counting_compilations(self._count):
            for step in self._steps:
                if self._is_closed:
                    break
                try:
                    step()
                except Exception:  # noqa: BLE001
                    # A closed server cannot start threads. In other cases the request that needs these kernels
                    # reports the error to its visitor.
                    if not self._is_closed:
                        _LOG.warning("Kernels could not be loaded in advance.", exc_info=True)
        self._is_ended = True

    def _count(self, count: int) -> None:
        self._compiled = count
