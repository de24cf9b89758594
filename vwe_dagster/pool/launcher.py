"""The launcher interface: start, find and end engines. Launchers do not know leases."""

from __future__ import annotations

import dataclasses
import signal
from typing import Protocol, Self

from vwe_dagster.engine.messages import EngineError


class LauncherError(EngineError):
    """An engine could not be started, or the launcher does not answer. The message contains a remedy."""


@dataclasses.dataclass(frozen=True)
class LaunchSpec:
    """The specification of an engine to start.

    Attributes:
        engine: the name of the engine, never reused: ``<pool id>-<slot>-<number>``.
        slot: the number of its slot.
        digest: the digest of its configuration (see :attr:`Launcher.digest`).
    """

    engine: str
    slot: int
    digest: str


@dataclasses.dataclass(frozen=True)
class LaunchedEngine:
    """An engine that was started and may not be ready yet.

    Attributes:
        handle: the launcher's id of the engine: a process id with its start time, or a container id.
        address: ``unix:/path`` or ``http://host:port``.
        bearer: the bearer token of every request over TCP; None for a unix socket.
    """

    handle: str
    address: str
    bearer: str | None = None


@dataclasses.dataclass(frozen=True)
class EngineInfo:
    """An existing engine of the pool, running or not, recorded in the ledger or not."""

    engine: str
    handle: str
    running: bool
    age_s: float


@dataclasses.dataclass(frozen=True)
class EngineEnd:
    """The cause of an engine's end.

    Attributes:
        detail: ``out of memory``, ``exit code 3``, ``killed by signal 9``, or ``ended`` if the cause is unknown.
        out_of_memory: whether the engine exhausted its memory.
        killed: whether another process ended it by a signal. A crash raises other signals.
        is_known: whether the cause is known. Only the process that started an engine learns its exit code.
    """

    detail: str
    out_of_memory: bool = False
    killed: bool = False
    is_known: bool = True

    @classmethod
    def by_signal(cls, number: int) -> Self:
        """Return the end of an engine that received a signal."""
        return cls(f"killed by signal {number}", killed=number in _SIGNALS_OF_OTHERS)


_SIGNALS_OF_OTHERS = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGTERM}

UNKNOWN_END = EngineEnd("ended", is_known=False)
OUT_OF_MEMORY = EngineEnd("out of memory", out_of_memory=True)


class Launcher(Protocol):
    """Starts and ends the engines of one pool. Any number of processes may use launchers of one pool concurrently."""

    @property
    def digest(self) -> str:
        """A hash of the configuration that an engine keeps for life; an engine with another digest is retired.

        It covers the command or the image, limits, connection, and the version of the native engine and its kernels.

        Raises:
            LauncherError: the image is missing or Docker does not answer.
        """

    def launch(self, spec: LaunchSpec) -> LaunchedEngine:
        """Start an engine without waiting until it is ready.

        A failed start leaves nothing behind.

        Raises:
            LauncherError: the engine did not start.
        """

    def running(self, launched: LaunchedEngine) -> bool:
        """Return whether the engine's process or container runs; a stopped or hung engine counts as running.

        Raises:
            LauncherError: Docker does not answer.
        """

    def cause_of_end(self, launched: LaunchedEngine) -> EngineEnd:
        """Return why an engine that is no longer running ended."""

    def end(self, engine: str, launched: LaunchedEngine | None) -> None:
        """Kill an engine and remove its socket and container; do nothing if it does not exist.

        Args:
            engine: the name of the engine.
            launched: its handle and address; None if they are unknown.

        Raises:
            LauncherError: Docker does not answer.
        """

    def engines(self) -> list[EngineInfo]:
        """Return every existing engine of this pool.

        Raises:
            LauncherError: Docker does not answer.
        """

    def log(self, engine: str, *, lines: int) -> str:
        """Return the last log lines of an engine, also after its end if its log was kept."""

    def memory_bytes(self, launched: LaunchedEngine) -> int | None:
        """Return the memory that the engine uses now, in bytes; None if unknown."""

    def remove_logs(self, keep: set[str]) -> None:
        """Remove the logs and socket directories of engines that are not in ``keep`` and no longer exist."""
