"""The metrics of several hosts: workers, slots, runs, pools and queues, read from Redis at each scrape.

The center serves the metrics of all hosts, including workers that have ended.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import redis
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vwe_dagster.hosts.host_reports import HostState
from vwe_dagster.hosts.overview import Overview, read_overview
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import LeaseState


class HostsCollector(Collector):
    """The metrics of all hosts of a center."""

    def __init__(self, broker: str) -> None:
        """Set the URL of Redis; connect at the first scrape."""
        self._server = connect(broker)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its samples; if Redis does not answer, only ``vwe_broker_up``."""
        try:
            overview = read_overview(self._server)
        except redis.RedisError:
            overview = None
        yield from overview_metrics(overview)


def overview_metrics(overview: Overview | None) -> Iterator[Metric]:
    """Yield the metrics of all hosts.

    Args:
        overview: the workers and runs of all hosts; None if Redis does not answer.
    """
    answers = GaugeMetricFamily("vwe_broker_up", "Whether Redis, which connects the hosts, answers.")
    answers.add_metric([], float(overview is not None))
    yield answers
    if overview is not None:
        yield from _host_metrics(overview)
        yield from _run_metrics(overview)


def _host_metrics(overview: Overview) -> Iterator[Metric]:
    gauge = functools.partial(GaugeMetricFamily, labels=["host"])
    states = GaugeMetricFamily("vwe_host_state", "1 for the present state of the worker.", labels=["host", "state"])
    seen = gauge("vwe_host_silent_seconds", "Seconds since the last report of the worker.")
    slots = gauge("vwe_host_slots", "Runs that the worker executes concurrently.")
    runs = gauge("vwe_host_runs", "Runs that the worker executes.")
    disk = gauge("vwe_host_disk_free_bytes", "Free space on the disk of the host's home.")
    engines = GaugeMetricFamily(
        "vwe_host_engines", "Slots of the host's pools by the state of their engine.", labels=["host", "pool", "state"]
    )
    for host in overview.hosts:
        for state in HostState:
            states.add_metric([host.name, state], float(host.state is state))
        seen.add_metric([host.name], host.seen_s)
        slots.add_metric([host.name], host.slots)
        runs.add_metric([host.name], len(overview.runs_of(host.name)))
        disk.add_metric([host.name], host.free_disk_bytes)
        for pool in host.pools:
            for engine_state, count in pool.engines.items():
                engines.add_metric([host.name, pool.name, engine_state], count)
    yield from (states, seen, slots, runs, disk, engines)


def _run_metrics(overview: Overview) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("vwe_queue_runs", "Runs that wait in a queue.", labels=["queue"])
    stuck = GaugeMetricFamily(
        "vwe_queue_stuck", "Whether runs wait in a queue that no worker consumes.", labels=["queue"]
    )
    for queue, count in overview.waiting.items():
        waiting.add_metric([queue], count)
        stuck.add_metric([queue], float(queue in overview.stuck_queues))
    silent = GaugeMetricFamily("vwe_run_silent_seconds", "Longest time since a run in progress renewed its lease.")
    ages = [run.silent_s for run in overview.runs if run.state is not LeaseState.QUEUED]
    silent.add_metric([], max(ages, default=0.0))
    yield from (waiting, stuck, silent)
