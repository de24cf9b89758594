"""Reports of workers in Redis: each worker reports its slots, its pools and its state every few seconds."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from typing import Any, cast

import redis

from vwe_dagster.hosts.redis_connection import server_time

REPORT_S = 5.0
"""Seconds between two reports of a worker."""

LOST_S = 20.0
"""Seconds without a report after which a worker counts as lost."""

FORGOTTEN_S = 7 * 24 * 3600
"""Seconds without a report after which a worker is no longer listed."""

_REPORTS = "vwe:hosts"
_NAMES = "vwe:name:"

_TAKE_NAME = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE_NAME = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class HostState(enum.StrEnum):
    """The state of a worker."""

    WORKING = "working"
    DRAINING = "draining"
    WITHOUT_DATA = "no data"
    STOPPED = "stopped"
    LOST = "lost"


@dataclasses.dataclass(frozen=True)
class PoolReport:
    """The state of one pool of a host.

    Attributes:
        name: the name of the pool.
        size: its maximum number of engines.
        free: engines that can be leased.
        engines: number of slots by the state of their engine; EMPTY means no engine.
        waiting: callers that wait for an engine.
    """

    name: str
    size: int
    free: int
    engines: Mapping[str, int]
    waiting: int


@dataclasses.dataclass(frozen=True)
class HostReport:
    """The last report of a worker.

    Attributes:
        name: the name of the host.
        machine: the name of the machine in its operating system.
        process: the process id of the worker.
        slots: runs that it executes concurrently.
        version: the version of the project.
        state: its state; LOST if it has not reported for :data:`LOST_S`, WITHOUT_DATA while its data folder is not that
            of the center.
        seen_s: seconds since the report.
        pools: its pools.
        free_disk_bytes: free space on the disk of its home.
    """

    name: str
    machine: str
    process: int
    slots: int
    version: str
    state: HostState
    seen_s: float
    pools: tuple[PoolReport, ...]
    free_disk_bytes: int


class HostReports:
    """The reports of all workers; each method raises :class:`redis.RedisError` if the server does not answer."""

    def __init__(self, server: redis.Redis) -> None:
        """Use a connection; see :func:`vwe_dagster.hosts.redis_connection.connect`."""
        self._server = server
        self._take_name = server.register_script(_TAKE_NAME)
        self._release_name = server.register_script(_RELEASE_NAME)

    def take_name(self, name: str, home: str) -> bool:
        """Take the name of a host for :data:`LOST_S`, or keep it; return False if the worker of another home has it.

        Args:
            name: the name.
            home: the id of the home, which only one worker at a time uses. A killed worker that is started again
                keeps its name.
        """
        return bool(self._take_name(keys=[_NAMES + name], args=[home, int(LOST_S * 1000)]))

    def release_name(self, name: str, home: str) -> None:
        """Release the name of a host if the worker of this home has it."""
        self._release_name(keys=[_NAMES + name], args=[home])

    def write(self, report: HostReport) -> None:
        """Replace the report of a worker; its age is counted from now."""
        content = {**dataclasses.asdict(report), "seen": server_time(self._server)}
        self._server.hset(_REPORTS, report.name, json.dumps(content))

    def read(self) -> list[HostReport]:
        """Return the reports of all workers, sorted by name; delete reports older than :data:`FORGOTTEN_S`."""
        now = server_time(self._server)
        reports = []
        for name, text in sorted(cast("dict[str, str]", self._server.hgetall(_REPORTS)).items()):
            report = _report(json.loads(text), now)
            if report.seen_s > FORGOTTEN_S:
                self._server.hdel(_REPORTS, name)
            else:
                reports.append(report)
        return reports


def _report(content: dict[str, Any], now: float) -> HostReport:
    seen_s = max(0.0, now - content.pop("seen"))
    state = HostState(content["state"])
    return HostReport(
        **{
            **content,
            "state": HostState.LOST if seen_s > LOST_S and state is not HostState.STOPPED else state,
            "seen_s": seen_s,
            "pools": tuple(PoolReport(**pool) for pool in content["pools"]),
        }
    )
