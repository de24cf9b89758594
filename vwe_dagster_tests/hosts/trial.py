"""A trial of several hosts: worlds are built while workers, servers and the daemon are killed, stopped and restarted.

``python -m vwe_dagster_tests.hosts.trial`` prints a line per event and the figures. It fails if a world is missing,
damaged or published twice, or if a run that was lost ended later than a minute after its cause.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dagster as dg
import sqlalchemy.exc

from vwe_dagster.hosts.run_leases import RunLease
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster_tests.hosts.site import Launcher, Site, running_site, wait_until

HOSTS = ("attic", "barn", "cellar")
PER_RUN = 5
WITHIN_S = 60.0
"""Seconds within which a lost run must have ended."""

MAX_WAIT_S = 3600.0
STOPPED_S = 45.0
DOWN_S = 10.0

_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclasses.dataclass
class Trial:
    """A trial in progress.

    Attributes:
        site: the center and the hosts.
        launcher: the launcher of runs.
        keys: the seeds.
        size: samples along each side of a world.
        causes: the time at which each run was lost, in seconds since 1970, with the cause.
    """

    site: Site
    launcher: Launcher
    keys: Sequence[str]
    size: int
    causes: dict[str, tuple[float, str]] = dataclasses.field(default_factory=dict)

    def launch(self) -> None:
        """Request the worlds of all seeds."""
        self.launcher.instance.add_dynamic_partitions("seeds", list(self.keys))
        for first in range(0, len(self.keys), PER_RUN):
            self.launcher.worlds(self.keys[first : first + PER_RUN], size=self.size)

    def disturb(self) -> None:
        """Disturb the site in every way, each after some more worlds."""
        disturbances: list[Callable[[], None]] = [
            self.kill_worker,
            self.stop_worker,
            self.restart_redis,
            self.restart_postgres,
            self.kill_daemon,
        ]
        for number, disturb in enumerate(disturbances, 1):
            self.await_worlds(len(self.keys) * number // (len(disturbances) + 2))
            disturb()

    def kill_worker(self) -> None:
        """Kill a worker in the middle of a run, and start it again."""
        lease = self.busy("attic")
        self.note(f"kill -9 of the worker attic during {lease.run[:8]}")
        self.causes[lease.run] = time.time(), "killed worker"
        self.site.kill("attic")
        time.sleep(DOWN_S)
        self.site.start_worker("attic")

    def stop_worker(self) -> None:
        """Stop a worker and its run for longer than a lease is silent, and continue them."""
        lease = self.busy("barn")
        self.note(f"SIGSTOP of the worker barn and its run {lease.run[:8]} for {STOPPED_S:g} s")
        self.causes[lease.run] = time.time(), "stopped worker"
        self.site.signal_tree("barn", signal.SIGSTOP)
        time.sleep(STOPPED_S)
        self.site.signal_tree("barn", signal.SIGCONT)
        self.note("SIGCONT")

    def restart_redis(self) -> None:
        """End Redis, and start it again."""
        self.note(f"Redis is down for {DOWN_S:g} s")
        self.site.redis.stop()
        time.sleep(DOWN_S)
        self.site.redis.start()

    def restart_postgres(self) -> None:
        """End Postgres with all its connections, and start it again."""
        if self.site.postgres is None:
            return
        self.note(f"Postgres is down for {DOWN_S:g} s")
        for lease in self.site.leases.open_leases():
            self.causes.setdefault(lease.run, (time.time() + DOWN_S, "Postgres"))
        self.site.postgres.stop()
        time.sleep(DOWN_S)
        self.site.postgres.start()

    def kill_daemon(self) -> None:
        """Kill the daemon of the center, and start it again."""
        self.note("kill -9 of the daemon")
        self.site.kill("center")
        time.sleep(DOWN_S)
        self.site.start_daemon()

    def busy(self, host: str) -> RunLease:
        """Wait until a run of a host has started, and return its lease."""
        found: list[RunLease] = []

        def has_started() -> bool:
            lease = self.site.run_on(host)
            if lease is not None and self.launcher.status(lease.run) is dg.DagsterRunStatus.STARTED:
                found.append(lease)
            return bool(found)

        wait_until(has_started, f"a run on {host}", MAX_WAIT_S)
        return found[-1]

    def await_worlds(self, count: int) -> None:
        """Wait until so many worlds are published."""
        wait_until(lambda: self.site.worlds_made() >= count, f"{count} worlds", MAX_WAIT_S)

    def await_end(self) -> None:
        """Wait until every world is complete and no run is unfinished."""
        wait_until(lambda: not self.unfinished() and not self.missing(), "the end", MAX_WAIT_S)

    def unfinished(self) -> int:
        """Return the number of unfinished runs."""
        try:
            runs = self.launcher.instance.get_runs()
        except sqlalchemy.exc.OperationalError:
            return 1
        return sum(run.status not in _ENDED for run in runs)

    def missing(self) -> list[str]:
        """Return the seeds without a complete, undamaged world."""
        store = self.site.store
        return [key for key in self.keys if any(store.damaged(parse_seed(key), stage) for stage in WORLD_STAGES)]

    def faults(self) -> Iterator[str]:
        """Yield what went wrong, and print how long each lost run took to end."""
        made = self.site.worlds_made()
        self.note(f"{made} worlds were published for {len(self.keys)} seeds")
        if made > len(self.keys):
            yield f"{made - len(self.keys)} worlds were published twice"
        records = self.launcher.instance.get_run_records()
        counts: dict[str, int] = {}
        for record in records:
            run, status = record.dagster_run.run_id, record.dagster_run.status
            counts[status.value] = counts.get(status.value, 0) + 1
            if status is not dg.DagsterRunStatus.FAILURE:
                continue
            lost_at, cause = self.causes.get(run, (None, "unknown cause"))
            if lost_at is None:
                yield f"the run {run} failed without a known cause: {self.failure(run)}"
                continue
            took_s = (record.end_time or time.time()) - lost_at
            self.note(f"run {run[:8]}, {cause}: FAILURE after {took_s:.0f} s")
            if took_s > WITHIN_S:
                yield f"the run {run} ended {took_s:.0f} s after its cause"
        self.note(f"runs: {counts}")

    def failure(self, run: str) -> str:
        """Return the message of a failed run."""
        events = self.launcher.instance.all_logs(run, of_type=dg.DagsterEventType.RUN_FAILURE)
        return " ".join(str(event.dagster_event.message) for event in events if event.dagster_event is not None)

    def note(self, text: str) -> None:
        """Print a line with the time and the load."""
        print(f"{time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.1f}: {text}", flush=True)  # noqa: T201


def run_trial(folder: Path, *, seeds: int, size: int, hosts: Sequence[str] = HOSTS) -> list[str]:
    """Run a trial with Postgres, and return its faults."""
    keys = [f"trial{number}" for number in range(seeds)]
    with (
        running_site(folder, with_postgres=True, VWE_POOL_MAX_WARM_CONTAINERS="1") as site,
        site.dagster() as launcher,
    ):
        site.start_daemon()
        start_workers(site, dict.fromkeys(hosts, 1))
        trial = Trial(site, launcher, keys, size)
        began = time.monotonic()
        trial.launch()
        trial.note(f"{seeds} seeds on {len(hosts)} hosts")
        trial.disturb()
        trial.await_end()
        trial.note(f"all worlds are complete after {time.monotonic() - began:.0f} s")
        return list(trial.faults())


def throughput(folder: Path, *, seeds: int, size: int, slots: dict[str, int]) -> float:
    """Return the worlds per minute of workers that are not disturbed, from the first to the last published world.

    Args:
        folder: an empty folder.
        seeds: number of seeds.
        size: samples along each side of a world.
        slots: the slots of each worker, which has as many engines.
    """
    keys = [f"pace{number}" for number in range(seeds)]
    engines = str(max(slots.values()))
    with (
        running_site(folder, with_postgres=True, VWE_POOL_MAX_WARM_CONTAINERS=engines) as site,
        site.dagster() as launcher,
    ):
        site.start_daemon()
        start_workers(site, slots)
        trial = Trial(site, launcher, keys, size)
        trial.launch()
        trial.await_worlds(1)
        began, first = time.monotonic(), site.worlds_made()
        trial.await_end()
        return 60 * (seeds - first) / (time.monotonic() - began)


def start_workers(site: Site, slots: dict[str, int]) -> None:
    """Start workers, and wait until they work."""
    for host, count in slots.items():
        site.start_worker(host, slots=count)
    for host in slots:
        site.await_worker(host)


def main() -> None:
    """Run a trial, or measure the throughput of one host and of two."""
    parser = argparse.ArgumentParser(prog="python -m vwe_dagster_tests.hosts.trial", allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=60, help="number of seeds")
    parser.add_argument("--size", type=int, default=512, help="samples along each side of a world")
    parser.add_argument("--hosts", type=int, choices=(2, 3), default=3, help="number of workers")
    parser.add_argument("--throughput", action="store_true", help="measure one host and two hosts instead")
    given = parser.parse_args()
    # So that SIGTERM ends every process of the site, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        # Postgres runs as its own user.
        Path(folder).chmod(0o755)
        if given.throughput:
            for name, slots in (("one host", {"attic": 2}), ("two hosts", {"attic": 1, "barn": 1})):
                place = Path(folder) / name.replace(" ", "-")
                place.mkdir()
                pace = throughput(place, seeds=given.seeds, size=given.size, slots=slots)
                print(f"{name}: {pace:.1f} worlds per minute, load {os.getloadavg()[0]:.1f}", flush=True)  # noqa: T201
            return
        faults = run_trial(Path(folder), seeds=given.seeds, size=given.size, hosts=HOSTS[: given.hosts])
        sys.exit("\n".join(faults) or 0)


if __name__ == "__main__":
    main()
