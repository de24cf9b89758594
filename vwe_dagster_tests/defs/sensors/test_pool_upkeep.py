"""Test the upkeep of the pool in Dagster: its sensor, its job, and the warming before the nightly seeds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.pool_jobs import pool_upkeep, warm_pool
from vwe_dagster.defs.resources import WarmEnginePool
from vwe_dagster.defs.schedules import minutes_before, nightly_seeds, warm_before_nightly
from vwe_dagster.defs.sensors.pool_upkeep import pool_upkeep as sensor
from vwe_dagster.pool.clock import SystemClock
from vwe_dagster.pool.opening import state_folder
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.pool.fakes import REQUEST, FakeMachine, Holder

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0)


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def resource(tmp_path: Path) -> WarmEnginePool:
    return WarmEnginePool(folder=str(tmp_path / "pool"), **SETTINGS.model_dump())


@pytest.fixture
def pool(tmp_path: Path, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> EnginePool:
    """The pool that the resource opens, with engines that do nothing."""

    def opened(*_: object, **__: object) -> EnginePool:
        return machine.pool(state_folder(tmp_path / "pool"), SETTINGS, SystemClock())

    monkeypatch.setattr("vwe_dagster.defs.resources.open_pool", opened)
    return opened()


def tick(
    instance: dg.DagsterInstance, resource: WarmEnginePool, cursor: str | None = None
) -> tuple[list[dg.RunRequest], str | None]:
    """Evaluate a tick of the sensor; return the requested runs and the new cursor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"pool": resource}) as context:
        evaluation = sensor.evaluate_tick(context)
    return list(evaluation.run_requests or []), evaluation.cursor or cursor


