"""Leases of runs in Redis: which process executes a run, when it last reported, and whether it may continue.

The process of a run renews its lease every :data:`HEARTBEAT_S` seconds. The center checks the leases: a lease that is
silent at two checks is revoked before the run is marked as failed. A process that was stopped and continues finds its
lease revoked and ends itself, so it does not work beside its successor. All times are those of the Redis server, so the
clocks of the hosts do not matter.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import cast

import redis

from vwe_dagster.hosts.redis_connection import server_time

HEARTBEAT_S = 2.0
"""Seconds between two renewals of a lease."""

SILENT_S = 12.0
"""Seconds without a renewal after which a lease is silent."""

SECOND_CHECK_S = 8.0
"""Minimum seconds between the two checks: after a restart of Redis, processes need some time to reconnect."""

STARTING_S = 120.0
"""Seconds that the process of a run may take to start it, counted from the time when a worker takes the run."""

WITHOUT_DATA_CODE = 74
"""Exit code of the process of a run whose data folder no longer is that of the center."""

_KEPT_S = 7 * 24 * 3600
_PREFIX = "vwe:run:"
_OPEN_RUNS = "vwe:runs"


class LeaseState(enum.StrEnum):
    """The state of the lease of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELING = "canceling"
    ENDED = "ended"


class Verdict(enum.StrEnum):
    """The result of a check of a lease."""

    WAITING = "waiting"
    ALIVE = "alive"
    SILENT = "silent"
    DEAD = "dead"


@dataclasses.dataclass(frozen=True)
class RunLease:
    """The lease of a run.

    Attributes:
        run: the id of the run.
        state: the state of the lease.
        job: the name of the job.
        subject: the seeds or the survey block of the run, as text.
        queue: the queue that the run waits or waited in.
        host: the name of the host that took the run; None while it waits.
        process: the process id on that host; None while it waits.
        age_s: seconds since the host took the run, or since it was queued.
        silent_s: seconds since the last renewal.
        exit_code: the exit code of the process, negative for a signal; None while it runs.
    """

    run: str
    state: LeaseState
    job: str
    subject: str
    queue: str
    host: str | None
    process: int | None
    age_s: float
    silent_s: float
    exit_code: int | None


_NOW = "local t = redis.call('TIME') local now = t[1] + t[2] / 1000000 "

_CLAIM = (
    _NOW
    + """
local state = redis.call('HGET', KEYS[1], 'state')
if state and state ~= 'queued' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'running', 'host', ARGV[1], 'process', ARGV[2], 'since', now, 'beat', now)
redis.call('HDEL', KEYS[1], 'missed')
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
return 1
"""
)

# A lease that is missing was lost by Redis, not revoked: a revoked lease stays with the state `ended`.
_RENEW = (
    _NOW
    + """
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'ended' then return state end
if not state or state == 'queued' then
  state = 'running'
  redis.call('HSET', KEYS[1], 'state', state, 'since', now)
end
redis.call('HSET', KEYS[1], 'host', ARGV[1], 'process', ARGV[2], 'beat', now)
redis.call('HDEL', KEYS[1], 'missed')
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
return state
"""
)

_CANCEL = """
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'running' or state == 'canceling' then
  redis.call('HSET', KEYS[1], 'state', 'canceling')
  return 'canceling'
end
redis.call('HSET', KEYS[1], 'state', 'ended')
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('SREM', KEYS[2], ARGV[2])
return 'ended'
"""

_CHECK = (
    _NOW
    + """
local state = redis.call('HGET', KEYS[1], 'state')
local limit = tonumber(ARGV[1])
if state == 'queued' and ARGV[3] == '1' then
  redis.call('HDEL', KEYS[1], 'missed')
  return 'waiting'
end
if state == 'running' or state == 'canceling' then
  if now - tonumber(redis.call('HGET', KEYS[1], 'beat') or 0) <= limit then return 'alive' end
end
local missed = redis.call('HGET', KEYS[1], 'missed')
if not missed then
  redis.call('HSET', KEYS[1], 'missed', now)
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  return 'silent'
end
if now - tonumber(missed) < tonumber(ARGV[2]) then return 'silent' end
redis.call('HSET', KEYS[1], 'state', 'ended')
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SREM', KEYS[2], ARGV[5])
return 'dead'
"""
)


