"""Worlds that visitors of the page request, built one after another by the command ``vwe world``."""

from __future__ import annotations

import enum
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from vwe_dagster.seeds.seed import Seed

MOST_WAITING = 8
"""The largest number of requested worlds that are not built yet."""


class BuildState(enum.StrEnum):
    """The state of a request."""

    WAITING = "waiting"
    BUILDING = "building"
    BUILT = "built"
    FAILED = "failed"


class TooManyBuildsError(RuntimeError):
    """:data:`MOST_WAITING` requested worlds are not built yet."""


class Builds:
    """Builds the worlds that are requested from a server.

    Args:
        command: returns the command that builds the world of a seed.
        environment: the variables of its process.
    """

    def __init__(self, command: Callable[[Seed], Sequence[str]], environment: Mapping[str, str]) -> None:
        self._command, self._environment = command, environment
        self._states: dict[str, BuildState] = {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._worker = ThreadPoolExecutor(1, "build")

    def request(self, seed: Seed) -> None:
        """Queue the build of a world, unless the same world is queued or being built.

        Raises:
            TooManyBuildsError: :data:`MOST_WAITING` requested worlds are not built yet.
        """
        with self._lock:
            pending = [key for key, state in self._states.items() if state in {BuildState.WAITING, BuildState.BUILDING}]
            if seed.key in pending:
                return
            if len(pending) >= MOST_WAITING:
                raise TooManyBuildsError(
                    f"{len(pending)} requested worlds are not built yet; try again when one is built."
                )
            self._states[seed.key] = BuildState.WAITING
        self._worker.submit(self._build, seed)

    def states(self) -> dict[str, BuildState]:
        """Return the states of all requested worlds, by key."""
        with self._lock:
            return dict(self._states)

    def close(self) -> None:
        """End the running build and discard the others."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.terminate()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _build(self, seed: Seed) -> None:
        try:
            with self._lock:
                if self._is_closed:
                    return
                self._states[seed.key] = BuildState.BUILDING
                self._process = subprocess.Popen(  # noqa: S603  the seed is one argument behind "--"
                    self._command(seed),
                    env=dict(self._environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            is_built = self._process.wait() == 0
        except OSError:
            is_built = False
        with self._lock:
            self._process = None
            self._states[seed.key] = BuildState.BUILT if is_built else BuildState.FAILED
