"""The history check accepts legal histories and finds violations."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from vwe_dagster_tests.pool.history import Kind, Operation, Recorder, first_violation, operations, recorded


def op(kind: Kind, token: int, called_s: float, returned_s: float = math.inf, *, is_good: bool = True) -> Operation:
    return Operation(kind, 0, token, called_s, returned_s, is_good)


LEASE, EXPORT, CONFIRM, REPAIR = Kind.LEASE, Kind.EXPORT, Kind.CONFIRM, Kind.REPAIR

GOOD = {
    "one after the other": [op(LEASE, 1, 0, 1), op(EXPORT, 1, 2, 3), op(CONFIRM, 1, 4, 5), op(LEASE, 2, 6, 7)],
    "tokens that upkeep used are skipped": [op(LEASE, 3, 0, 1), op(LEASE, 9, 2, 3)],
    "an export that was whole before the next lease is confirmed after it": [
        op(LEASE, 1, 0, 1),
        op(EXPORT, 1, 2, 6),
        op(LEASE, 2, 4, 5),
        op(CONFIRM, 1, 7, 8),
    ],
    "concurrent leases took place in the order of their tokens": [op(LEASE, 2, 0, 9), op(LEASE, 1, 1, 8)],
    "a fenced export is not confirmed": [
        op(LEASE, 1, 0, 1),
        op(LEASE, 2, 2, 3),
        op(EXPORT, 1, 1, 4, is_good=False),
        op(CONFIRM, 1, 5, 6, is_good=False),
    ],
    "after a repair nothing of before is confirmed": [
        op(LEASE, 4, 0, 1),
        op(EXPORT, 4, 2, 3),
        op(REPAIR, 7, 4, 5),
        op(CONFIRM, 4, 6, 7, is_good=False),
        op(LEASE, 8, 8, 9),
    ],
    "a killed holder may have finished": [op(LEASE, 1, 0, 1), op(EXPORT, 1, 2), op(LEASE, 2, 3, 4)],
}

BAD = {
    "a token twice": [op(LEASE, 1, 0, 1), op(LEASE, 1, 2, 3)],
    "a lower token after a higher one": [op(LEASE, 2, 0, 1), op(LEASE, 1, 2, 3)],
    "an export after another had the slot": [op(LEASE, 1, 0, 1), op(LEASE, 2, 2, 3), op(EXPORT, 1, 4, 5)],
    "a confirmation of what was not whole": [
        op(LEASE, 1, 0, 1),
        op(EXPORT, 1, 2, 3, is_good=False),
        op(CONFIRM, 1, 4, 5),
    ],
    "a token of before a repair": [op(LEASE, 4, 0, 1), op(REPAIR, 7, 2, 3), op(LEASE, 6, 4, 5)],
    "an export of before a repair": [op(LEASE, 4, 0, 1), op(REPAIR, 7, 2, 3), op(EXPORT, 4, 4, 5)],
    "a whole export that is not confirmed": [
        op(LEASE, 1, 0, 1),
        op(EXPORT, 1, 2, 3),
        op(CONFIRM, 1, 4, 5, is_good=False),
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_linearizable_history_is_accepted(name: str) -> None:
    assert first_violation(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_violating_history_is_found(name: str) -> None:
    assert first_violation(BAD[name]) is not None


def test_long_history_is_checked_and_one_wrong_operation_in_it_is_found() -> None:
    choice = random.Random(1)
    history: list[Operation] = []
    now = 0.0
    for token in range(1, 1500):
        called = [now + choice.random() for _ in range(3)]
        ends = now + 1 + choice.random()
        history.append(op(LEASE, token, called[0] - 1, now + 1))
        history.append(op(EXPORT, token, now + 1, ends + choice.random()))
        now = ends
    assert first_violation(history) is None
    wrong = op(EXPORT, 700, history[1600].called_s, history[1600].returned_s)
    assert first_violation([*history, wrong]) is not None


def test_records_of_a_process_that_was_killed_while_it_wrote_are_read(tmp_path: Path) -> None:
    path = tmp_path / "history"
    with Recorder(path) as recorder:
        number = recorder.call(LEASE)
        recorder.returned(number, slot=1, token=5)
        recorder.call(EXPORT, slot=1, token=5)
        recorder.call(LEASE)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"at": 7.0, "num')
    leased, export = operations(recorded(path))
    assert (leased.kind, leased.slot, leased.token, leased.returned_s < math.inf) == (LEASE, 1, 5, True)
    assert (export.kind, export.returned_s) == (EXPORT, math.inf)
