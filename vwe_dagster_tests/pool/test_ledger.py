"""The ledger rejects illegal changes and records every step."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import pytest

from vwe_dagster.pool.database import FILE
from vwe_dagster.pool.errors import FencedError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.states import LEGAL, RecordedJobState, State

TEST = Reason(TransitionKind.DEMAND, "a test")
ROUND = [State.READY, State.GENERATING, State.EXPORTING, State.RESETTING, State.READY]
WAYS: dict[State, list[State]] = {
    State.EMPTY: [],
    State.STARTING: [],
    State.READY: [State.READY],
    State.GENERATING: ROUND[:2],
    State.EXPORTING: ROUND[:3],
    State.RESETTING: ROUND[:4],
    State.ERROR: [State.ERROR],
}
"""The steps to each state from the start of an engine."""


@pytest.fixture
def ledger(folder: Path) -> Ledger:
    ledger = Ledger(folder)
    ledger.ensure_slots(2)
    return ledger


def begin(ledger: Ledger, slot: int = 0, *, single_flight_s: float | None = None, now: float = 100.0) -> int | None:
    changes: dict[str, object] = {"engine": "pool", "boot": "boot", "started_s": now}
    row = ledger.begin_engine(slot, single_flight_s=single_flight_s, reason=TEST, changes=changes)
    return None if row is None else row.token


def reach(ledger: Ledger, state: State) -> int:
    """Bring slot 0 into a state, and return its token."""
    if state is State.EMPTY:
        return 0
    token = begin(ledger)
    assert token is not None
    for step in WAYS[state]:
        ledger.change_state(0, token, step, TEST)
    return token


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(State, 2)))
def test_only_legal_steps_can_be_written(ledger: Ledger, before: State, after: State) -> None:
    token = reach(ledger, before)
    recorded = len(ledger.transitions())
    if (before, after) in LEGAL:
        ledger.change_state(0, token, after, Reason(TransitionKind.FORCE, "why not"))
        step = ledger.transitions()[-1]
        assert (step.before, step.after, step.kind, step.detail, step.token) == (
            before,
            after,
            "force",
            "why not",
            token,
        )
        assert ledger.slot(0).state is after
    else:
        with pytest.raises(PoolError, match="no legal step"):
            ledger.change_state(0, token, after, Reason(TransitionKind.FORCE, "why not"))
        assert ledger.slot(0).state is before
        assert len(ledger.transitions()) == recorded


def test_triggers_reject_illegal_steps_lower_tokens_and_changed_history(ledger: Ledger, folder: Path) -> None:
    reach(ledger, State.READY)
    by_hand = sqlite3.connect(folder / FILE)
    for statement in (
        "UPDATE slots SET state = 'EXPORTING' WHERE slot = 0",
        "UPDATE slots SET state = 'SLEEPING' WHERE slot = 0",
        "UPDATE slots SET token = 0 WHERE slot = 0",
        "UPDATE transitions SET detail = 'another'",
        "INSERT INTO slots (slot, state) VALUES (9, 'READY')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            by_hand.execute(statement)
    by_hand.close()


def test_holder_of_an_older_token_cannot_change_a_slot(ledger: Ledger) -> None:
    old = reach(ledger, State.READY)
    new = ledger.take(0, old, holder="another", now=1, deadline=2, boot="boot")
    assert new > old
    before = ledger.slot(0)
    for change in (
        lambda: ledger.change_state(0, old, State.GENERATING, TEST),
        lambda: ledger.update(0, old, jobs=5),
        lambda: ledger.end_job(0, old, "job", RecordedJobState.EXPORTED, duration_s=1, error=None),
        lambda: ledger.take(0, old, holder="late", now=1, deadline=2, boot="boot"),
        lambda: ledger.fence(0, old, holder="late", now=1, deadline=2, boot="boot"),
    ):
        with pytest.raises(FencedError):
            change()
    assert ledger.slot(0) == before


def test_engine_names_are_never_reused(ledger: Ledger) -> None:
    names = set()
    for _ in range(3):
        token = begin(ledger)
        assert token is not None
        names.add(ledger.slot(0).engine)
        ledger.change_state(0, token, State.ERROR, TEST)
        ledger.clear(0, token, TEST)
    assert len(names) == 3


def test_single_flight_allows_one_start_at_a_time(ledger: Ledger) -> None:
    assert begin(ledger, 0, single_flight_s=20)
    assert begin(ledger, 1, single_flight_s=20) is None
    assert begin(ledger, 1)


def test_late_start_does_not_block_single_flight(ledger: Ledger) -> None:
    assert begin(ledger, 0, single_flight_s=20)
    assert begin(ledger, 1, single_flight_s=20, now=119) is None
    assert begin(ledger, 1, single_flight_s=20, now=121)


def test_occupied_slot_starts_no_engine(ledger: Ledger) -> None:
    assert begin(ledger)
    assert begin(ledger) is None


def test_pruning_keeps_the_latest_records(ledger: Ledger) -> None:
    for _ in range(4):
        token = begin(ledger)
        assert token is not None
        ledger.change_state(0, token, State.ERROR, TEST)
        ledger.clear(0, token, TEST)
    last = ledger.transitions()[-1]
    ledger.prune(keep=5)
    assert len(ledger.transitions()) == 5
    assert ledger.transitions()[-1] == last
    assert [step.id for step in ledger.transitions(after=last.id - 2)] == [last.id - 1, last.id]


def test_unusable_ledger_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PoolError, match="cannot be used"):
        Ledger(tmp_path / "file").slots()
    (tmp_path / FILE).write_text("this is no database, and long enough to be seen as none" * 100)
    with pytest.raises(PoolError, match="cannot be used"):
        Ledger(tmp_path).slots()


def test_failed_opening_leaves_no_file_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE begun (number)")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("vwe_dagster.pool.database._set_up", fail)
    with pytest.raises(PoolError, match="disk is full") as error:
        Ledger(folder).slots()
    opened = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert [path for path in opened if path.is_relative_to(folder)] == []
    assert error.tb is not None


def test_ledger_of_a_later_version_is_rejected(folder: Path) -> None:
    Ledger(folder).ensure_slots(1)
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(PoolError, match="has version 99"):
        Ledger(folder).slots()
