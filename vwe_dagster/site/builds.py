"""Builds of the worlds that visitors of a page request; a process builds one world after another."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import json
import os
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Self

from vwe_dagster.seeds.seed import Seed
from vwe_dagster.text.printable import escape_unprintable

MAX_WAITING = 8
"""Maximum number of requested worlds that are not built yet."""

_MAX_REASON_LENGTH = 300
_MAX_LINE_BYTES = 64 * 1024


class BuildState(enum.StrEnum):
    """The state of a requested build."""

    WAITING = "waiting"
    BUILDING = "building"
    BUILT = "built"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class BuildFailure:
    """The failure of a build.

    Attributes:
        reason: the message of the failure; None if the process ended without a message.
        run_id: the id of the run in Dagster; None if no run started.
    """

    reason: str | None = None
    run_id: str | None = None

    def to_line(self) -> str:
        """Return the failure as a line of JSON, which the process of a build prints last."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_output(cls, output: IO[bytes]) -> Self:
        """Return the failure in the last line of the output of a process; keep only the first line of its reason."""
        output.seek(max(output.seek(0, os.SEEK_END) - _MAX_LINE_BYTES, 0))
        try:
            content = json.loads(output.read().strip().rpartition(b"\n")[2])
            return cls(_first_line(content["reason"]), str(uuid.UUID(content["run_id"])) if content["run_id"] else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()


def _first_line(text: str | None) -> str | None:
    """Return the first line of a message, without unprintable characters; None if it is empty."""
    lines = (text or "").strip().splitlines()
    if not lines:
        return None
    line = escape_unprintable(lines[0].strip())
    return line if len(line) <= _MAX_REASON_LENGTH else f"{line[:_MAX_REASON_LENGTH]}..."


@dataclasses.dataclass(frozen=True)
class Build:
    """A requested build at one moment.

    Attributes:
        id: the number of the request, counted from 1. A world that is requested again has another one.
        state: the state.
        failure: the failure; None unless the state is :attr:`BuildState.FAILED`.
    """

    id: int
    state: BuildState = BuildState.WAITING
    failure: BuildFailure | None = None

    @property
    def is_pending(self) -> bool:
        """Return whether the build has not ended."""
        return self.state in {BuildState.WAITING, BuildState.BUILDING}


class TooManyBuildsError(RuntimeError):
    """:data:`MAX_WAITING` requested worlds are not built yet."""


class Builds:
    """Builds the worlds that are requested from a server.

    Args:
        command: returns the command that builds the world of a seed. If the command fails, it prints a
            :meth:`BuildFailure.to_line` last.
        environment: the environment variables of the command.
        ui: returns the URL of Dagster's UI, without a slash at the end; None if the UI is not running.
    """

    def __init__(
        self,
        command: Callable[[Seed], Sequence[str]],
        environment: Mapping[str, str],
        ui: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._command, self._environment, self._ui = command, environment, ui
        self._builds: dict[str, Build] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._worker = ThreadPoolExecutor(1, "build")

    def request(self, seed: Seed) -> None:
        """Queue the build of a world, unless the same world is queued or being built.

        Raises:
            TooManyBuildsError: :data:`MAX_WAITING` requested worlds are not built yet.
        """
        with self._lock:
            pending = [key for key, build in self._builds.items() if build.is_pending]
            if seed.key in pending:
                return
            if len(pending) >= MAX_WAITING:
                raise TooManyBuildsError(
                    f"{len(pending)} requested worlds are not built yet; try again when one is built."
                )
            self._builds[seed.key] = Build(next(self._ids))
        self._worker.submit(self._build, seed)

    def states(self) -> dict[str, BuildState]:
        """Return the states of all requested worlds, by key."""
        with self._lock:
            return {key: build.state for key, build in self._builds.items()}

    def latest(self, seed: Seed) -> Build | None:
        """Return the last requested build of a world; None if it was not requested."""
        with self._lock:
            return self._builds.get(seed.key)

    def page_of(self, failure: BuildFailure) -> str | None:
        """Return the URL of a failed run in Dagster's UI; None if no run started or the UI is not running."""
        ui = None if failure.run_id is None else self._ui()
        return None if ui is None else f"{ui}/runs/{failure.run_id}"

    def close(self) -> None:
        """End the running build and discard the others."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.terminate()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _build(self, seed: Seed) -> None:
        try:
            with tempfile.TemporaryFile() as output:
                is_built = self._run(seed, output)
                failure = None if is_built else BuildFailure.from_output(output)
        except OSError as error:
            failure = BuildFailure(_first_line(str(error)))
        with self._lock:
            self._process = None
            state = BuildState.BUILT if failure is None else BuildState.FAILED
            self._builds[seed.key] = dataclasses.replace(self._builds[seed.key], state=state, failure=failure)

    def _run(self, seed: Seed, output: IO[bytes]) -> bool:
        """Run the command unless :meth:`close` was called, and return whether it succeeded."""
        with self._lock:
            if self._is_closed:
                return False
            self._builds[seed.key] = dataclasses.replace(self._builds[seed.key], state=BuildState.BUILDING)
            self._process = subprocess.Popen(  # noqa: S603  the seed is one argument
                self._command(seed),
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
            )
        return self._process.wait() == 0
