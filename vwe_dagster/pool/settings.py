"""The settings of a pool: every choice a user has, checked where it enters."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import pydantic

DEFAULT_NAME = "default"
IDLE_MINUTES_OF_A_PROCESS = 10.0

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

Minutes = Annotated[float, pydantic.Field(gt=0)]
Seconds = Annotated[float, pydantic.Field(gt=0)]


class PoolSettings(pydantic.BaseModel):
    """How many engines of what kind a pool keeps, how long, and what it allows them.

    Attributes:
        name: tells pools of one project apart; small letters, digits and ``-``.
        engine: the kind of engine, ``native`` or ``valheim``; one that says it is another is not used.
        launcher: ``process`` runs engines as processes of this machine, ``docker`` as containers.
        max_warm_containers: the most engines, processes or containers, at once.
        container_ttl_minutes: an engine older than this, give or take a tenth, is replaced when nobody uses it.
        idle_minutes: an engine nobody has used for so long ends by itself; None for 10 in a process, and for
            ``container_ttl_minutes`` in a container.
        engine_startup_timeout: seconds an engine may take to become ready.
        world_gen_timeout: seconds one world may take.
        acquire_timeout: seconds to wait for an engine that others use.
        auto_reset_after_job: resets an engine when it is given back rather than when it is next used.
        max_jobs_per_engine: an engine is replaced after so many worlds.
        memory_limit: bytes an engine may use, as in ``4g``.
        base_image: the image of a container engine.
        connection: ``unix``, a socket in a shared folder with no network at all, or ``tcp``, a published port.
        min_free_disk_gb: no world is begun with less free on the disk of the data folder.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = DEFAULT_NAME
    engine: Literal["native", "valheim"] = "native"
    launcher: Literal["process", "docker"] = "process"
    max_warm_containers: Annotated[int, pydantic.Field(ge=1, le=64)] = 3
    container_ttl_minutes: Minutes = 120.0
    idle_minutes: Minutes | None = None
    engine_startup_timeout: Seconds = 120.0
    world_gen_timeout: Seconds = 300.0
    acquire_timeout: Annotated[float, pydantic.Field(ge=0)] = 600.0
    auto_reset_after_job: bool = True
    max_jobs_per_engine: Annotated[int, pydantic.Field(ge=1)] = 10
    memory_limit: str = "4g"
    base_image: str = "vwe-engine"
    connection: Literal["unix", "tcp"] = "unix"
    min_free_disk_gb: Annotated[float, pydantic.Field(ge=0)] = 1.0

    @pydantic.field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a pool is named with 1 to 31 small letters, digits and '-'")
        return name

    @pydantic.field_validator("memory_limit")
    @classmethod
    def _check_memory_limit(cls, text: str) -> str:
        match = _BYTES.fullmatch(text.strip())
        if match is None or _bytes(match) < 2**28:
            raise ValueError("a memory limit is 256m or more, as in 4g or 512m")
        return text

    @property
    def folder_name(self) -> str:
        """The name of the pool's folder. No launcher can tell of another's engines, so each has its own pool."""
        return self.name if self.launcher == "process" else f"{self.name}.{self.launcher}"

    @property
    def memory_limit_bytes(self) -> int:
        """``memory_limit`` in bytes."""
        match = _BYTES.fullmatch(self.memory_limit.strip())
        assert match is not None  # noqa: S101  checked by the validator
        return _bytes(match)

    def command(self, words: str) -> str:
        """A command on this pool as a person writes it, as in ``vwe pool logs 0 --pool valheim``."""
        return f"vwe pool {words}" if self.name == DEFAULT_NAME else f"vwe pool {words} --pool {self.name}"

    @property
    def image(self) -> str | None:
        """The image of the engines; None where they are processes."""
        return self.base_image if self.launcher == "docker" else None

    @property
    def idle_s(self) -> float:
        """Seconds after which an engine that nobody uses ends by itself."""
        if self.idle_minutes is not None:
            return self.idle_minutes * 60
        return 60 * (IDLE_MINUTES_OF_A_PROCESS if self.launcher == "process" else self.container_ttl_minutes)


def _bytes(match: re.Match[str]) -> int:
    return int(float(match[1]) * _UNITS[match[2].lower()])
