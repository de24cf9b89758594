"""Test that injected faults occur and that the client detects them."""

from __future__ import annotations

import functools

import pytest

from vwe_dagster.engine import client as client_module
from vwe_dagster.engine.client import EngineRefusedError, JobTerms, run_job
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.faults import CRASHED, FAILED_START, FAULTS, Faults
from vwe_dagster.engine.messages import EngineError, WorldExport, WorldRequest
from vwe_dagster.engine.protocol import EngineState, JobState
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.engine import engines
from vwe_dagster_tests.engine.engines import PATIENCE_S, SIMPLE_ENGINE, RunningEngine, a_job

pytestmark = pytest.mark.slow

running_engine = functools.partial(engines.running_engine, program=SIMPLE_ENGINE)
started_engine = functools.partial(engines.started_engine, program=SIMPLE_ENGINE)

REQUEST = WorldRequest(1, Grid.of_world(64), layers=("height",))


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_S", 0.1)


def run(engine: RunningEngine) -> WorldExport:
    with engine.client() as client:
        client.claim(1)
        return run_job(client, REQUEST, JobTerms(token=1, job_id="job", deadline_s=60))


def test_failed_job_reports_its_cause_and_does_not_break_the_engine() -> None:
    with running_engine("--fault", "fail_job") as engine:
        with pytest.raises(EngineError, match="did not finish the world: The terrain code failed"):
            run(engine)
        with engine.client() as client:
            assert client.status().state is EngineState.READY


def test_crash_during_a_job_makes_the_engine_unreachable() -> None:
    with running_engine("--fault", "crash_in_job") as engine:
        with pytest.raises(EngineUnreachableError):
            run(engine)
        assert engine.process.wait(PATIENCE_S) == CRASHED


def test_truncated_layer_is_rejected() -> None:
    with running_engine("--fault", "half_export") as engine, pytest.raises(EngineUnreachableError, match="ended after"):
        run(engine)


def test_layer_with_a_wrong_bit_is_rejected() -> None:
    with (
        running_engine("--fault", "corrupt_layer") as engine,
        pytest.raises(EngineError, match="do not match their hash"),
    ):
        run(engine)


def test_failed_reset_breaks_the_engine() -> None:
    with running_engine("--fault", "fail_reset") as engine, engine.client() as client:
        with pytest.raises(EngineRefusedError) as error:
            client.reset(1)
        assert (error.value.status, error.value.code) == (500, "reset_failed")
        status = client.status()
        assert status.state is EngineState.ERROR
        assert status.error is not None
        with pytest.raises(EngineRefusedError, match="destroy it"):
            client.claim(2)


def test_engine_reports_that_it_ran_out_of_memory() -> None:
    with running_engine("--fault", "oom", memory_bytes=2**30) as engine:
        with pytest.raises(EngineError, match="out of memory"):
            run(engine)
        with engine.client() as client:
            assert client.status().state is EngineState.ERROR


def test_slow_job_can_be_canceled_and_a_hanging_one_cannot() -> None:
    with running_engine("--fault", "slow_job=600") as engine, engine.client() as client:
        client.claim(1)
        status = client.start(a_job(1))
        status = client.job(status.job_id, wait_s=30, seen=status.seen)
        assert status.phase == "delayed"
        client.cancel(status.job_id)
        while status.state is JobState.RUNNING:
            status = client.job(status.job_id, wait_s=30, seen=status.seen)
        assert status.state is JobState.CANCELLED
    with running_engine("--fault", "hang") as engine, engine.client() as client:
        client.claim(1)
        status = client.start(a_job(1))
        client.cancel(status.job_id)
        status = client.job(status.job_id, wait_s=0.3, seen=status.seen)
        assert (status.state, status.progress) == (JobState.RUNNING, 0.0)


def test_an_engine_that_fails_to_start_never_answers(tmp_path: object) -> None:
    with started_engine(tmp_path, "--fault", "fail_start") as engine:  # type: ignore[arg-type]
        assert engine.process.wait(PATIENCE_S) == FAILED_START


def test_fault_occurs_with_its_probability() -> None:
    faults = Faults.parse(["hang@0.2", "slow_job=3.5@0", "fail_job"])
    struck = sum(faults.strikes("hang") for _ in range(2000))
    assert 250 < struck < 550
    assert not any(faults.strikes("slow_job") for _ in range(100))
    assert all(faults.strikes("fail_job") for _ in range(100))
    assert not faults.strikes("oom")
    assert faults.by_name["slow_job"].seconds == 3.5


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_parsed(name: str) -> None:
    timed = name.startswith("slow")
    assert Faults.parse([f"{name}=1" if timed else name]).by_name[name].probability == 1
