"""The metrics of a home: names, descriptions and values, read from the files that its processes share.

Each scrape reads the ledgers of the pools, the stage counts and the latest measurement of the data folder. The serving
process keeps no counters, so a restart does not reset any.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import math
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from vwe_dagster import __version__
from vwe_dagster.config.home import Home
from vwe_dagster.metrics.data_folder import DataFolder
from vwe_dagster.pool.clock import SystemClock
from vwe_dagster.pool.counts import Histogram, PoolCounts, read_counts
from vwe_dagster.pool.database import ledger_file
from vwe_dagster.pool.errors import PoolError
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.opening import state_folder
from vwe_dagster.pool.states import CircuitState, RecordedJobState, State
from vwe_dagster.store import STAGES
from vwe_dagster.store.stage_counts import StageCounts

JOB_OUTCOMES = tuple(state for state in RecordedJobState if state is not RecordedJobState.RUNNING)


class HomeCollector(Collector):
    """The metrics of a home: of every pool, of the stages and of the disk."""

    def __init__(self, home: Home, data: DataFolder) -> None:
        """Set the sources of the metrics.

        Args:
            home: the home; each scrape reads its pools and stage counts.
            data: its data folder; the caller starts and stops the measurement.
        """
        self._pools = home.pools
        self._stage_counts = StageCounts(home.stage_counts)
        self._data = data

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its samples."""
        yield from _pool_metrics(self._pools)
        yield from _stage_metrics(self._stage_counts)
        yield from _data_metrics(self._data)
        yield from _disk_metrics(self._data.root)
        yield _build_info()


def _pool_metrics(pools: Path) -> Iterator[Metric]:
    counts: dict[str, PoolCounts | None] = {
        folder.name: _counts_of(folder)
        for folder in sorted(pools.glob("*/"))
        if ledger_file(state_folder(folder)).is_file()
    }
    readable = GaugeMetricFamily("vwe_pool_up", "Whether the ledger of the pool can be read.", labels=["pool"])
    for name, one in counts.items():
        readable.add_metric([name], float(one is not None))
    yield readable
    readable_counts = {name: one for name, one in counts.items() if one is not None}
    yield from _pool_gauges(readable_counts)
    yield from _pool_counters(readable_counts)


def _counts_of(folder: Path) -> PoolCounts | None:
    ledger = Ledger(state_folder(folder))
    try:
        return read_counts(ledger, SystemClock())
    except PoolError:
        return None
    finally:
        ledger.close()


def _pool_gauges(pools: dict[str, PoolCounts]) -> Iterator[Metric]:
    """Yield the gauges of the pools: their present state."""
    gauge = functools.partial(GaugeMetricFamily, labels=["pool"])
    size = gauge("vwe_pool_size", "Maximum number of engines.")
    free = gauge("vwe_pool_free_engines", "Engines that can be leased now.")
    waiting = gauge("vwe_pool_waiting_callers", "Callers that wait for an engine.")
    slots = GaugeMetricFamily(
        "vwe_pool_engines", "Slots by the state of their engine; EMPTY means no engine.", labels=["pool", "state"]
    )
    circuit = GaugeMetricFamily(
        "vwe_pool_circuit_state",
        "1 for the present state of the circuit breaker; while it is open, no engine is started.",
        labels=["pool", "state"],
    )
    for name, pool in pools.items():
        size.add_metric([name], pool.size)
        free.add_metric([name], pool.free)
        waiting.add_metric([name], pool.waiting)
        for state in State:
            slots.add_metric([name, state.value], pool.slots[state])
        for circuit_state in CircuitState:
            circuit.add_metric([name, circuit_state], float(pool.circuit.state == circuit_state))
    yield from (size, free, waiting, slots, circuit)


