"""Ledgers of former schemas are migrated when first opened, without loss of records."""

from __future__ import annotations

import collections
import contextlib
import sqlite3
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from vwe_dagster.engine.messages import PLANES
from vwe_dagster.engine.protocol import GridRequest, JobRequest
from vwe_dagster.pool import database
from vwe_dagster.pool.alerts import ALERTED_STEP
from vwe_dagster.pool.circuit import Circuit
from vwe_dagster.pool.counts import PoolCounts, read_counts
from vwe_dagster.pool.database import BOUNDS_S, FILE, VERSION
from vwe_dagster.pool.errors import PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.migration import PATTERNS
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import LEGAL, RecordedJobState, State
from vwe_dagster.pool.upkeep import TARGET
from vwe_dagster_tests.forking import PROCESSES
from vwe_dagster_tests.pool.fakes import REQUEST, FakeClock, FakeEngine, FakeMachine
from vwe_dagster_tests.pool.holders import PATIENCE_S

SCHEMAS = Path(__file__).with_name("schemas")
VERSIONS = (1, 2)
OPENERS = 6
SETTINGS = PoolSettings(max_warm_containers=3, min_free_disk_gb=0)

LIFE = (
    ("STARTING", "for pid 7 on vm: it ended (out of memory)", "demand"),
    ("READY", "it answered after 1.2 s", "started"),
    ("GENERATING", "world of 7", "job"),
    ("EXPORTING", "the terrain is done", "job"),
    ("RESETTING", "the world is exported", "job"),
    ("READY", "it was reset and verified", "reset"),
    ("GENERATING", "world of 8", "job"),
    ("RESETTING", "the job failed", "job_failed"),
    ("READY", "it was reset and verified", "reset"),
    ("GENERATING", "world of 9", "job"),
    ("RESETTING", "its holder died (pid 7 on vm)", "holder_died"),
    ("ERROR", "its reset failed: It does not answer.", "reset_failed"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "in place of fake-0-1, for it has made 10 worlds", "replaced"),
    ("ERROR", "it could not be started: There is no such image.", "start_failed"),
    ("EMPTY", "it is no longer needed", "cleared"),
    ("STARTING", "it is to be mine", "named"),
    ("ERROR", "it ended while starting (out of memory). Its log ends: MemoryError", "out_of_memory"),
    ("EMPTY", "it is no longer needed", "cleared"),
    ("STARTING", "the pool is warmed", "warmed"),
    ("ERROR", "it was not ready within 120 s. Its log ends: hm", "start_failed"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "the pool was warmed to more engines than it has", "replenished"),
    ("ERROR", "the process that started it died", "start_failed"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("ERROR", "it is an engine of the kind valheim, not native", "other"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("RESETTING", "it was not reset by the last holder", "not_reset"),
    ("READY", "it was reset and verified", "reset"),
    ("ERROR", "it ended by itself (out of memory)", "out_of_memory"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("ERROR", "it ended (killed by signal 9)", "engine_ended"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("ERROR", "it ended before anybody saw it ready", "engine_ended"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("ERROR", "it does not answer: No answer.", "unresponsive"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("ERROR", "it is broken: Plugins are loaded.", "broken"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("EMPTY", "nobody used it for 10 minutes", "idle"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("EMPTY", "it is older than 120 minutes", "expired"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("EMPTY", "its configuration is not the present one", "reconfigured"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("EMPTY", "it has made 10 worlds", "used_up"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("EMPTY", "the pool has fewer slots now", "retired"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("GENERATING", "world of 7", "job"),
    ("RESETTING", "taken away by force from pid 8 on vm", "force"),
    ("ERROR", "the pool is drained", "drained"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 8 on vm", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("GENERATING", "world of 7", "job"),
    ("EXPORTING", "the terrain is done", "job"),
    ("RESETTING", "the next job of the same holder", "job"),
    ("READY", "it was reset and verified", "reset"),
    ("RESETTING", "its holder did not come back in time (pid 8 on vm)", "holder_overdue"),
    ("ERROR", "it refused: No.", "refused"),
    ("EMPTY", "its engine was ended", "cleared"),
    ("STARTING", "for pid 9 on vm: a world", "demand"),
    ("READY", "it answered after 0.4 s", "started"),
    ("GENERATING", "world of 11", "job"),
)
"""The transitions of slot 0 in the former ledger: state, sentence of the former version, and kind after migration.

At the end, a holder with token 5 is generating world 11.
"""


def make_former(folder: Path, version: int) -> None:
    """Write a ledger of a former version with a running job."""
    folder.mkdir(parents=True)
    with contextlib.closing(former(folder)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript((SCHEMAS / f"ledger_version_{version}.sql").read_text(encoding="utf-8"))
        db.executemany("INSERT INTO legal VALUES (?, ?)", sorted(LEGAL))
        if version == 2:
            patterns = [(pattern, position, kind.value) for position, (pattern, kind) in enumerate(PATTERNS)]
            db.executemany("INSERT INTO causes VALUES (?, ?, ?)", patterns)
            db.executemany("INSERT INTO bounds VALUES (?)", [(bound,) for bound in BOUNDS_S])
        db.execute(f"PRAGMA user_version = {version}")
        db.executemany("INSERT INTO slots (slot) VALUES (?)", [(0,), (1,), (2,)])
        db.executemany(
            "INSERT INTO facts VALUES (?, ?)", [("size", 3), ("target", 2), ("told_step", 4), ("engines", 9)]
        )
        for state, sentence, _ in LIFE:
            db.execute("UPDATE slots SET state = ?, cause = ? WHERE slot = 0", (state, sentence))
        db.execute(
            "UPDATE slots SET token = 5, engine = 'fake-0-8', handle = 'fake-0-8', address = 'unix:/fake/fake-0-8', "
            "boot = 'this boot', started_s = 900, expires_s = 9000, used_s = 900, holder = 'pid 9 on vm: a world', "
            "held_s = 990, deadline_s = 1300, job = 'fake-0-8-5-1', jobs = 1, digest = 'one configuration' "
            "WHERE slot = 0"
        )
        db.execute("UPDATE slots SET state = 'STARTING', cause = 'the pool is warmed', token = 1 WHERE slot = 1")
        db.execute("UPDATE slots SET state = 'READY', cause = 'it answered after 0.4 s' WHERE slot = 1")
        db.execute(
            "UPDATE slots SET engine = 'fake-1-9', handle = 'fake-1-9', address = 'unix:/fake/fake-1-9', "
            "boot = 'this boot', started_s = 900, expires_s = 9000, used_s = 900, digest = 'one configuration', "
            "retiring = 'the pool is drained' WHERE slot = 1"
        )
        insert = (
            "INSERT INTO jobs VALUES (?, '2026-01-01T00:00:00Z', 0, 'fake', 4, 'pid', 7, 64, 'running', ?, NULL, NULL)"
        )
        db.executemany(insert, [("one", 0.003), ("two", 0.3), ("fake-0-8-5-1", 2.0)])
        db.execute("UPDATE jobs SET state = 'exported', duration_s = 1.5 WHERE job_id = 'one'")
        db.execute("UPDATE jobs SET state = 'abandoned' WHERE job_id = 'two'")


def former(folder: Path) -> sqlite3.Connection:
    """Open the file of a ledger without migrating it."""
    return sqlite3.connect(folder / FILE, isolation_level=None)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest, folder: Path) -> int:
    """A former version; the folder has a ledger of it."""
    assert isinstance(request.param, int)
    make_former(folder, request.param)
    return request.param


@pytest.fixture
def ledger(version: int, folder: Path) -> Iterator[Ledger]:  # noqa: ARG001  creates the former ledger
    """A ledger of a former version, opened by this version."""
    with contextlib.closing(Ledger(folder)) as ledger:
        yield ledger


@pytest.fixture
def running_machine(machine: FakeMachine) -> FakeMachine:
    """A machine with the engines of the former ledger."""
    machine.engines["fake-0-8"] = working = FakeEngine("fake-0-8", 900)
    working.served.claim(5)
    grid = GridRequest(size=64)
    working.served.start(
        JobRequest(token=5, job_id="job", seed=11, world_gen_version=2, grid=grid, layers=tuple(PLANES), deadline_s=60)
    )
    machine.engines["fake-1-9"] = FakeEngine("fake-1-9", 900)
    return machine


def counts_of(ledger: Ledger) -> PoolCounts:
    return read_counts(ledger, FakeClock())


def test_every_former_transition_keeps_its_text_and_gets_its_kind(ledger: Ledger) -> None:
    steps = [step for step in ledger.transitions() if step.slot == 0]
    assert [(step.after, step.detail, step.kind) for step in steps] == list(LIFE)
    assert [step.id for step in steps] == list(range(1, len(LIFE) + 1))
    slot = ledger.slot(0)
    assert (slot.state, slot.kind, slot.detail) == (State.GENERATING, TransitionKind.JOB, "world of 11")
    assert ledger.slot(2).kind is None


def test_counts_match_the_former_records(ledger: Ledger) -> None:
    counts = counts_of(ledger)
    expected = collections.Counter((after, kind) for after, _, kind in LIFE) + collections.Counter(
        [("STARTING", "warmed"), ("READY", "started")]
    )
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    for (_, after, kind), count in counts.steps.items():
        found[after, kind] += count
    assert found == expected
    assert counts.out_of_memory_kills == 2
    assert counts.jobs == {"exported": 1, "abandoned": 1}
    assert counts.waits.total_s == pytest.approx(2.303)
    assert counts.durations.total_s == pytest.approx(1.5)
    assert (counts.size, counts.slots[State.GENERATING], counts.circuit.state) == (3, 1, "closed")
    assert counts.cold_starts == sum(after == "STARTING" for after, _, _ in LIFE) + 1


def test_counts_of_pruned_records_stay(folder: Path) -> None:
    make_former(folder, 2)
    with contextlib.closing(former(folder)) as db:
        db.execute("DELETE FROM transitions WHERE id < 50")
        db.execute("DELETE FROM jobs WHERE state != 'running'")
        tables = ("step_counts", "job_counts", "time_counts")
        before = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # noqa: S608
    with contextlib.closing(Ledger(folder)) as ledger:
        counts_of(ledger)
    with contextlib.closing(former(folder)) as db:
        after = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # noqa: S608
    assert after == before
    assert all(before.values())


def test_metadata_stays(ledger: Ledger) -> None:
    assert (ledger.metadata(TARGET), ledger.metadata(ALERTED_STEP)) == (2, 4)
    row = ledger.begin_engine(
        2, single_flight_s=None, reason=Reason(TransitionKind.WARMED, "a test"), changes={"engine": "fake"}
    )
    assert row is not None
    assert row.engine == "fake-2-10"


def test_migrated_ledger_has_the_same_schema_as_a_new_one(ledger: Ledger, folder: Path) -> None:
    ledger.slots()
    with contextlib.closing(Ledger(folder / "new")) as new:
        new.slots()
    assert schema(folder) == schema(folder / "new")


def schema(folder: Path) -> dict[str, object]:
    """Return the columns of every table and the SQL of every trigger."""
    with contextlib.closing(former(folder)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        triggers = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
        columns = {table: {row[1:5] for row in db.execute(f"PRAGMA table_info({table})")} for table in tables}
        # Version 1 had an additional column here that is not read.
        columns["strays"] = {column for column in columns["strays"] if column[0] != "seen"}
        return {"triggers": triggers, **columns}


def test_lease_in_flight_finishes_its_job_after_the_migration(ledger: Ledger) -> None:
    ledger.check(0, 5)
    ledger.change_state(0, 5, State.EXPORTING, Reason(TransitionKind.JOB, "the terrain is done"))
    ledger.end_job(0, 5, "fake-0-8-5-1", RecordedJobState.EXPORTED, duration_s=3, error=None)
    assert counts_of(ledger).jobs == {"exported": 2, "abandoned": 1}
    assert ledger.transitions(limit=1)[0].kind is TransitionKind.JOB


def test_pool_recovers_the_engine_of_a_dead_holder_and_ends_a_drained_one(
    version: int,  # noqa: ARG001  creates the former ledger
    folder: Path,
    running_machine: FakeMachine,
) -> None:
    pool = running_machine.pool(folder, SETTINGS)
    pool.reap()
    kinds = {step.kind for step in pool.events(after=len(LIFE) + 2)}
    assert {TransitionKind.HOLDER_DIED, TransitionKind.RESET, TransitionKind.DRAINED} <= kinds
    assert not running_machine.engines["fake-1-9"].running
    assert pool.history(1)[0].state == "abandoned"
    with pool.lease() as lease:
        assert (lease.engine, lease.token) == ("fake-0-8", 7)
    pool.generate(REQUEST).confirm()
    assert counts_of(Ledger(folder)).jobs == {"exported": 2, "abandoned": 2}


def test_ledger_is_migrated_while_a_former_process_reads_it(version: int, folder: Path) -> None:
    with contextlib.closing(former(folder)) as reader:
        reader.execute("BEGIN")
        causes = reader.execute("SELECT cause FROM transitions").fetchall()
        with contextlib.closing(Ledger(folder)) as ledger:
            assert [step.detail for step in ledger.transitions()] == [cause for (cause,) in causes]
        assert reader.execute("PRAGMA user_version").fetchone() == (version,)
        assert reader.execute("SELECT cause FROM transitions").fetchall() == causes


def test_failed_migration_keeps_the_former_ledger_and_is_retried(
    version: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_script: str) -> Iterator[str]:
        yield "SELECT 1"
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(database, "_statements", fail)
    with contextlib.closing(Ledger(folder)) as ledger, pytest.raises(PoolError, match="disk is full"):
        ledger.slots()
    with contextlib.closing(former(folder)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        assert db.execute("SELECT count(cause) FROM transitions").fetchone() == (len(LIFE) + 2,)
    monkeypatch.undo()
    with contextlib.closing(Ledger(folder)) as ledger:
        assert counts_of(ledger).jobs == {"exported": 1, "abandoned": 1}


def test_several_processes_open_a_former_ledger_concurrently(version: int, folder: Path) -> None:
    barrier = PROCESSES.Barrier(OPENERS)
    openers = [PROCESSES.Process(target=open_and_count, args=(folder, barrier)) for _ in range(OPENERS)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(PATIENCE_S)
    assert [opener.exitcode for opener in openers] == OPENERS * [0]
    with contextlib.closing(Ledger(folder)) as ledger:
        assert ledger.metadata("opened") == OPENERS
        assert sum(counts_of(ledger).steps.values()) == len(LIFE) + 2
        assert len(ledger.transitions()) == len(LIFE) + 2
    with contextlib.closing(former(folder)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert version < VERSION


def open_and_count(folder: Path, barrier: Barrier) -> None:
    """Open the ledger concurrently with other processes, and write to it."""
    with contextlib.closing(Ledger(folder)) as ledger:
        barrier.wait(PATIENCE_S)
        assert sum(counts_of(ledger).steps.values()) == len(LIFE) + 2
        ledger.count("opened")


def test_circuit_of_version_3_is_kept_and_has_no_kills(folder: Path) -> None:
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        db.executescript((SCHEMAS / "ledger_version_3.sql").read_text(encoding="utf-8"))
        db.execute("INSERT INTO circuit (id, failures, openings, slot, cause) VALUES (1, 2, 7, 0, 'it is broken')")
        db.execute("PRAGMA user_version = 3")
        db.commit()
    with contextlib.closing(Ledger(folder)) as ledger, contextlib.closing(Ledger(folder / "new")) as new:
        status = Circuit(ledger, FakeClock()).status()
        assert (status.failures, status.kills, status.openings, status.cause) == (2, 0, 7, "it is broken")
        new.slots()
        assert schema(folder) == schema(folder / "new")
