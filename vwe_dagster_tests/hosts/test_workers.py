"""Two workers of a center: runs spread, are canceled and drained, and a killed worker loses only its own run."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import dagster as dg
import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.hosts.app import COMMON_QUEUE, queue_of, worker_app
from vwe_dagster.hosts.host_reports import HostState
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.shared_data import DataWatch
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster.survey.files import survey_files
from vwe_dagster.survey.seed_sets import block, block_key, block_name
from vwe_dagster_tests.hosts.site import PATIENCE_S, Launcher, Site, running_site, wait_until
from vwe_dagster_tests.survey.made_rows import publish

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("redis_process")]

HOSTS = ("attic", "cellar")
SMALL = 64
LARGE = 1024
"""Samples along each side of worlds that take long enough to be interrupted."""

NEW_ROWS = 64
"""Rows that are missing in the block of the survey."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), VWE_POOL_MAX_WARM_CONTAINERS="1") as site:
        site.start_daemon()
        for host in HOSTS:
            site.start_worker(host)
        for host in HOSTS:
            site.await_worker(host)
        yield site


@pytest.fixture(scope="module")
def launcher(site: Site) -> Iterator[Launcher]:
    with site.dagster() as launcher:
        yield launcher


def keys(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def executes(site: Site, host: str, run: str) -> bool:
    lease = site.run_on(host)
    return lease is not None and lease.run == run


def await_started(site: Site, launcher: Launcher, host: str, run: str) -> None:
    wait_until(lambda: executes(site, host, run), f"{host} takes {run}")
    wait_until(lambda: launcher.status(run) is dg.DagsterRunStatus.STARTED, f"{run} starts")


def waiting(site: Site, host: str) -> int:
    """Return the number of runs that wait in the queue of a host."""
    with connect(site.redis.url) as server:
        return int(server.llen(queue_of(host)))


def answers(site: Site, host: str) -> bool:
    """Return whether Celery's consumer of a host answers."""
    replies = worker_app(site.redis.url, "center", DataWatch(site.data, "")).control.ping(timeout=1.0)
    return any(name.startswith(f"{host}@") for reply in replies for name in reply)


def damages(site: Site, built: list[str]) -> list[str]:
    seeds = map(parse_seed, built)
    return [damage for seed in seeds for stage in WORLD_STAGES for damage in site.store.damaged(seed, stage)]


def test_worlds_and_survey_blocks_are_spread_over_hosts_that_share_stages(site: Site, launcher: Launcher) -> None:
    seeds = block(0).seeds
    # Computing all rows takes 12 s of CPU time.
    publish(site.store, block_name(0), seeds[:-NEW_ROWS], Depth.START)
    launcher.instance.add_dynamic_partitions("seeds", ["shared"])
    runs = [
        launcher.survey(block_key(Depth.START, 0), queue=COMMON_QUEUE),
        launcher.stage("shared", "raw_export", size=SMALL, queue=COMMON_QUEUE),
    ]
    assert launcher.await_end(*runs) == [dg.DagsterRunStatus.SUCCESS] * 2
    surveyed, exported = (lease for lease in map(site.leases.lease, runs) if lease is not None)
    assert {surveyed.host, exported.host} == set(HOSTS)
    assert surveyed.subject == block_key(Depth.START, 0)
    assert [file.rows for file in survey_files(site.store).current(Depth.START)] == [seeds.size]
    assert surveyed.host is not None
    later = launcher.stage("shared", "extracted", size=SMALL, queue=queue_of(surveyed.host))
    assert launcher.await_end(later) == [dg.DagsterRunStatus.SUCCESS]
    for run, host in ((runs[1], exported.host), (later, surveyed.host)):
        lease = site.leases.lease(run)
        assert lease is not None
        assert lease.host == host
        assert list((site.data / ".logs" / run).rglob("*.err")), "the center shows the logs of the run"


def test_worker_reserves_no_second_run_after_a_restart_of_redis(site: Site, launcher: Launcher) -> None:
    first = launcher.worlds(keys("during", 8), size=LARGE, queue=queue_of("attic"))
    await_started(site, launcher, "attic", first)
    second = launcher.worlds(keys("waiting", 1), size=SMALL, queue=queue_of("attic"))
    wait_until(lambda: waiting(site, "attic") == 1, "the second run waits")
    site.redis.stop()
    site.redis.start()
    wait_until(lambda: answers(site, "attic"), "the worker has connected again")
    assert executes(site, "attic", first)
    assert waiting(site, "attic") == 1, "another worker of the queue could take the run"
    assert launcher.instance.run_launcher.terminate(second)
    assert launcher.status(second) is dg.DagsterRunStatus.CANCELED
    assert launcher.instance.run_launcher.terminate(first)
    assert launcher.status(first) in {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}
    assert launcher.await_end(first) == [dg.DagsterRunStatus.CANCELED]


def test_killed_worker_loses_its_run_and_a_drained_worker_finishes_it(site: Site, launcher: Launcher) -> None:
    lost = launcher.worlds(keys("lost", 4), size=SMALL, queue=queue_of("attic"))
    other = launcher.worlds(keys("other", 1), size=SMALL, queue=queue_of("cellar"))
    await_started(site, launcher, "attic", lost)
    site.kill("attic")
    assert launcher.await_end(lost, other) == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
    assert damages(site, keys("other", 1)) == []
    retried = dg.RunsFilter(tags={"dagster/parent_run_id": lost})
    wait_until(lambda: bool(launcher.instance.get_runs(retried)), "the run is repeated")
    (again,) = launcher.instance.get_runs(retried)
    site.start_worker("attic")
    await_started(site, launcher, "attic", again.run_id)
    later = launcher.worlds(keys("later", 1), size=SMALL, queue=queue_of("attic"))
    worker = site.process("attic")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0
    assert launcher.status(again.run_id) is dg.DagsterRunStatus.SUCCESS
    assert damages(site, keys("lost", 4)) == []
    assert site.report("attic", HostState.STOPPED) is not None
    wait_until(lambda: waiting(site, "attic") == 1, "the later run waits")
    assert launcher.status(later) is dg.DagsterRunStatus.STARTING


def test_second_worker_of_a_home_is_rejected(site: Site) -> None:
    site.await_worker("cellar")
    first = site.process("cellar")
    site.start_worker("cellar")
    assert site.process("cellar").wait(PATIENCE_S) == 1
    assert "Another worker uses the home" in site.log("cellar")
    assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_S) == 0
