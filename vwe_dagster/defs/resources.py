"""Dagster resources: thin, configurable wrappers of the data folder and the engine pools.

Assets use a pool only through :class:`Engines` and :class:`Surveys`, so any object with their members can replace it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
import pydantic

from vwe_dagster.config.pool import VALHEIM_PREFIX
from vwe_dagster.engine.messages import (
    EngineIdentity,
    Progress,
    SurveyExport,
    SurveyRequest,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.pool.errors import PoolError
from vwe_dagster.pool.lease import Lease
from vwe_dagster.pool.many import Outcome
from vwe_dagster.pool.opening import open_pool
from vwe_dagster.pool.pool import IDENTITIES, EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.status import PoolStatus
from vwe_dagster.store import WorldStore
from vwe_dagster.store.stage_counts import StageCounts

VALHEIM_POOL = "valheim_pool"
"""Key of the resource with the pool of Valheim's servers."""

_NO_VALHEIM_POOL = (
    f"No pool of Valheim's servers is configured; set {VALHEIM_PREFIX}BASE_IMAGE to their image, or choose another "
    "engine."
)


def _setting(name: str) -> Any:
    """Return the config field of a setting; all settings are validated together when the pool is opened."""
    setting = PoolSettings.model_fields[name]
    return pydantic.Field(default=setting.default, description=setting.description)


class WorldStoreResource(dg.ConfigurableResource[WorldStore]):
    """Data folder; assets receive the :class:`~vwe_dagster.store.WorldStore`."""

    root: str = pydantic.Field(description="Absolute path of the data folder.")
    stage_counts: str | None = pydantic.Field(
        default=None, description="Absolute path of the file that counts built and kept stages; by default none."
    )

    def create_resource(self, context: dg.InitResourceContext) -> WorldStore:  # noqa: ARG002
        """Open the data folder."""
        return WorldStore(
            Path(self.root), stage_counts=StageCounts(Path(self.stage_counts)) if self.stage_counts else None
        )


class Engines(Protocol):
    """Interface of a pool for the asset ``raw_export``."""

    @property
    def identity(self) -> EngineIdentity:
        """Identity of the pool's engines."""

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[Outcome]:
        """Generate worlds on several engines concurrently; see :meth:`EnginePool.generate_many`."""


class Surveys(Protocol):
    """Interface of a pool for the asset ``survey``."""

    def survey(self, request: SurveyRequest, progress: Progress) -> SurveyExport:
        """Compute the rows of a survey; see :meth:`EnginePool.survey`."""


class NoValheimPool(dg.ConfigurableResource["NoValheimPool"]):
    """Placeholder for an unconfigured pool of Valheim's servers: every request fails with the remedy."""

    @property
    def identity(self) -> EngineIdentity:
        """Identity of Valheim's servers."""
        return IDENTITIES["valheim"]

    def generate_many(
        self,
        requests: Iterable[WorldRequest],
        progress: Callable[[int, float, str], None] | None = None,  # noqa: ARG002  there is none
    ) -> Generator[Outcome]:
        """Yield a failure for every request."""
        for request in requests:
            yield Outcome(request, error=PoolError(_NO_VALHEIM_POOL))


