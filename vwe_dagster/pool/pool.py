"""The pool of warm engines, from which any number of processes lease engines as equal peers.

No process runs the pool. The ledger records the state of every slot. A kernel lock on each slot shows which process
holds it. Every use of the pool recovers slots that other processes left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from vwe_dagster.engine.messages import (
    NATIVE,
    EngineIdentity,
    Progress,
    SurveyExport,
    SurveyRequest,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.pool.administration import Administration
from vwe_dagster.pool.allocation import Allocation
from vwe_dagster.pool.lease import Lease
from vwe_dagster.pool.ledger import JobRecord, Transition
from vwe_dagster.pool.many import Outcome
from vwe_dagster.pool.queue import Queue
from vwe_dagster.pool.reaper import ReapReport
from vwe_dagster.pool.repair import RepairReport
from vwe_dagster.pool.status import PoolStatus
from vwe_dagster.pool.upkeep import Upkeep

IDENTITIES: Mapping[str, EngineIdentity] = {"native": NATIVE, "valheim": EngineIdentity("valheim", "")}
"""The engine identities by kind. The version of a Valheim engine is empty: each server reports its own."""


class EnginePool:
    """The view that one process has of a pool; open it with :func:`vwe_dagster.pool.opening.open_pool`.

    Attributes:
        settings: the settings of the pool.
        allocation: the part that leases engines to callers.
        administration: the part that starts, ends, repairs and shows engines.
    """

    def __init__(self, upkeep: Upkeep, *, data: Path) -> None:
        """Create the parts of the pool; start no engine.

        Args:
            upkeep: ledger, launcher and settings of the pool.
            data: the folder of the worlds; a lease requires free space on its disk.
        """
        queue = Queue(upkeep.ledger, upkeep.locks, upkeep.clock)
        self._upkeep = upkeep
        self.settings = upkeep.settings
        self.allocation = Allocation(upkeep, queue, data)
        self.administration = Administration(upkeep, queue)

    def __enter__(self) -> Self:
        """Return the pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the pool."""
        self.close()

    @property
    def identity(self) -> EngineIdentity:
        """The kind of the pool's engines. Each export records the exact engine that generated it."""
        return IDENTITIES[self.settings.engine]

    @property
    def folder(self) -> Path:
        """The folder of the ledger and the locks."""
        return self._upkeep.locks.parent

    def close(self) -> None:
        """Close files and sockets; engines keep running."""
        self._upkeep.connections.close()
        self._upkeep.ledger.close()

    def lease(
        self,
        *,
        purpose: str = "",
        timeout_s: float | None = None,
        engine: str | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> AbstractContextManager[Lease]:
        """Lease an engine for a block; see :meth:`Allocation.lease`."""
        return self.allocation.lease(purpose=purpose, timeout_s=timeout_s, engine=engine, waiting=waiting)

    def generate(
        self, request: WorldRequest, progress: Progress = no_progress, *, engine: str | None = None
    ) -> WorldExport:
        """Generate one world on a leased engine; see :meth:`Allocation.generate`."""
        return self.allocation.generate(request, progress, engine=engine)

    def survey(self, request: SurveyRequest, progress: Progress = no_progress) -> SurveyExport:
        """Compute the rows of a survey on a leased engine; see :meth:`Allocation.survey`."""
        return self.allocation.survey(request, progress)

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[Outcome]:
        """Generate worlds on up to ``max_warm_containers`` engines; see :meth:`Allocation.generate_many`."""
        return self.allocation.generate_many(requests, progress)

    def warm(self, count: int, *, wait: bool = True, progress: Callable[[int, int], None] | None = None) -> int:
        """Start engines until ``count`` exist, and keep them warm; see :meth:`Administration.warm`."""
        return self.administration.warm(count, wait=wait, progress=progress)

    def create_engine(self, name: str) -> str:
        """Start an engine that jobs can request by name; see :meth:`Administration.create_engine`."""
        return self.administration.create_engine(name)

    def drain(self, *, timeout_s: float | None = None) -> int:
        """End every engine as soon as it is free; see :meth:`Administration.drain`."""
        return self.administration.drain(timeout_s=timeout_s)

    def reap(self) -> ReapReport:
        """Recover slots and engines that other processes left behind; see :meth:`Administration.reap`."""
        return self.administration.reap()

    def repair(self) -> RepairReport:
        """Replace a ledger that is damaged or an old copy; see :meth:`Administration.repair`."""
        return self.administration.repair()

    def take_alerts(self) -> list[str]:
        """Return the alerts that were not returned before; see :meth:`Administration.take_alerts`."""
        return self.administration.take_alerts()

    def release(self, slot: int, *, force: bool = False) -> str:
        """Take a slot from its holder; see :meth:`Administration.release`."""
        return self.administration.release(slot, force=force)

    def status(self) -> PoolStatus:
        """Return the state of the pool and of each engine."""
        return self.administration.status()

    def history(self, limit: int = 50) -> list[JobRecord]:
        """Return the latest jobs, latest first."""
        return self.administration.history(limit)

    def events(self, *, after: int = 0, limit: int | None = None) -> list[Transition]:
        """Return transitions, oldest first; see :meth:`Administration.events`."""
        return self.administration.events(after=after, limit=limit)

    def log(self, slot: int, *, lines: int = 200) -> str:
        """Return the last log lines of a slot's engine; see :meth:`Administration.log`."""
        return self.administration.log(slot, lines=lines)
