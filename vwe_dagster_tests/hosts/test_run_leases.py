"""Leases of runs: one process per run, and a silent process is detected and fenced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from vwe_dagster.hosts import run_leases
from vwe_dagster.hosts.app import COMMON_QUEUE
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import LeaseState, RunLeases, Verdict, cause_of_loss

RUN = "4d2a5e9c"


@pytest.fixture
def server(broker: str) -> Iterator[redis.Redis]:
    with connect(broker) as client:
        yield client


@pytest.fixture
def leases(server: redis.Redis) -> RunLeases:
    leases = RunLeases(server)
    leases.enqueue(RUN, job="world", subject="one to ten", queue=COMMON_QUEUE)
    return leases


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every lease as silent, as if it had not been renewed for long."""
    monkeypatch.setattr(run_leases, "SILENT_S", -1.0)
    monkeypatch.setattr(run_leases, "SECOND_CHECK_S", 0.0)


def state_of(leases: RunLeases) -> LeaseState:
    lease = leases.lease(RUN)
    assert lease is not None
    return lease.state


def test_run_is_taken_once(leases: RunLeases) -> None:
    assert leases.claim(RUN, "attic", 7)
    assert not leases.claim(RUN, "cellar", 8)
    lease = leases.lease(RUN)
    assert lease is not None
    assert (lease.state, lease.host, lease.process) == (LeaseState.RUNNING, "attic", 7)
    assert (lease.job, lease.subject, lease.queue) == ("world", "one to ten", COMMON_QUEUE)


def test_run_that_has_ended_is_not_taken_again(leases: RunLeases) -> None:
    leases.claim(RUN, "attic", 7)
    leases.end(RUN, 0)
    assert not leases.claim(RUN, "cellar", 8)


def test_run_that_was_canceled_in_its_queue_is_never_taken(leases: RunLeases) -> None:
    assert leases.cancel(RUN) is LeaseState.ENDED
    assert not leases.claim(RUN, "attic", 7)


def test_process_of_a_canceled_run_is_informed(leases: RunLeases) -> None:
    leases.claim(RUN, "attic", 7)
    assert leases.renew(RUN, "attic", 7) is LeaseState.RUNNING
    assert leases.cancel(RUN) is LeaseState.CANCELING
    assert leases.renew(RUN, "attic", 7) is LeaseState.CANCELING


def test_renewed_lease_is_alive(leases: RunLeases) -> None:
    leases.claim(RUN, "attic", 7)
    leases.renew(RUN, "attic", 7)
    assert leases.check(RUN) is Verdict.ALIVE


@pytest.mark.usefixtures("silent")
def test_silent_lease_is_revoked_at_the_second_check(leases: RunLeases) -> None:
    leases.claim(RUN, "attic", 7)
    assert leases.check(RUN) is Verdict.SILENT
    assert state_of(leases) is LeaseState.RUNNING
    assert leases.check(RUN) is Verdict.DEAD
    assert leases.renew(RUN, "attic", 7) is LeaseState.ENDED, "a process that continues must end itself"


def test_second_check_soon_after_the_first_revokes_nothing(leases: RunLeases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_leases, "SILENT_S", -1.0)
    leases.claim(RUN, "attic", 7)
    assert [leases.check(RUN) for _ in range(3)] == [Verdict.SILENT] * 3


@pytest.mark.usefixtures("silent")
def test_renewal_between_two_checks_keeps_the_lease(leases: RunLeases) -> None:
    leases.claim(RUN, "attic", 7)
    for _ in range(3):
        assert leases.check(RUN) is Verdict.SILENT
        assert leases.renew(RUN, "attic", 7) is LeaseState.RUNNING


@pytest.mark.usefixtures("silent")
def test_run_in_a_queue_waits_without_limit(leases: RunLeases, server: redis.Redis) -> None:
    server.lpush(COMMON_QUEUE, f'{{"headers": {{"id": "{RUN}"}}}}')
    assert [leases.check(RUN) for _ in range(3)] == [Verdict.WAITING] * 3


@pytest.mark.usefixtures("silent")
def test_run_that_is_in_no_queue_is_lost(leases: RunLeases) -> None:
    assert [leases.check(RUN) for _ in range(2)] == [Verdict.SILENT, Verdict.DEAD]
    assert not leases.claim(RUN, "attic", 7)
    assert "before a worker executed it" in cause_of_loss(leases.lease(RUN))


@pytest.mark.usefixtures("silent")
def test_cause_names_the_host_and_the_exit_code(leases: RunLeases) -> None:
    leases.claim(RUN, "attic", 7)
    leases.end(RUN, -9)
    assert [leases.check(RUN) for _ in range(2)] == [Verdict.SILENT, Verdict.DEAD]
    assert cause_of_loss(leases.lease(RUN)).endswith("on host attic ended with exit code -9.")


def test_lease_that_redis_has_lost_is_recorded_again(leases: RunLeases, server: redis.Redis) -> None:
    leases.claim(RUN, "attic", 7)
    server.flushall()
    assert leases.renew(RUN, "attic", 7) is LeaseState.RUNNING
    assert leases.check(RUN) is Verdict.ALIVE
    assert [lease.run for lease in leases.open_leases()] == [RUN]


def test_open_leases_are_those_of_runs_that_have_not_ended(leases: RunLeases) -> None:
    leases.enqueue("second", job="survey", subject="", queue=COMMON_QUEUE)
    leases.claim(RUN, "attic", 7)
    assert {lease.run for lease in leases.open_leases()} == {RUN, "second"}
    leases.end(RUN, 0)
    assert [lease.run for lease in leases.open_leases()] == ["second"]
