"""The fake engines behave like real engines, so that tests of the pool cover the states that occur in production."""

from __future__ import annotations

import pytest

from vwe_dagster.engine.client import EngineRefusedError, JobTerms
from vwe_dagster.engine.messages import EngineError, WorldExport
from vwe_dagster.engine.protocol import EngineState
from vwe_dagster_tests.pool.fakes import REQUEST, FakeConnection, FakeEngine, FakeMachine


@pytest.fixture
def engine(machine: FakeMachine) -> FakeEngine:
    machine.engines["fake-0-1"] = FakeEngine("fake-0-1", 0)
    return machine.engines["fake-0-1"]


@pytest.fixture
def connection(machine: FakeMachine, engine: FakeEngine) -> FakeConnection:
    return FakeConnection(machine, engine.name)


def generate(connection: FakeConnection, token: int) -> WorldExport:
    return connection.generate(REQUEST, JobTerms(token=token, job_id=f"job-{token}", deadline_s=60))


def test_finished_job_keeps_its_engine_exporting_until_a_reset(connection: FakeConnection) -> None:
    connection.claim(1)
    assert generate(connection, 1).request == REQUEST
    assert (connection.status().state, connection.status().jobs_done) == (EngineState.EXPORTING, 1)
    assert connection.reset(1).state is EngineState.READY


def test_broken_engine_rejects_every_call(connection: FakeConnection, engine: FakeEngine) -> None:
    connection.claim(1)
    engine.break_down()
    for call in (lambda: connection.claim(2), lambda: connection.reset(1), lambda: generate(connection, 1)):
        with pytest.raises(EngineRefusedError) as refused:
            call()
        assert (refused.value.code, refused.value.status) == ("engine_error", 503)


def test_job_with_a_token_that_has_not_claimed_the_engine_is_rejected(connection: FakeConnection) -> None:
    connection.claim(1)
    with pytest.raises(EngineRefusedError) as refused:
        generate(connection, 2)
    assert refused.value.code == "not_claimed"


def test_newer_claim_cancels_a_running_job(machine: FakeMachine, connection: FakeConnection) -> None:
    def claim_again(_engine: FakeEngine, _phase: str) -> None:
        connection.claim(2)

    connection.claim(1)
    machine.in_job = claim_again
    with pytest.raises(EngineError, match="cancelled"):
        generate(connection, 1)
    assert (connection.status().state, connection.status().token) == (EngineState.READY, 2)


def test_failed_reset_breaks_the_engine(connection: FakeConnection, engine: FakeEngine) -> None:
    engine.reset_fails = True
    with pytest.raises(EngineRefusedError) as refused:
        connection.reset(1)
    assert refused.value.code == "reset_failed"
    assert connection.status().state is EngineState.ERROR
