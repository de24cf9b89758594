"""The polling loop of the pool."""

from __future__ import annotations

import itertools

import pytest

from vwe_dagster.pool.polling import MAX_PAUSE_S, poll
from vwe_dagster_tests.pool.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_first_value_is_returned_without_sleeping(clock: FakeClock) -> None:
    assert poll(lambda: 0, clock) == 0
    assert clock.time == 1000


def test_attempts_are_repeated_after_a_pause_until_one_returns_a_value(clock: FakeClock) -> None:
    results = iter([None, None, "done"])
    assert poll(lambda: next(results), clock) == "done"
    assert clock.time == pytest.approx(1000 + 2 * MAX_PAUSE_S)


def test_last_attempt_follows_the_timeout(clock: FakeClock) -> None:
    times: list[float] = []
    assert poll(lambda: times.append(clock.time), clock, timeout_s=5, pauses_s=itertools.repeat(2)) is None
    assert times == [1000, 1002, 1004, 1005]


def test_value_of_the_last_attempt_counts(clock: FakeClock) -> None:
    assert poll(lambda: "late" if clock.time >= 1005 else None, clock, timeout_s=5) == "late"


def test_error_of_an_attempt_ends_the_loop(clock: FakeClock) -> None:
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        poll(fail, clock)
