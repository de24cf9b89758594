"""The run launcher of several hosts, with a real Redis: queues, termination, and runs that are lost."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import dagster as dg
import pytest
import yaml
from dagster._core.utils import make_new_run_id
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from vwe_dagster.defs.resources import WorldStoreResource
from vwe_dagster.defs.sensors.lost_runs import lost_runs
from vwe_dagster.hosts import run_leases
from vwe_dagster.hosts.app import COMMON_QUEUE, queue_of
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import LeaseState, RunLeases
from vwe_dagster.instance.celery_run_launcher import CeleryRunLauncher
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.hosts.redis_server import running_redis

NOBODY = "redis://127.0.0.1:1/0"


def instance_with(broker: str, folder: Path) -> dg.DagsterInstance:
    folder.mkdir(exist_ok=True)
    launcher = {"module": CeleryRunLauncher.__module__, "class": CeleryRunLauncher.__name__}
    settings = {"run_launcher": {**launcher, "config": {"broker": broker}}, "run_monitoring": {"enabled": True}}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(folder))


@pytest.fixture
def instance(broker: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with instance_with(broker, tmp_path / "instance") as instance:
        yield instance


@pytest.fixture
def leases(broker: str) -> RunLeases:
    return RunLeases(connect(broker))


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every lease as silent, as if it had not been renewed for long."""
    monkeypatch.setattr(run_leases, "SILENT_S", -1.0)
    monkeypatch.setattr(run_leases, "SECOND_CHECK_S", 0.0)