class WarmEnginePool(dg.ConfigurableResource["WarmEnginePool"]):
    """Pool of warm engines that all runs on this machine share; engines outlive the run that started them.

    The pool is opened on first use. A run returns its leases at its end and stops no engine. Outside of a run:
    ``WarmEnginePool(folder="/absolute/path").status()``.
    """

    folder: str = pydantic.Field(
        description="Absolute path of the folder with the pool's ledger, locks and logs. "
        "Runs with the same folder share the pool."
    )
    data: str | None = pydantic.Field(
        default=None,
        description="Absolute path of the data folder, whose disk stores the worlds; by default the pool's folder.",
    )
    name: str = _setting("name")
    engine: str = _setting("engine")
    launcher: str = _setting("launcher")
    max_warm_containers: int = _setting("max_warm_containers")
    container_ttl_minutes: float = _setting("container_ttl_minutes")
    idle_minutes: float | None = _setting("idle_minutes")
    max_jobs_per_engine: int = _setting("max_jobs_per_engine")
    auto_reset_after_job: bool = _setting("auto_reset_after_job")
    engine_startup_timeout: float = _setting("engine_startup_timeout")
    world_gen_timeout: float = _setting("world_gen_timeout")
    acquire_timeout: float = _setting("acquire_timeout")
    memory_limit: str = _setting("memory_limit")
    base_image: str = _setting("base_image")
    connection: str = _setting("connection")
    min_free_disk_gb: float = _setting("min_free_disk_gb")

    _opened: EnginePool | None = pydantic.PrivateAttr(default=None)

    @property
    def settings(self) -> PoolSettings:
        """Validated settings of the pool.

        Raises:
            PoolError: a setting is invalid; the message names it and the valid values.
        """
        try:
            return PoolSettings.model_validate({name: getattr(self, name) for name in PoolSettings.model_fields})
        except pydantic.ValidationError as error:
            faults = [_sentence(fault["loc"][0], fault["input"], fault["msg"]) for fault in error.errors()]
            raise PoolError(" ".join(faults)) from error

    @property
    def identity(self) -> EngineIdentity:
        """Identity of the pool's engines; reading it starts none."""
        return self.opened.identity

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Validate the settings at the start of a run, without opening the pool.

        Raises:
            PoolError: a setting is invalid.
        """
        self._check()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Return the leases of the run; engines keep running."""
        self.close()

    def lease(
        self, *, purpose: str = "", timeout_s: float | None = None, engine: str | None = None
    ) -> AbstractContextManager[Lease]:
        """Lease an engine for a block; see :meth:`EnginePool.lease`."""
        return self.opened.lease(purpose=purpose, timeout_s=timeout_s, engine=engine)

    def generate(
        self, request: WorldRequest, progress: Progress = no_progress, *, engine: str | None = None
    ) -> WorldExport:
        """Generate one world on a leased engine; see :meth:`EnginePool.generate`."""
        return self.opened.generate(request, progress, engine=engine)

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[Outcome]:
        """Generate worlds on up to all engines of the pool; see :meth:`EnginePool.generate_many`."""
        yield from self.opened.generate_many(requests, progress)

    def survey(self, request: SurveyRequest, progress: Progress = no_progress) -> SurveyExport:
        """Compute the rows of a survey on a leased engine; see :meth:`EnginePool.survey`."""
        return self.opened.survey(request, progress)

    def status(self) -> PoolStatus:
        """Return the status of the pool with each of its engines."""
        return self.opened.status()

    def initialize(self, pool_size: int) -> None:
        """Start engines until ``pool_size`` are ready; see :meth:`EnginePool.warm`."""
        self.opened.warm(pool_size)

    def create_engine(self, name: str) -> str:
        """Start an engine with a name for later requests; see :meth:`EnginePool.create_engine`."""
        return self.opened.create_engine(name)

    def close(self) -> None:
        """Close the pool's files and sockets; engines keep running, and the next use reopens the pool."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def opened(self) -> EnginePool:
        """The opened pool.

        Raises:
            PoolError: a setting is invalid.
        """
        if self._opened is None:
            self._opened = open_pool(self._check(), Path(self.folder), data=Path(self.data) if self.data else None)
        return self._opened

    def _check(self) -> PoolSettings:
        for setting, folder in {"folder": self.folder, "data": self.data}.items():
            if folder is not None and not Path(folder).is_absolute():
                raise PoolError(_sentence(setting, folder, "write it as an absolute path"))
        return self.settings


def _sentence(setting: object, value: object, rule: str) -> str:
    # pydantic prefixes the messages of custom validators with "Value error, ".
    rule = rule.removeprefix("Value error, ")
    return f"The pool's setting {setting} cannot be {value!r}: {rule[0].lower()}{rule[1:]}."
