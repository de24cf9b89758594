"""A damaged ledger, an old copy, and files of the wrong type cost no world and cause errors with a remedy."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.pool.database import FILE, ledger_file, next_file
from vwe_dagster.pool.errors import DamagedLedgerError, FencedError, PoolError
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.launchers.logs import EngineLogs
from vwe_dagster.pool.launchers.socket_dirs import write_token
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.locks import KernelLock
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.pool.fakes import REQUEST, FakeMachine, Holder

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0, acquire_timeout=30)
FLIPS = 60


@pytest.fixture
def pool(machine: FakeMachine, folder: Path) -> EnginePool:
    """A pool with a history of two engines and several worlds."""
    pool = machine.pool(folder, SETTINGS)
    with pool.lease(), pool.lease():
        pass
    for _ in range(3):
        pool.generate(REQUEST).confirm()
    return pool


def checkpoint(folder: Path) -> Path:
    """Write the whole log into the file of the ledger, and return its path."""
    with contextlib.closing(sqlite3.connect(ledger_file(folder))) as db, contextlib.suppress(sqlite3.DatabaseError):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return ledger_file(folder)


def overwrite(folder: Path, junk: bytes, *, at: int) -> None:
    path = checkpoint(folder)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(junk)


def tokens(pool: EnginePool) -> list[int]:
    return [slot.token for slot in pool.status().slots]


@pytest.mark.parametrize(("junk", "at"), [(b"no database" * 100, 0), (b"\xff" * 40_000, 4096)])
def test_damaged_ledger_is_reported_and_repaired(
    pool: EnginePool, machine: FakeMachine, folder: Path, junk: bytes, at: int
) -> None:
    before = tokens(pool)
    pool.close()
    overwrite(folder, junk, at=at)
    (folder / "locks" / "slot-of-another-program.lock").touch()
    again = machine.pool(folder, SETTINGS)
    with pytest.raises(DamagedLedgerError, match=r"No world is lost: .* create a new ledger: vwe pool repair"):
        again.generate(REQUEST)
    report = again.repair()
    assert report.problem is not None
    assert Path(str(report.former)).read_bytes()[at : at + len(junk)] == junk
    assert len(report.ended) == 2
    assert not [engine for engine in machine.engines.values() if engine.running]
    with again.lease() as one, again.lease() as other:
        assert report.first_token == max(before) + 1
        assert min(one.token, other.token) > max(before)
    names = [engine.name for engine in machine.engines.values()]
    assert len(set(names)) == len(names) == 4
    again.generate(REQUEST).confirm()


def test_repair_leaves_a_sound_ledger_unchanged(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    before = pool.events()
    assert pool.repair().problem is None
    assert machine.pool(folder.with_name("unused"), SETTINGS).repair().problem is None
    assert pool.events() == before
    assert len([engine for engine in machine.engines.values() if engine.running]) == 2


def test_old_copy_of_a_ledger_is_detected(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    copy = shutil.copy(checkpoint(folder), folder / "copy")
    for _ in range(3):
        pool.generate(REQUEST).confirm()
    before = tokens(pool)
    pool.close()
    checkpoint(folder)
    shutil.copy(copy, folder / FILE)
    again = machine.pool(folder, SETTINGS)
    with pytest.raises(DamagedLedgerError, match=r"it is an old copy; slot \d has token \d+ but already had token"):
        again.generate(REQUEST)
    assert "old copy" in str(again.repair().problem)
    with again.lease() as lease:
        assert lease.token > max(before)


def test_deleted_ledger_does_not_reuse_tokens(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    before = tokens(pool)
    pool.close()
    for path in folder.glob(f"{FILE}*"):
        path.unlink()
    again = machine.pool(folder, SETTINGS)
    with pytest.raises(DamagedLedgerError):
        again.generate(REQUEST)
    again.repair()
    with again.lease() as lease:
        assert lease.token > max(before)


def test_holder_is_fenced_by_a_repair_and_other_processes_use_the_new_ledger(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    peer = machine.pool(folder, SETTINGS)
    peer.status()
    holder, finished = Holder(pool), Holder(pool)
    holder.begin_job(machine, "generating")
    export = finished.lease.generate(REQUEST)
    overwrite(folder, b"\xff" * 40_000, at=4096)
    assert machine.pool(folder, SETTINGS).repair().problem is not None
    holder.go_on()
    assert isinstance(holder.error, EngineError)
    with pytest.raises(FencedError):
        export.confirm()
    for each in (holder, finished):
        each.return_engine()
    peer.generate(REQUEST).confirm()
    assert [job.state for job in pool.history()] == ["exported"]


def test_repair_changes_nothing_while_the_launcher_does_not_answer(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    holder = Holder(pool)
    overwrite(folder, b"no database" * 100, at=0)
    files = [folder / FILE, *sorted((folder / "locks").glob("slot-*.lock"))]
    before = [(file.stat().st_ino, file.read_bytes()) for file in files]
    machine.launcher_is_down = True
    with pytest.raises(LauncherError):
        machine.pool(folder, SETTINGS).repair()
    assert [(file.stat().st_ino, file.read_bytes()) for file in files] == before
    machine.launcher_is_down = False
    holder.return_engine()


def test_pool_can_be_repaired_again_and_tokens_keep_rising(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    pool.close()
    first_tokens = []
    for _ in range(3):
        overwrite(folder, b"no database" * 100, at=0)
        again = machine.pool(folder, SETTINGS)
        first_tokens.append(again.repair().first_token)
        again.generate(REQUEST).confirm()
        again.close()
    assert first_tokens == sorted(set(first_tokens), key=int)  # type: ignore[arg-type]


def test_open_connection_switches_to_the_new_ledger_after_a_repair(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    before = max(tokens(pool))
    peer = machine.pool(folder, SETTINGS)
    peer.status()
    # Only in the write-ahead log while a connection is open.
    pool.generate(REQUEST).confirm()
    (folder / "locks" / "slot-0.lock").unlink()
    with Ledger(folder).database.connected() as db:
        db.execute("DROP TABLE circuit")
    first_token = pool.repair().first_token
    assert first_token is not None
    assert first_token > before
    for each in (peer, pool):
        each.generate(REQUEST).confirm()
    assert [job.state for job in peer.history()] == ["exported", "exported"]


def test_connection_never_falls_back_to_the_former_ledger(folder: Path) -> None:
    with contextlib.closing(Ledger(folder)) as ledger:
        ledger.ensure_slots(1)
        next_file(ledger_file(folder)).write_bytes(b"no database" * 100)
        for _ in range(2):
            with pytest.raises(DamagedLedgerError):
                ledger.slots()


def test_flipped_bytes_of_a_ledger_raise_pool_errors_and_can_be_repaired(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    before = max(tokens(pool))
    pool.close()
    sound = checkpoint(folder).read_bytes()
    choice = random.Random(13)
    noticed = 0
    for _ in range(FLIPS):
        flipped = bytearray(sound)
        for _ in range(8):
            flipped[choice.randrange(len(flipped))] ^= 1 << choice.randrange(8)
        for path in folder.glob("ledger-*"):
            path.unlink()
        (folder / FILE).write_bytes(flipped)
        again = machine.pool(folder, SETTINGS)
        try:
            again.status()
            again.generate(REQUEST).confirm()
        except DamagedLedgerError:
            noticed += 1
            again.repair()
            with again.lease() as lease:
                assert lease.token > before
        except PoolError:
            again.repair()
        again.close()
    assert noticed > 0


@pytest.mark.parametrize(
    ("make_wrong", "words"),
    [
        (lambda folder: (folder / "locks").write_text(""), "used for locks, cannot be opened"),
        (lambda folder: (folder / "locks" / "slot-0.lock").mkdir(parents=True), r"slot-0\.lock, used for locks"),
        (lambda folder: (folder / FILE).mkdir(), "it is a folder, not a file"),
        (lambda folder: (folder / f"{FILE}.opening").mkdir(), "cannot be used"),
        (lambda folder: (folder.rmdir(), folder.write_text("")), "is not a folder"),
    ],
)
def test_file_of_the_wrong_type_raises_pool_error(
    machine: FakeMachine, folder: Path, make_wrong: Callable[[Path], object], words: str
) -> None:
    folder.mkdir()
    make_wrong(folder)
    with pytest.raises(PoolError, match=words):
        machine.pool(folder, SETTINGS).generate(REQUEST)


def test_folder_at_the_path_of_the_ledger_is_repaired(machine: FakeMachine, folder: Path) -> None:
    (folder / FILE).mkdir(parents=True)
    pool = machine.pool(folder, SETTINGS)
    assert pool.repair().problem == "it is a folder, not a file"
    pool.generate(REQUEST).confirm()


def test_log_folder_of_the_wrong_type_raises_launcher_error(folder: Path) -> None:
    folder.mkdir()
    (folder / "logs").write_text("")
    logs = EngineLogs(folder)
    with pytest.raises(LauncherError, match="logs, used for the logs of engines, cannot be used"):
        logs.open("fake-0-1")
    with pytest.raises(LauncherError), logs.starting():
        pass
    assert logs.tail("fake-0-1", 1) == ""


def test_unwritable_token_raises_launcher_error(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(LauncherError, match="for an engine's token cannot be written"):
        write_token(tmp_path, "secret")


def test_files_of_killed_callers_are_removed_by_the_reaper(pool: EnginePool, folder: Path) -> None:
    locks = folder / "locks"
    for name in ("ticket-0123.lock", "slot-0.lock.0123"):
        (locks / name).touch()
    waiting = KernelLock(locks / "ticket-4567.lock")
    assert waiting.acquire()
    with Ledger(folder).database.connected() as db:
        db.execute(
            "INSERT INTO tickets (holder, lock, boot, since_s, seen_s) VALUES ('dead', 'ticket-89.lock', '', 0, 0)"
        )
    (locks / "ticket-89.lock").touch()
    pool.reap()
    pool.reap()
    assert {path.name for path in locks.iterdir()} == {"slot-0.lock", "slot-1.lock", "ticket-4567.lock"}


def test_lock_is_rotated_even_if_its_draft_was_removed(tmp_path: Path) -> None:
    lock = KernelLock(tmp_path / "slot-0.lock")
    removed: list[Path] = []

    def remove_draft() -> None:
        if not removed:
            (draft,) = tmp_path.glob("slot-0.lock.*")
            draft.unlink()
            removed.append(draft)

    lock.rotate(check=remove_draft)
    assert lock.is_current()
