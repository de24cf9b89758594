"""An overview of all hosts: their workers, the runs that they execute, and the runs that wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import redis

from vwe_dagster.hosts.app import COMMON_QUEUE, queue_of, waiting_runs
from vwe_dagster.hosts.host_reports import HostReport, HostReports, HostState
from vwe_dagster.hosts.run_leases import LeaseState, RunLease, RunLeases


@dataclasses.dataclass(frozen=True)
class Overview:
    """The workers and runs of all hosts.

    Attributes:
        hosts: the last report of each worker, by name.
        runs: the leases of runs that wait or run, the oldest first.
        waiting: the number of runs in each queue.
    """

    hosts: Sequence[HostReport]
    runs: Sequence[RunLease]
    waiting: Mapping[str, int]

    def runs_of(self, host: str) -> list[RunLease]:
        """Return the runs that a host executes."""
        return [run for run in self.runs if run.host == host and run.state is not LeaseState.QUEUED]

    @property
    def stuck_queues(self) -> list[str]:
        """The queues in which runs wait although no worker consumes them."""
        working = [host.name for host in self.hosts if host.state is HostState.WORKING]
        consumed = {COMMON_QUEUE, *map(queue_of, working)} if working else set()
        return [queue for queue, count in self.waiting.items() if count and queue not in consumed]


def read_overview(server: redis.Redis) -> Overview:
    """Read the reports of all workers, and the leases and queues of runs.

    Raises:
        redis.RedisError: the server does not answer.
    """
    hosts, runs = HostReports(server).read(), RunLeases(server).open_leases()
    queued = {run.queue for run in runs if run.state is LeaseState.QUEUED}
    queues = waiting_runs(server, [host.name for host in hosts], queued)
    return Overview(hosts, runs, queues)