def _pool_counters(pools: dict[str, PoolCounts]) -> Iterator[Metric]:
    """Yield the counters and histograms of the pools, since each pool was created."""
    counter = functools.partial(CounterMetricFamily, labels=["pool"])
    singles = {
        "cold_starts": counter("vwe_pool_cold_starts", "Engines that were started."),
        "failed_starts": counter("vwe_pool_failed_starts", "Engines that were started and did not become ready."),
        "out_of_memory_kills": counter("vwe_pool_out_of_memory_kills", "Engines that ended because memory ran out."),
        "reaper_passes": counter("vwe_pool_reaper_passes", "Passes of the reaper."),
        "reaped": counter("vwe_pool_reaps", "Slots and engines that the reaper repaired."),
    }
    openings = counter("vwe_pool_circuit_openings", "Openings of the circuit breaker.")
    steps = CounterMetricFamily(
        "vwe_pool_transitions",
        "Transitions of slots from state to state, by kind.",
        labels=["pool", "before", "after", "kind"],
    )
    jobs = CounterMetricFamily("vwe_pool_jobs", "Ended jobs, one world each, by outcome.", labels=["pool", "outcome"])
    waits = HistogramMetricFamily(
        "vwe_pool_acquire_wait_seconds", "Time that callers waited for an engine.", labels=["pool"]
    )
    durations = HistogramMetricFamily("vwe_pool_job_duration_seconds", "Duration of jobs.", labels=["pool"])
    for name, pool in pools.items():
        for attribute, family in singles.items():
            family.add_metric([name], getattr(pool, attribute))
        openings.add_metric([name], pool.circuit.openings)
        for labels, count in pool.steps.items():
            steps.add_metric([name, *labels], count)
        for outcome in JOB_OUTCOMES:
            jobs.add_metric([name, outcome], pool.jobs.get(outcome, 0))
        _add_times(waits, name, pool.waits)
        _add_times(durations, name, pool.durations)
    yield from (*singles.values(), openings, steps, jobs, waits, durations)


def _add_times(family: HistogramMetricFamily, pool: str, times: Histogram) -> None:
    buckets = [("+Inf" if bound == math.inf else f"{bound:g}", float(count)) for bound, count in times.at_most.items()]
    family.add_metric([pool], buckets, sum_value=times.total_s)


def _stage_metrics(stage_counts: StageCounts) -> Iterator[Metric]:
    built = CounterMetricFamily("vwe_stages_made", "Stages of seeds that were built.", labels=["stage"])
    kept = CounterMetricFamily(
        "vwe_cache_hits", "Stages of seeds that were requested and up to date.", labels=["stage"]
    )
    worlds = CounterMetricFamily("vwe_worlds_made", "Worlds that an engine generated and that were stored.")
    # Unreadable counts leave a gap in the counters; zeros would look like a reset.
    with contextlib.suppress(sqlite3.Error):
        counts = stage_counts.read()
        for stage in STAGES:
            built.add_metric([stage], counts.get((stage, "made"), 0))
            kept.add_metric([stage], counts.get((stage, "kept"), 0))
        worlds.add_metric([], counts.get((STAGES[0], "made"), 0))
    yield from (built, kept, worlds)


def _data_metrics(data: DataFolder) -> Iterator[Metric]:
    sizes = GaugeMetricFamily("vwe_data_bytes", "Bytes in the data folder.", labels=["stage"])
    stages = GaugeMetricFamily("vwe_data_stages", "Seeds that have the stage.", labels=["stage"])
    seeds = GaugeMetricFamily("vwe_data_seeds", "Seeds that have a folder.")
    at = GaugeMetricFamily("vwe_data_measured_timestamp_seconds", "Time of the latest measurement of the data folder.")
    took = GaugeMetricFamily("vwe_data_measuring_seconds", "Duration of the latest measurement.")
    latest = data.latest
    if latest is not None:
        for stage in STAGES:
            sizes.add_metric([stage], latest.stage_bytes[stage])
            stages.add_metric([stage], latest.stages[stage])
        seeds.add_metric([], latest.seeds)
        at.add_metric([], latest.measured_at)
        took.add_metric([], latest.took_s)
    yield from (sizes, stages, seeds, at, took)


def _disk_metrics(root: Path) -> Iterator[Metric]:
    disk = shutil.disk_usage(next(folder for folder in (root, *root.parents) if folder.is_dir()))
    yield GaugeMetricFamily("vwe_disk_free_bytes", "Bytes free on the disk of the data folder.", value=disk.free)
    yield GaugeMetricFamily("vwe_disk_size_bytes", "Size of the disk of the data folder in bytes.", value=disk.total)


def _build_info() -> Metric:
    labels = {
        "version": __version__,
        "dagster": importlib.metadata.version("dagster"),
        "python": platform.python_version(),
    }
    family = GaugeMetricFamily(
        "vwe_build_info", "Versions of the running software; the value is always 1.", labels=list(labels)
    )
    family.add_metric(list(labels.values()), 1)
    return family