def run_of(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> dg.DagsterRun:
    """Record a run; one that has started has the tag that the launcher sets."""
    run_id = make_new_run_id()
    launched = {"dagster-celery/task_id": run_id} if status is dg.DagsterRunStatus.STARTED else {}
    run = dg.DagsterRun("world", run_id, status=status, tags={**launched, **tags})
    instance.add_run(run)
    return run


def launch(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Put a run into its queue as Dagster's daemon does, without the code location that it would need."""
    launcher = instance.run_launcher
    assert isinstance(launcher, CeleryRunLauncher)
    task = launcher.celery.signature("execute_job", kwargs={"execute_job_args_packed": {}}, immutable=True)
    launcher._launch_celery_task_run(run, task, "execute_job")  # noqa: SLF001


@contextlib.contextmanager
def launching(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[Future[None]]:
    """Launch a run while Redis does not answer, which the run reports; cancel it if it is not launched in the block."""
    with ThreadPoolExecutor() as threads:
        launched = threads.submit(launch, instance, run)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not any("does not answer" in event.message for event in instance.all_logs(run.run_id)):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield launched
        finally:
            if not launched.done():
                instance.report_run_canceled(run)


def status_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    (after,) = instance.get_runs(dg.RunsFilter(run_ids=[run.run_id]))
    return after.status


def monitor(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    """Return the status of a started run after a pass of Dagster's run monitoring."""
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
    monitor_started_run(instance, Mock(), record, logging.getLogger())
    return status_of(instance, run)


def tick(instance: dg.DagsterInstance, broker: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the sensor of the center once, and return its message."""
    monkeypatch.setenv("VWE_BROKER", broker)
    context = dg.build_sensor_context(instance=instance, resources={"store": WorldStoreResource(root=str(data))})
    result = lost_runs(context)
    assert isinstance(result, dg.SkipReason)
    return result.skip_message or ""


def test_run_waits_in_the_common_queue(instance: dg.DagsterInstance, leases: RunLeases, broker: str) -> None:
    run = run_of(instance, dg.DagsterRunStatus.STARTING, **{"dagster/partition": "HHcLC5acQt"})
    launch(instance, run)
    with connect(broker) as server:
        assert server.llen(COMMON_QUEUE) == 1
    lease = leases.lease(run.run_id)
    assert lease is not None
    assert (lease.state, lease.job, lease.subject) == (LeaseState.QUEUED, "world", "HHcLC5acQt")


def test_tag_of_a_run_selects_the_queue_of_a_host(instance: dg.DagsterInstance, broker: str) -> None:
    launch(instance, run_of(instance, dg.DagsterRunStatus.STARTING, **{"dagster-celery/queue": queue_of("attic")}))
    with connect(broker) as server:
        assert (server.llen(queue_of("attic")), server.llen(COMMON_QUEUE)) == (1, 0)


def test_terminated_run_in_a_queue_is_canceled(instance: dg.DagsterInstance, leases: RunLeases) -> None:
    run = run_of(instance, dg.DagsterRunStatus.STARTING)
    launch(instance, run)
    assert instance.run_launcher.terminate(run.run_id)
    assert status_of(instance, run) is dg.DagsterRunStatus.CANCELED
    assert not leases.claim(run.run_id, "attic", 7), "no worker executes it"


def test_terminated_run_on_a_worker_is_canceling_until_its_process_ends(
    instance: dg.DagsterInstance, leases: RunLeases
) -> None:
    run = run_of(instance, dg.DagsterRunStatus.STARTED)
    leases.claim(run.run_id, "attic", 7)
    assert instance.run_launcher.terminate(run.run_id)
    assert status_of(instance, run) is dg.DagsterRunStatus.CANCELING
    assert leases.renew(run.run_id, "attic", 7) is LeaseState.CANCELING


def test_finished_run_cannot_be_terminated(instance: dg.DagsterInstance) -> None:
    run = run_of(instance, dg.DagsterRunStatus.SUCCESS)
    assert not instance.run_launcher.terminate(run.run_id)
    assert status_of(instance, run) is dg.DagsterRunStatus.SUCCESS


@pytest.mark.usefixtures("silent")
def test_started_run_of_a_killed_process_fails_at_the_second_check(
    instance: dg.DagsterInstance, leases: RunLeases
) -> None:
    run = run_of(instance, dg.DagsterRunStatus.STARTED)
    leases.claim(run.run_id, "attic", 7)
    assert monitor(instance, run) is dg.DagsterRunStatus.STARTED
    assert monitor(instance, run) is dg.DagsterRunStatus.FAILURE


def test_started_run_of_a_live_process_continues(instance: dg.DagsterInstance, leases: RunLeases) -> None:
    run = run_of(instance, dg.DagsterRunStatus.STARTED)
    leases.claim(run.run_id, "attic", 7)
    assert [monitor(instance, run) for _ in range(3)] == [dg.DagsterRunStatus.STARTED] * 3


@pytest.mark.usefixtures("silent")
def test_run_of_the_command_line_continues(instance: dg.DagsterInstance) -> None:
    run = dg.DagsterRun("world", make_new_run_id(), status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    assert [monitor(instance, run) for _ in range(3)] == [dg.DagsterRunStatus.STARTED] * 3


def test_started_runs_continue_while_redis_does_not_answer(tmp_path: Path) -> None:
    with instance_with(NOBODY, tmp_path / "instance") as instance:
        run = run_of(instance, dg.DagsterRunStatus.STARTED)
        assert [monitor(instance, run) for _ in range(3)] == [dg.DagsterRunStatus.STARTED] * 3


@pytest.mark.usefixtures("silent")
def test_requested_run_in_no_queue_fails(
    instance: dg.DagsterInstance, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, waiting = (run_of(instance, dg.DagsterRunStatus.STARTING) for _ in range(2))
    for run in (lost, waiting):
        launch(instance, run)
    with connect(broker) as server:
        # Redis is a stack here: the first message is the last element.
        assert lost.run_id in str(server.rpop(COMMON_QUEUE))
    assert tick(instance, broker, tmp_path, monkeypatch) == "No requested run is lost."
    assert lost.run_id in tick(instance, broker, tmp_path, monkeypatch)
    assert status_of(instance, lost) is dg.DagsterRunStatus.FAILURE
    assert status_of(instance, waiting) is dg.DagsterRunStatus.STARTING


def test_start_timeout_counts_from_the_worker_and_not_from_the_request(
    instance: dg.DagsterInstance,
    leases: RunLeases,
    broker: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken, waiting = (run_of(instance, dg.DagsterRunStatus.STARTING) for _ in range(2))
    for run in (taken, waiting):
        launch(instance, run)
    leases.claim(taken.run_id, "attic", 7)
    monkeypatch.setattr("vwe_dagster.defs.sensors.lost_runs.STARTING_S", -1.0)
    assert "has not started it" in tick(instance, broker, tmp_path, monkeypatch)
    assert status_of(instance, taken) is dg.DagsterRunStatus.FAILURE
    assert status_of(instance, waiting) is dg.DagsterRunStatus.STARTING
    assert leases.renew(taken.run_id, "attic", 7) is LeaseState.ENDED, "its process must end itself"


def test_sensor_survives_a_broker_that_does_not_answer(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "does not answer" in tick(instance, NOBODY, tmp_path, monkeypatch)


@pytest.mark.usefixtures("redis_process")
def test_launch_waits_while_redis_does_not_answer(tmp_path: Path) -> None:
    with (
        running_redis(tmp_path / "redis") as server,
        instance_with(server.url, tmp_path / "instance") as instance,
    ):
        server.stop()
        run = run_of(instance, dg.DagsterRunStatus.STARTING)
        with launching(instance, run) as launched:
            server.start()
            launched.result(PATIENCE_S)
        assert status_of(instance, run) is dg.DagsterRunStatus.STARTING
        with connect(server.url) as client:
            assert client.llen(COMMON_QUEUE) == 1


def test_launch_ends_if_the_run_is_canceled_while_redis_does_not_answer(tmp_path: Path) -> None:
    with instance_with(NOBODY, tmp_path / "instance") as instance:
        run = run_of(instance, dg.DagsterRunStatus.STARTING)
        with launching(instance, run) as launched:
            instance.report_run_canceled(run)
            launched.result(PATIENCE_S)
        assert status_of(instance, run) is dg.DagsterRunStatus.CANCELED
