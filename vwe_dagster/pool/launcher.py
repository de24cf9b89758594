"""What a launcher is: it starts engines, finds them again, and ends them; it knows nothing of leases."""

from __future__ import annotations

import dataclasses
import signal
from typing import Protocol, Self

from vwe_dagster.engine.messages import EngineError


class LauncherError(EngineError):
    """An engine could not be started, or the launcher cannot be asked; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class LaunchSpec:
    """An engine to start.

    Attributes:
        engine: its name, unique for all time: ``<pool id>-<slot>-<number>``.
        slot: the slot of the pool it is for.
        digest: the configuration it is started with (see :attr:`Launcher.digest`).
    """

    engine: str
    slot: int
    digest: str


@dataclasses.dataclass(frozen=True)
class Launched:
    """An engine that was started and may not be ready yet.

    Attributes:
        handle: what the launcher knows it by: a process id with its start time, or a container id.
        address: where it will answer, ``unix:/path`` or ``http://host:port``.
        bearer: the token that every request carries, for TCP.
    """

    handle: str
    address: str
    bearer: str | None = None


@dataclasses.dataclass(frozen=True)
class EngineInfo:
    """An engine of the pool that exists, running or not, whether the pool remembers it or not."""

    engine: str
    handle: str
    running: bool
    age_s: float


@dataclasses.dataclass(frozen=True)
class EngineEnd:
    """Why an engine ended.

    Attributes:
        detail: in a few words: ``out of memory``, ``exit code 3``, ``killed by signal 9``, or ``ended`` if unknown.
        out_of_memory: whether it ended because its memory was used up.
        killed: whether another process ended it by a signal; an engine that crashes gets other signals.
        is_known: whether the cause is known; only the process that started an engine learns how it ended.
    """

    detail: str
    out_of_memory: bool = False
    killed: bool = False
    is_known: bool = True

    @classmethod
    def by_signal(cls, number: int) -> Self:
        """Return the end of an engine that got a signal."""
        return cls(f"killed by signal {number}", killed=number in _FROM_OUTSIDE)


_FROM_OUTSIDE = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGTERM}

UNKNOWN_END = EngineEnd("ended", is_known=False)
OUT_OF_MEMORY = EngineEnd("out of memory", out_of_memory=True)


class Launcher(Protocol):
    """Starts and ends the engines of one pool. Safe for many processes at once."""

    @property
    def digest(self) -> str:
        """A hash of what an engine is started with and keeps for life; an engine of another digest retires.

        It covers the command or the image, limits, connection, and the version of the native engine and its kernels.

        Raises:
            LauncherError: it cannot be told, for the image is missing or Docker does not answer.
        """

    def launch(self, spec: LaunchSpec) -> Launched:
        """Starts an engine and returns without waiting for it to be ready.

        Nothing of a failed start is left behind.

        Raises:
            LauncherError: it did not start.
        """

    def running(self, launched: Launched) -> bool:
        """Whether the engine's process or container is there and running (stopped or hung counts as running).

        Raises:
            LauncherError: Docker does not answer, so nobody knows.
        """

    def why_ended(self, launched: Launched) -> EngineEnd:
        """Return why an engine that is no longer running ended."""

    def end(self, engine: str, launched: Launched | None) -> None:
        """Ends an engine at once and removes all it leaves: socket, container, bind mount. One that is gone stays gone.

        Args:
            engine: its name.
            launched: how it was started, where that is known.

        Raises:
            LauncherError: Docker does not answer.
        """

    def engines(self) -> list[EngineInfo]:
        """Every engine of this pool that exists.

        Raises:
            LauncherError: Docker does not answer, so nobody knows.
        """

    def log(self, engine: str, *, lines: int) -> str:
        """The last lines an engine has written, also after its end where they are kept."""

    def memory_bytes(self, launched: Launched) -> int | None:
        """What the engine uses now, or None."""

    def remove_logs(self, keep: set[str]) -> None:
        """Remove the logs and socket directories of engines that are not in ``keep`` and no longer exist."""
