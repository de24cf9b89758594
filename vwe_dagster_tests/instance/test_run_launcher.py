"""A run whose process was killed fails quickly, even if another launcher started the process."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.utils import make_new_run_id
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from vwe_dagster.config.home import find_home
from vwe_dagster.instance.seed_runs import open_dagster

pytestmark = pytest.mark.slow

Process = subprocess.Popen[bytes]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance with the settings of the project."""
    with open_dagster(find_home({"VWE_HOME": str(tmp_path)})) as dagster:
        yield dagster


@pytest.fixture
def worker() -> Iterator[Process]:
    """A Python process like that of a run."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def status_when_looked_at(instance: dg.DagsterInstance, pid: int | None, *, launched: bool = True) -> str:
    """Return the status of a started run after a pass of run monitoring."""
    run = dg.DagsterRun("world", make_new_run_id(), status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run.with_tags({GRPC_INFO_TAG: "{}"} if launched else {}))
    if pid is not None:
        instance.report_engine_event("Started process for run.", run, EngineEventData.in_process(pid))
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
    monitor_started_run(instance, Mock(), record, logging.getLogger())
    (after,) = instance.get_runs(dg.RunsFilter(run_ids=[run.run_id]))
    return after.status.value


def test_run_with_a_live_process_keeps_running(instance: dg.DagsterInstance, worker: Process) -> None:
    assert status_when_looked_at(instance, worker.pid) == "STARTED"


def test_run_whose_process_was_killed_fails(instance: dg.DagsterInstance, worker: Process) -> None:
    worker.kill()
    # The process is a zombie: the code server has not read its exit code yet.
    assert status_when_looked_at(instance, worker.pid) == "FAILURE"
    worker.wait()
    assert status_when_looked_at(instance, worker.pid) == "FAILURE"


def test_run_whose_process_id_was_reused_fails(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            assert status_when_looked_at(instance, other.pid) == "FAILURE"
        finally:
            other.kill()


def test_run_without_a_known_process_keeps_running(instance: dg.DagsterInstance, worker: Process) -> None:
    worker.kill()
    worker.wait()
    assert status_when_looked_at(instance, None) == "STARTED"
    assert status_when_looked_at(instance, worker.pid, launched=False) == "STARTED"
