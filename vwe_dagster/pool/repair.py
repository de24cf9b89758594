"""Replace a ledger that is damaged or an old copy with a new one whose tokens exceed all former tokens.

A ledger contains no part of a world. A repair loses the history of jobs and engines, and the counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

from vwe_dagster.pool.database import FILE, ledger_file, next_file
from vwe_dagster.pool.errors import DamagedLedgerError, PoolError
from vwe_dagster.pool.ledger import ENGINES, Ledger
from vwe_dagster.pool.slot_locks import SlotLock, holder_name
from vwe_dagster.pool.upkeep import Upkeep

_TOKENS = ("SELECT max(token) FROM slots", "SELECT max(token) FROM transitions", "SELECT max(token) FROM jobs")
_STARTED = ("SELECT value FROM metadata WHERE name = 'engines'",)
_NUMBER = re.compile(r"-(\d+)$")


@dataclasses.dataclass(frozen=True)
class RepairReport:
    """The result of a repair.

    Attributes:
        problem: the damage of the ledger; None if it was intact and nothing changed.
        former: the path of the former ledger, which is kept and not used again.
        ended: the names of the engines that were ended.
        first_token: the lowest token of future leases.
    """

    problem: str | None
    former: str | None = None
    ended: tuple[str, ...] = ()
    first_token: int | None = None


def repair(upkeep: Upkeep) -> RepairReport:
    """Replace the ledger of a pool if it is damaged or an old copy, and end the pool's engines.

    Leases of the former ledger are fenced, so their worlds are not published.

    Raises:
        PoolError: files cannot be moved or written, or the ledger is of a later version.
        LauncherError: the launcher does not answer; the ledger is unchanged.
    """
    problem = find_problem(upkeep)
    if problem is None:
        return RepairReport(None)
    state = upkeep.locks.parent
    # No holder loses its lock if the launcher does not answer.
    upkeep.launcher.engines()
    with _all_locks(upkeep) as locks:
        engines = [info.engine for info in upkeep.launcher.engines()]
        for engine in engines:
            upkeep.launcher.end(engine, None)
        token = max([*_recorded(state, _TOKENS), *(lock.token for lock in locks)])
        number = max([*_recorded(state, _STARTED), *_numbers(engines)])
        # Each start of an engine raised the token of its slot, so there were at most as many starts as tokens.
        number = max(number, token * len(locks))
        former = ledger_file(state)
        try:
            _write(next_file(former), slots=len(locks), token=token, number=number)
        except OSError as error:
            raise PoolError(
                f"The ledger in {state} cannot be replaced: {error}. Check that the disk is not full and that this "
                f"user may write to the folder, and repair the pool again."
            ) from error
        for lock in locks:
            lock.extend(upkeep.upkeep_s, token)
    return RepairReport(problem, str(former), tuple(engines), token + 1)


def find_problem(upkeep: Upkeep) -> str | None:
    """Return the damage of a pool's ledger as text; None if it is intact or does not exist yet."""
    ledger = upkeep.ledger
    try:
        if not ledger_file(upkeep.locks.parent).exists():
            return None
        ledger.check_integrity()
        for row in ledger.slots():
            upkeep.check_not_rolled_back(row, upkeep.lock(row.slot).read())
    except DamagedLedgerError as error:
        return error.problem
    return None


@contextlib.contextmanager
def _all_locks(upkeep: Upkeep) -> Iterator[list[SlotLock]]:
    """Take the lock of every slot from any holder."""
    names = (path.stem.removeprefix("slot-") for path in upkeep.locks.glob("slot-*.lock") if path.is_file())
    known = {int(name) for name in names if name.isdecimal()}
    count = max([*known, upkeep.settings.max_warm_containers - 1]) + 1
    with contextlib.ExitStack() as stack:
        locks = []
        for slot in range(count):
            lock = upkeep.lock(slot, holder_name("repair"))
            if not lock.take(upkeep.upkeep_s):
                lock.seize(upkeep.upkeep_s, lock.read().token, check=lambda: None)
            stack.callback(lock.release)
            locks.append(lock)
        yield locks


def _recorded(state: Path, queries: tuple[str, ...]) -> Iterator[int]:
    """Yield 0 and the numbers that ``queries`` return from this ledger and former ones, skipping unreadable files."""
    yield 0
    for path in state.glob("ledger-*.sqlite"):
        for query in queries:
            with (
                contextlib.suppress(sqlite3.Error, TypeError, ValueError),
                contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db,
            ):
                for (value,) in db.execute(query):
                    yield int(value)


def _numbers(engines: list[str]) -> Iterator[int]:
    """Return the numbers at the end of engine names."""
    return (int(match[1]) for match in map(_NUMBER.search, engines) if match)


def _write(path: Path, *, slots: int, token: int, number: int) -> None:
    """Write a ledger of empty slots to a draft folder, and link it to its path when it is complete."""
    draft = path.with_name(f"new-{uuid.uuid4().hex}")
    try:
        with contextlib.closing(Ledger(draft)) as ledger:
            ledger.ensure_slots(slots)
            ledger.raise_tokens(token)
            ledger.set_metadata(ENGINES, number)
        path.hardlink_to(draft / FILE)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
