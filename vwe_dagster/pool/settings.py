"""The settings of a pool, each with its default, bounds and description."""

from __future__ import annotations

import re
from typing import Literal

import pydantic

from vwe_dagster.text.commands import vwe_command

DEFAULT_NAME = "default"
IDLE_MINUTES_OF_A_PROCESS = 10.0

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class PoolSettings(pydantic.BaseModel):
    """The settings of a pool: kind, number, lifetime and limits of its engines.

    The environment variables, the Dagster resource and the documentation take names, defaults and descriptions from
    these fields.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = pydantic.Field(
        default=DEFAULT_NAME,
        description="Name that distinguishes the pools of one project: lowercase letters, digits and `-`.",
    )
    engine: Literal["native", "valheim"] = pydantic.Field(
        default="native",
        description="Kind of engine, `native` or `valheim`; an engine that reports another kind is not used.",
    )
    launcher: Literal["process", "docker"] = pydantic.Field(
        default="process",
        description="What starts engines: `process` as processes of this machine, `docker` as containers.",
    )
    max_warm_containers: int = pydantic.Field(
        default=3, ge=1, le=64, description="Maximum number of engines, processes or containers: 1 to 64."
    )
    container_ttl_minutes: float = pydantic.Field(
        default=120.0,
        gt=0,
        description="Minutes after which an engine is replaced once it is free, plus or minus a tenth.",
    )
    idle_minutes: float | None = pydantic.Field(
        default=None,
        gt=0,
        description="Minutes without use after which an engine ends; if not set, 10 for a process and "
        "`container_ttl_minutes` for a container.",
    )
    max_jobs_per_engine: int = pydantic.Field(
        default=10, ge=1, description="Number of worlds after which an engine is replaced."
    )
    auto_reset_after_job: bool = pydantic.Field(
        default=True,
        description="Whether an engine is reset when it is returned; if not, it is reset before its next use.",
    )
    engine_startup_timeout: float = pydantic.Field(
        default=120.0, gt=0, description="Seconds that an engine may take to become ready."
    )
    world_gen_timeout: float = pydantic.Field(default=300.0, gt=0, description="Seconds that one world may take.")
    acquire_timeout: float = pydantic.Field(
        default=600.0, ge=0, description="Seconds that a caller waits for an engine while others use them all."
    )
    memory_limit: str = pydantic.Field(
        default="4g", description="Memory that an engine may use, as in `4g` or `512m`; at least `256m`."
    )
    base_image: str = pydantic.Field(default="vwe-engine", description="Image of an engine that is a container.")
    connection: Literal["unix", "tcp"] = pydantic.Field(
        default="unix",
        description="How engines are reached: `unix` by a socket in a shared folder without any network, `tcp` by a "
        "port of this machine with a token.",
    )
    min_free_disk_gb: float = pydantic.Field(
        default=1.0, ge=0, description="Gigabytes that must be free on the disk of the data folder to begin a world."
    )

    @pydantic.field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a pool name consists of 1 to 31 lowercase letters, digits and '-'")
        return name

    @pydantic.field_validator("memory_limit")
    @classmethod
    def _check_memory_limit(cls, text: str) -> str:
        match = _BYTES.fullmatch(text.strip())
        if match is None or _bytes(match) < 2**28:
            raise ValueError("the memory limit must be 256m or more, as in 4g or 512m")
        return text

    @property
    def folder_name(self) -> str:
        """The name of the pool's folder. It includes the launcher, which cannot see the engines of other launchers."""
        return self.name if self.launcher == "process" else f"{self.name}.{self.launcher}"

    @property
    def memory_limit_bytes(self) -> int:
        """``memory_limit`` in bytes."""
        match = _BYTES.fullmatch(self.memory_limit.strip())
        assert match is not None  # noqa: S101  checked by the validator
        return _bytes(match)

    def command(self, *words: str) -> str:
        """Return a shell command on this pool, such as ``vwe pool logs 0 --pool valheim``."""
        return vwe_command("pool", *words, *(() if self.name == DEFAULT_NAME else ("--pool", self.name)))

    @property
    def image(self) -> str | None:
        """The image of the engines; None if they are processes."""
        return self.base_image if self.launcher == "docker" else None

    @property
    def idle_s(self) -> float:
        """Seconds after which an unused engine ends by itself."""
        if self.idle_minutes is not None:
            return self.idle_minutes * 60
        return 60 * (IDLE_MINUTES_OF_A_PROCESS if self.launcher == "process" else self.container_ttl_minutes)


def _bytes(match: re.Match[str]) -> int:
    return int(float(match[1]) * _UNITS[match[2].lower()])