class RunLeases:
    """The leases of all runs.

    Every method raises :class:`redis.RedisError` if the server does not answer.
    """

    def __init__(self, server: redis.Redis) -> None:
        """Use a connection; see :func:`vwe_dagster.hosts.redis_connection.connect`."""
        self._server = server
        self._claim = server.register_script(_CLAIM)
        self._renew = server.register_script(_RENEW)
        self._cancel = server.register_script(_CANCEL)
        self._check = server.register_script(_CHECK)

    def enqueue(self, run: str, *, job: str, subject: str, queue: str) -> None:
        """Record a run that is about to be put into a queue."""
        now = server_time(self._server)
        record = {"state": LeaseState.QUEUED, "job": job, "subject": subject, "queue": queue, "since": now, "beat": now}
        pipeline = self._server.pipeline()
        pipeline.delete(_PREFIX + run)
        for field, value in record.items():
            pipeline.hset(_PREFIX + run, field, str(value))
        pipeline.expire(_PREFIX + run, _KEPT_S)
        pipeline.sadd(_OPEN_RUNS, run)
        pipeline.execute()

    def claim(self, run: str, host: str, process: int) -> bool:
        """Take a queued run; return False if it was taken before or canceled.

        A queue can deliver a run twice: after the loss of a connection, and after ``visibility_timeout``.
        """
        return bool(self._claim(keys=[_PREFIX + run, _OPEN_RUNS], args=[host, process, _KEPT_S, run]))

    def renew(self, run: str, host: str, process: int) -> LeaseState:
        """Renew a lease, and return its state: RUNNING to continue, CANCELING to interrupt the run, ENDED to stop."""
        return LeaseState(str(self._renew(keys=[_PREFIX + run, _OPEN_RUNS], args=[host, process, _KEPT_S, run])))

    def cancel(self, run: str) -> LeaseState:
        """Request the end of a run.

        Returns:
            CANCELING if a process executes the run; otherwise ENDED, and no process can claim it.
        """
        return LeaseState(str(self._cancel(keys=[_PREFIX + run, _OPEN_RUNS], args=[_KEPT_S, run])))

    def end(self, run: str, exit_code: int | None = None) -> None:
        """Record the end of a run's process with its exit code, or revoke the lease if there is none."""
        pipeline = self._server.pipeline()
        pipeline.hset(_PREFIX + run, "state", LeaseState.ENDED)
        if exit_code is not None:
            pipeline.hset(_PREFIX + run, "exit_code", str(exit_code))
        pipeline.expire(_PREFIX + run, _KEPT_S)
        pipeline.srem(_OPEN_RUNS, run)
        pipeline.execute()

    def check(self, run: str) -> Verdict:
        """Check the lease of an unfinished run, and revoke it if it is silent at the second check."""
        record = self._record(run)
        is_queued = "1" if self._is_in_queue(run, record.get("queue")) else "0"
        args = (SILENT_S, SECOND_CHECK_S, is_queued, _KEPT_S, run)
        return Verdict(str(self._check(keys=[_PREFIX + run, _OPEN_RUNS], args=[*map(str, args)])))

    def lease(self, run: str) -> RunLease | None:
        """Return the lease of a run; None if Redis has none."""
        record = self._record(run)
        return _parsed_lease(run, record, server_time(self._server)) if "state" in record else None

    def open_leases(self) -> list[RunLease]:
        """Return the leases of waiting and running runs, the oldest first."""
        runs = sorted(cast("set[str]", self._server.smembers(_OPEN_RUNS)))
        now = server_time(self._server)
        records = {run: self._record(run) for run in runs}
        for run in (run for run, record in records.items() if record.get("state") in {None, LeaseState.ENDED}):
            self._server.srem(_OPEN_RUNS, run)
        leases = [_parsed_lease(run, record, now) for run, record in records.items() if "state" in record]
        return sorted((one for one in leases if one.state is not LeaseState.ENDED), key=lambda one: -one.age_s)

    def _record(self, run: str) -> dict[str, str]:
        return cast("dict[str, str]", self._server.hgetall(_PREFIX + run))

    def _is_in_queue(self, run: str, queue: str | None) -> bool:
        """Return whether a message in the queue names the run: the id of its task is the id of the run.

        A message that a worker has reserved does not count: a live worker takes the run within a second.
        """
        return queue is not None and any(run in message for message in self._server.lrange(queue, 0, -1))


def cause_of_loss(lease: RunLease | None) -> str:
    """Return the reason why a run is lost, as a sentence.

    Args:
        lease: its lease; None if Redis has none.
    """
    if lease is None or lease.host is None:
        return "The run was lost before a worker executed it."
    if lease.exit_code == WITHOUT_DATA_CODE:
        return f"The data folder of host {lease.host} was no longer that of the center; mount it there again."
    if lease.exit_code is not None:
        return f"The process {lease.process} of this run on host {lease.host} ended with exit code {lease.exit_code}."
    return (
        f"The process {lease.process} of this run on host {lease.host} has not reported for {lease.silent_s:.0f} s; "
        f"it was killed or stopped, or the host cannot be reached."
    )


def _parsed_lease(run: str, record: Mapping[str, str], now: float) -> RunLease:
    process, exit_code = record.get("process"), record.get("exit_code")
    return RunLease(
        run=run,
        state=LeaseState(record["state"]),
        job=record.get("job", ""),
        subject=record.get("subject", ""),
        queue=record.get("queue", ""),
        host=record.get("host"),
        process=int(process) if process else None,
        age_s=max(0.0, now - float(record.get("since", now))),
        silent_s=max(0.0, now - float(record.get("beat", now))),
        exit_code=int(exit_code) if exit_code else None,
    )