def upkeep(instance: dg.DagsterInstance, resource: WarmEnginePool) -> dg.ExecuteInProcessResult:
    return pool_upkeep.execute_in_process(instance=instance, resources={"pool": resource}, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Return the error message of a failed run."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return str(data.description)


def test_tick_on_an_unused_pool_writes_and_requests_nothing(
    instance: dg.DagsterInstance, resource: WarmEnginePool, tmp_path: Path
) -> None:
    assert tick(instance, resource)[0] == []
    assert list(tmp_path.iterdir()) == []


def test_tick_starts_no_process_and_calls_no_launcher(
    instance: dg.DagsterInstance,
    resource: WarmEnginePool,
    pool: EnginePool,
    machine: FakeMachine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool.warm(1)
    Holder(pool).die()
    machine.launcher_is_down = True

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a tick must not do this")

    monkeypatch.setattr("vwe_dagster.defs.resources.open_pool", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert len(tick(instance, resource)[0]) == 1


def test_dead_holder_leads_to_one_run_that_recovers_the_slot(
    instance: dg.DagsterInstance, resource: WarmEnginePool, pool: EnginePool
) -> None:
    pool.warm(1)
    pool.reap()
    assert tick(instance, resource)[0] == []
    holder = Holder(pool)
    holder.die()
    (request,), cursor = tick(instance, resource)
    assert request.tags["vwe/reasons"] == "slot 0: its holder is dead"
    again, cursor = tick(instance, resource, cursor)
    assert again == [], "the same reasons lead to no second run at once"
    assert upkeep(instance, resource).success
    assert pool.status().leased == 0
    assert tick(instance, resource, cursor)[0] == []


def test_no_run_is_requested_while_one_is_unfinished(
    instance: dg.DagsterInstance, resource: WarmEnginePool, pool: EnginePool
) -> None:
    Holder(pool).die()
    instance.create_run_for_job(pool_upkeep, status=dg.DagsterRunStatus.STARTED)
    assert tick(instance, resource)[0] == []


def test_job_reports_its_actions(
    instance: dg.DagsterInstance, resource: WarmEnginePool, pool: EnginePool, machine: FakeMachine
) -> None:
    pool.warm(2)
    next(iter(machine.engines.values())).running = False
    result = upkeep(instance, resource)
    (event,) = result.get_step_success_events()
    assert event.step_key == "maintain_pool"
    (output,) = [event for event in result.all_events if event.is_successful_output]
    metadata = output.step_output_data.metadata
    done = metadata["actions"].value
    assert isinstance(done, list)
    assert "Slot 0 changed from READY to EMPTY" in done[0]
    assert done[1] == "Started an engine in slot 0."
    assert metadata["problem"].value == "none"


def test_unreachable_launcher_is_reported_without_a_failure(
    instance: dg.DagsterInstance, resource: WarmEnginePool, pool: EnginePool, machine: FakeMachine
) -> None:
    pool.warm(1)
    machine.launcher_is_down = True
    result = upkeep(instance, resource)
    (output,) = [event for event in result.all_events if event.is_successful_output]
    assert output.step_output_data.metadata["problem"].value == "The launcher does not answer."


def test_engines_that_do_not_start_fail_the_job_once_with_what_to_do(
    instance: dg.DagsterInstance, resource: WarmEnginePool, pool: EnginePool, machine: FakeMachine
) -> None:
    machine.launch_fails = "There is no such image."
    with pytest.raises(Exception, match="no such image"):
        pool.generate(REQUEST)
    (request,), cursor = tick(instance, resource)
    assert "engines fail repeatedly" in request.tags["vwe/reasons"]
    text = failure(upkeep(instance, resource))
    assert text.startswith("Engines do not start: it could not be started: There is no such image. 3 failed in a row;")
    assert "vwe pool logs" in text
    assert tick(instance, resource, cursor)[0] == []
    assert upkeep(instance, resource).success


@pytest.mark.parametrize(("config", "ready"), [({}, 2), ({"engines": 1}, 1)])
def test_warming_starts_the_requested_number_of_engines(
    instance: dg.DagsterInstance, resource: WarmEnginePool, pool: EnginePool, config: dict[str, int], ready: int
) -> None:
    result = warm_pool.execute_in_process(
        instance=instance,
        resources={"pool": resource},
        run_config={"ops": {"start_engines": {"config": config}}},
    )
    assert result.success
    assert pool.status().ready == ready


def test_failed_warming_reports_its_cause(
    instance: dg.DagsterInstance, resource: WarmEnginePool, pool: EnginePool, machine: FakeMachine
) -> None:
    assert pool.status().ready == 0
    machine.launch_fails = "There is no such image."
    result = warm_pool.execute_in_process(instance=instance, resources={"pool": resource}, raise_on_error=False)
    assert failure(result).startswith("Engines do not start: it could not be started: There is no such image.")


@pytest.mark.parametrize(
    ("cron", "minutes", "before"),
    [("0 3 * * *", 3, "57 2 * * *"), ("30 12 * * *", 5, "25 12 * * *"), ("1 0 * * *", 3, "58 23 * * *")],
)
def test_earlier_time_may_be_on_the_day_before(cron: str, minutes: int, before: str) -> None:
    assert minutes_before(cron, minutes) == before


@pytest.mark.parametrize("cron", ["*/5 * * * *", "0 3 * * 1", "0 3 1 * *"])
def test_cron_lines_that_are_not_daily_are_rejected(cron: str) -> None:
    with pytest.raises(ValueError, match="Invalid cron line"):
        minutes_before(cron, 3)


def test_pool_is_warmed_shortly_before_the_nightly_seeds_if_the_schedule_runs() -> None:
    assert warm_before_nightly.cron_schedule == minutes_before(str(nightly_seeds.cron_schedule), 3)
    assert warm_before_nightly.default_status is dg.DefaultScheduleStatus.STOPPED
    definitions = build_defs()
    assert definitions.resolve_schedule_def("warm_before_nightly").job_name == "warm_pool"
    assert definitions.resolve_sensor_def("pool_upkeep").job_name == "pool_upkeep"
