"""Runs on real engines: processes that share a pool, after one was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.config.home import find_home
from vwe_dagster.defs.resources import WarmEnginePool
from vwe_dagster.instance.seed_runs import open_instance
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.engine.engines import wait_until

pytestmark = pytest.mark.slow

FIRST, SECOND = ["alpha", "beta", "gamma", "delta"], ["one", "two", "three", "four"]
ENGINES = 2
SMALL, LARGE = 64, 4096


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment variables of a new home, with registered seeds and a pool of two engines."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("VWE_", "DAGSTER_"))}
    reported = {"VWE_HOME": str(tmp_path), "VWE_POOL_MAX_WARM_CONTAINERS": str(ENGINES)}
    home = find_home(reported)
    with open_instance(home) as instance:
        for key in [*FIRST, *SECOND]:
            instance.register([parse_seed(key)])
    return {**inherited, **reported, **home.environment}


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[WarmEnginePool]:
    """The pool of that home; the test ends its engines."""
    pool = WarmEnginePool(folder=str(tmp_path / ".vwe" / "pools" / "default"), max_warm_containers=ENGINES)
    yield pool
    pool.opened.drain(timeout_s=PATIENCE_S)
    pool.close()


def start_run(environment: dict[str, str], keys: list[str], *, size: int = SMALL) -> subprocess.Popen[str]:
    """Start a run of many seeds in another process."""
    return subprocess.Popen(
        [sys.executable, "-m", "vwe_dagster_tests.defs.batch_run", str(size), *keys],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def built_keys(tmp_path: Path, keys: list[str]) -> list[str]:
    store = WorldStore(tmp_path / "data")
    return [key for key in keys if not store.damaged(parse_seed(key), "raw")]


def test_run_processes_share_the_engines_of_a_pool_after_another_was_killed(
    environment: dict[str, str], pool: WarmEnginePool, tmp_path: Path
) -> None:
    # Worlds that take seconds: an engine works for long enough to be seen.
    doomed = start_run(environment, FIRST, size=LARGE)
    wait_until(lambda: pool.status().leased > 0, PATIENCE_S)
    doomed.send_signal(signal.SIGKILL)
    doomed.communicate(timeout=PATIENCE_S)
    assert len(built_keys(tmp_path, FIRST)) < len(FIRST)
    runs = [start_run(environment, keys) for keys in (FIRST, SECOND)]
    for run in runs:
        reported, _ = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 0, reported
    assert built_keys(tmp_path, [*FIRST, *SECOND]) == [*FIRST, *SECOND]
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("raw_export")) == {*FIRST, *SECOND}
    jobs = [job for job in pool.opened.history() if job.size == SMALL]
    assert len(jobs) == len([*FIRST, *SECOND])
    assert len({job.engine for job in jobs}) <= ENGINES
    status = pool.status()
    assert (status.leased, status.ready) == (0, ENGINES)
