"""Resources: what the assets are given to work with, configured and wrapped for Dagster.

Each is thin. The assets know the pool by :class:`Engines` alone: any object with its ``identity`` and
``generate_many`` can stand in.
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
"""The key of the resource that is the pool of Valheim's servers."""

_NO_VALHEIM_POOL = (
    f"There is no pool of Valheim's servers; set {VALHEIM_PREFIX}BASE_IMAGE to their image, or choose another engine."
)


def _setting(name: str) -> Any:
    """Return the field of a setting: its values are checked with all others, when the pool is opened."""
    setting = PoolSettings.model_fields[name]
    return pydantic.Field(default=setting.default, description=setting.description)


class WorldStoreResource(dg.ConfigurableResource[WorldStore]):
    """The data folder; assets receive the :class:`~vwe_dagster.store.WorldStore` itself."""

    root: str = pydantic.Field(description="The data folder, as an absolute path.")
    stage_counts: str | None = pydantic.Field(
        default=None, description="The file that counts stages made and kept, as an absolute path; none if not set."
    )

    def create_resource(self, context: dg.InitResourceContext) -> WorldStore:  # noqa: ARG002
        """Opens the data folder."""
        return WorldStore(
            Path(self.root), stage_counts=StageCounts(Path(self.stage_counts)) if self.stage_counts else None
        )


class Engines(Protocol):
    """What ``raw_export`` asks of a pool."""

    @property
    def identity(self) -> EngineIdentity:
        """What kind of engine the pool has."""

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[Outcome]:
        """Generates worlds on several engines at once; see :meth:`EnginePool.generate_many`."""


class Surveys(Protocol):
    """What ``survey`` asks of a pool."""

    def survey(self, request: SurveyRequest, progress: Progress) -> SurveyExport:
        """Compute the rows of a survey; see :meth:`EnginePool.survey`."""


class NoValheimPool(dg.ConfigurableResource["NoValheimPool"]):
    """Stands where the pool of Valheim's servers would be: every world fails, and says how to have such a pool."""

    @property
    def identity(self) -> EngineIdentity:
        """What kind of engine the pool would have."""
        return IDENTITIES["valheim"]

    def generate_many(
        self,
        requests: Iterable[WorldRequest],
        progress: Callable[[int, float, str], None] | None = None,  # noqa: ARG002  there is none
    ) -> Generator[Outcome]:
        """Fails for every request."""
        for request in requests:
            yield Outcome(request, error=PoolError(_NO_VALHEIM_POOL))


class WarmEnginePool(dg.ConfigurableResource["WarmEnginePool"]):
    """Warm engines that all runs of this machine share; they outlive the run that started them.

    The pool is opened when it is first used. A run gives back what it leased and stops no engine. Outside a run:
    ``WarmEnginePool(folder="/absolute/path").status()``.
    """

    folder: str = pydantic.Field(
        description="The folder of the pool's ledger, locks and logs, as an absolute path. "
        "Runs that name the same folder share the pool."
    )
    data: str | None = pydantic.Field(
        default=None, description="The data folder, whose disk must have room for worlds; the pool's folder if not set."
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
        """The pool's settings.

        Raises:
            PoolError: one of them cannot be used; the message says which and what it may be.
        """
        try:
            return PoolSettings.model_validate({name: getattr(self, name) for name in PoolSettings.model_fields})
        except pydantic.ValidationError as error:
            faults = [_sentence(fault["loc"][0], fault["input"], fault["msg"]) for fault in error.errors()]
            raise PoolError(" ".join(faults)) from error

    @property
    def identity(self) -> EngineIdentity:
        """What kind of engine the pool has; asking starts none."""
        return self.opened.identity

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Checks the settings at the start of a run; opens nothing yet.

        Raises:
            PoolError: one of them cannot be used.
        """
        self._check()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Gives back what the run leased; engines stay."""
        self.close()

    def lease(
        self, *, purpose: str = "", timeout_s: float | None = None, engine: str | None = None
    ) -> AbstractContextManager[Lease]:
        """Leases an engine for a block; see :meth:`EnginePool.lease`."""
        return self.opened.lease(purpose=purpose, timeout_s=timeout_s, engine=engine)

    def generate(
        self, request: WorldRequest, progress: Progress = no_progress, *, engine: str | None = None
    ) -> WorldExport:
        """Generates one world on a leased engine; see :meth:`EnginePool.generate`."""
        return self.opened.generate(request, progress, engine=engine)

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[Outcome]:
        """Generates worlds on as many engines as the pool may have; see :meth:`EnginePool.generate_many`."""
        yield from self.opened.generate_many(requests, progress)

    def survey(self, request: SurveyRequest, progress: Progress = no_progress) -> SurveyExport:
        """Compute the rows of a survey on a leased engine; see :meth:`EnginePool.survey`."""
        return self.opened.survey(request, progress)

    def status(self) -> PoolStatus:
        """What the pool is doing, engine by engine."""
        return self.opened.status()

    def initialize(self, pool_size: int) -> None:
        """Has so many engines be ready; see :meth:`EnginePool.warm`."""
        self.opened.warm(pool_size)

    def create_engine(self, name: str) -> str:
        """Starts an engine that worlds can be asked of by name; see :meth:`EnginePool.create_engine`."""
        return self.opened.create_engine(name)

    def close(self) -> None:
        """Closes the pool's files and sockets; engines stay, and the next use opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def opened(self) -> EnginePool:
        """The pool itself, opened if it is not yet.

        Raises:
            PoolError: a setting cannot be used.
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
    # pydantic puts "Value error, " before what validators of ours say.
    rule = rule.removeprefix("Value error, ")
    return f"The pool's setting {setting} cannot be {value!r}: {rule[0].lower()}{rule[1:]}."
