"""Failures of a pool with real processes: killed, stopped, hung, starved or abandoned holders and engines."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import pytest

from vwe_dagster.engine.client import EngineClient
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.pool.errors import PoolError
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import State
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.engine.simple_engine import SimpleEngine
from vwe_dagster_tests.pool.holders import (
    PATIENCE_S,
    REQUEST,
    SEED,
    Site,
    at_first,
    build_worlds,
    causes,
    hashes,
    holder,
    lease_once,
    publish,
    until,
    work,
)

pytestmark = pytest.mark.slow

SETTINGS = PoolSettings(
    max_warm_containers=1, min_free_disk_gb=0, acquire_timeout=PATIENCE_S, memory_limit="1g", idle_minutes=5
)
A_DAY_S = 86_400.0


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hashes of the world as an engine in this process generates it."""
    store = WorldStore(tmp_path_factory.mktemp("expected"))
    publish(store, SEED, SimpleEngine().generate(REQUEST))
    return hashes(store)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A pool of one slot. After every test, draining must leave no process, socket directory or lock."""
    site = Site(tmp_path / "pool", SETTINGS)
    try:
        yield site
        with site.pool() as pool:
            pool.drain(timeout_s=PATIENCE_S)
    finally:
        left = site.end_engines()
    assert left == []
    assert site.socket_dirs() == []


@pytest.fixture
def pool(site: Site) -> Iterator[EnginePool]:
    with site.pool() as pool:
        yield pool


def boots(pool: EnginePool) -> int:
    return len(causes(pool, State.STARTING))


def kill_engine(site: Site, number: signal.Signals = signal.SIGKILL) -> None:
    (pid,) = site.pids()
    os.kill(pid, number)


@pytest.mark.parametrize("state", [State.READY, State.GENERATING, State.EXPORTING])
def test_peer_recovers_the_engine_of_a_killed_holder(
    site: Site, pool: EnginePool, expected: dict[str, str], state: State
) -> None:
    with holder(work, site, state) as other:
        assert other.receive() is state
        before = site.slot()
        assert before.state is state
        other.kill()
        with pool.lease(timeout_s=0.0 if state is State.READY else PATIENCE_S) as lease:
            assert (lease.engine, lease.token > before.token) == (before.engine, True)
            publish(site.store, SEED, lease.generate(REQUEST))
    assert hashes(site.store) == expected
    abandoned = [] if state is State.READY else ["exported" if state is State.EXPORTING else "abandoned"]
    assert [job.state for job in pool.history()] == ["exported", *abandoned]
    assert boots(pool) == 1


def test_peer_repeats_the_reset_during_which_its_holder_was_killed(site: Site, pool: EnginePool) -> None:
    with holder(work, site, State.EXPORTING) as other:
        assert other.receive() is State.EXPORTING
        kill_engine(site, signal.SIGSTOP)
        other.go_on()
        site.wait_for(State.RESETTING)
        before = site.slot()
        other.kill()
        kill_engine(site, signal.SIGCONT)
        with pool.lease() as lease:
            assert (lease.engine, lease.token > before.token) == (before.engine, True)
            lease.generate(REQUEST)
    assert boots(pool) == 1


def test_peer_uses_the_engine_that_a_killed_holder_was_starting(site: Site, pool: EnginePool) -> None:
    site.break_engines("slow_boot=1")
    with holder(lease_once, site) as other:
        assert other.receive() == "here"
        other.go_on()
        until(lambda: site.folder.exists() and pool.events() and site.slot().handle)
        other.kill()
        assert site.slot().state is State.STARTING
        with pool.lease() as lease:
            assert lease.engine == site.slot().engine
    assert boots(pool) == 1


def test_holders_stopped_past_their_deadline_are_fenced(site: Site, expected: dict[str, str]) -> None:
    site = Site(site.folder, SETTINGS.model_copy(update={"max_warm_containers": 3, "world_gen_timeout": 5}))
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(site.pool())
        states = [State.READY, State.GENERATING, State.EXPORTING]
        pool.warm(len(states))
        others = [stack.enter_context(holder(work, site, state)) for state in states]
        assert [other.receive() for other in others] == states
        for other in others:
            other.signal(signal.SIGSTOP)
            other.go_on()
        engines = {slot.engine for slot in pool.status().slots}
        leases = [stack.enter_context(pool.lease()) for _ in others]
        assert {lease.engine for lease in leases} == engines
        publish(site.store, SEED, leases[0].generate(REQUEST))
        for other in others:
            other.signal(signal.SIGCONT)
        holding, generating, having = (other.receive() for other in others)
        assert (holding[0], generating[0]) == ("FencedError", "FencedError")
        assert having == "done", "an export that was whole before its holder was fenced counts"
        for lease in leases:
            lease.check()
        assert hashes(site.store) == expected
        assert sorted(job.state for job in pool.history()) == ["exported", "exported", "fenced"]


def stop_before_starting(site: Site, connection: Connection[Any, Any]) -> None:
    """Request a world, stop while holding the lock of the first empty slot, and send the outcome after continuing."""

    def begin_engine(*arguments: Any, **options: Any) -> Any:
        connection.send("stopping")
        os.kill(os.getpid(), signal.SIGSTOP)
        return real(*arguments, **options)

    real = Ledger.begin_engine
    Ledger.begin_engine = begin_engine  # type: ignore[method-assign]
    with site.pool() as pool:
        try:
            pool.generate(REQUEST).confirm()
        except EngineError as error:
            connection.send(type(error).__name__)
        else:
            connection.send("done")


def test_process_stopped_with_an_empty_slot_does_not_block_other_slots(site: Site) -> None:
    site = Site(site.folder, SETTINGS.model_copy(update={"max_warm_containers": 2}))
    with site.pool() as pool, holder(stop_before_starting, site) as other:
        assert other.receive() == "stopping"
        pool.generate(REQUEST).confirm()
        assert str(other.process.pid) in str(pool.status().slots[0].holder)
        other.signal(signal.SIGCONT)
        assert other.receive() == "done"


def test_engine_killed_during_a_world_is_replaced(site: Site, pool: EnginePool, expected: dict[str, str]) -> None:
    publish(site.store, SEED, pool.generate(REQUEST, at_first(lambda: kill_engine(site))))
    assert hashes(site.store) == expected
    good, lost = pool.history()
    assert [good.state, lost.state] == ["exported", "failed"]
    assert good.engine != lost.engine
    assert causes(pool, State.ERROR) == ["it ended (killed by signal 9)"]


@pytest.mark.usefixtures("impatient")
def test_engine_that_hangs_during_a_world_is_replaced(site: Site, expected: dict[str, str]) -> None:
    with site.pool(world_gen_timeout=3) as pool:
        publish(site.store, SEED, pool.generate(REQUEST, at_first(lambda: kill_engine(site, signal.SIGSTOP))))
        assert hashes(site.store) == expected
        good, lost = pool.history()
        assert good.engine != lost.engine
        (cause,) = causes(pool, State.ERROR)
        assert cause.startswith("it does not answer")


def test_holder_of_an_engine_that_hangs_stays_within_its_deadline(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with site.pool(world_gen_timeout=1) as pool:
        pool.warm(1)
        with pool.lease(purpose="a test of hanging") as lease, pytest.raises(EngineError):
            lease.generate(REQUEST, at_first(lambda: kill_engine(site, signal.SIGSTOP)))
    # Leases that other tests of this process have leaked are reported, too.
    assert "a test of hanging and may be fenced" not in caplog.text


@pytest.mark.usefixtures("impatient")
def test_free_engine_that_hangs_is_replaced(site: Site, pool: EnginePool) -> None:
    pool.warm(1)
    (hung,) = site.pids()
    kill_engine(site, signal.SIGSTOP)
    pool.generate(REQUEST)
    assert hung not in site.pids()
    (job,) = pool.history()
    assert job.state == "exported"


def test_job_that_hangs_costs_only_its_engine(site: Site) -> None:
    site.break_engines("hang")
    with site.pool(world_gen_timeout=1) as pool:
        pool.warm(1)
        site.break_engines()
        with pytest.raises(EngineError, match="did not finish within 1 s"):
            pool.generate(REQUEST)
    with site.pool() as pool:
        # On a busy machine, even a world that does not hang may take longer than a second.
        pool.generate(REQUEST)
        assert [job.state for job in pool.history()] == ["exported", "failed"]
        assert boots(pool) == 2


def test_engine_out_of_memory_is_replaced_and_the_cause_recorded(site: Site) -> None:
    site.break_engines("oom")
    with site.pool(memory_limit="512m") as pool:
        pool.warm(1)
        site.break_engines()
        pool.generate(REQUEST)
        (cause,) = causes(pool, State.ERROR)
        assert "memory" in cause
        assert boots(pool) == 2


def test_many_callers_wait_for_one_slow_engine_start(site: Site, pool: EnginePool) -> None:
    site.break_engines("slow_boot=1")
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(holder(lease_once, site)) for _ in range(6)]
        assert {other.receive() for other in others} == {"here"}
        for other in others:
            other.go_on()
        assert len({other.receive() for other in others}) == 1
    assert boots(pool) == 1


def test_many_callers_share_the_error_of_one_failed_start(site: Site, pool: EnginePool) -> None:
    site.break_engines("slow_boot=0.5", "fail_start")
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(holder(lease_once, site)) for _ in range(6)]
        assert {other.receive() for other in others} == {"here"}
        for other in others:
            other.go_on()
        for other in others:
            kind, sentence = other.receive()
            assert kind == "PoolError"
            assert sentence.startswith("Engines do not start: it ended while starting")
    assert boots(pool) == 3
    site.break_engines()
    # After this many failures the next start is tried in half a minute, or when the pool is warmed.
    pool.warm(1)
    pool.generate(REQUEST)


def test_engines_start_one_at_a_time_for_many_waiting_processes(site: Site) -> None:
    site = Site(site.folder, SETTINGS.model_copy(update={"max_warm_containers": 3}))
    with site.pool() as pool, contextlib.ExitStack() as stack:
        others = [stack.enter_context(holder(build_worlds, site, 1)) for _ in range(6)]
        assert {other.receive() for other in others} == {"here"}
        for other in others:
            other.go_on()
        for other in others:
            other.receive()
        starting: set[int] = set()
        for step in pool.events():
            (starting.add if step.after == State.STARTING else starting.discard)(step.slot)
            assert len(starting) <= 1
        assert boots(pool) <= 3


def test_engine_whose_reset_fails_is_replaced_and_its_world_is_kept(
    site: Site, pool: EnginePool, expected: dict[str, str]
) -> None:
    site.break_engines("fail_reset")
    pool.warm(1)
    site.break_engines()
    publish(site.store, SEED, pool.generate(REQUEST))
    assert hashes(site.store) == expected
    pool.generate(REQUEST)
    (cause,) = causes(pool, State.ERROR)
    assert cause.startswith("its reset failed")
    good, first = pool.history()
    assert good.engine != first.engine


@pytest.mark.parametrize(("fault", "sentence"), [("half_export", "ended after"), ("corrupt_layer", "hash")])
def test_incomplete_export_is_an_error_and_not_published(
    site: Site, expected: dict[str, str], fault: str, sentence: str
) -> None:
    site.break_engines(fault)
    with site.pool(max_jobs_per_engine=1) as pool:
        pool.warm(1)
        site.break_engines()
        with pytest.raises(EngineError, match=sentence):
            publish(site.store, SEED, pool.generate(REQUEST))
        assert hashes(site.store) == {}
        publish(site.store, SEED, pool.generate(REQUEST))
        assert hashes(site.store) == expected
        assert [job.state for job in pool.history()] == ["exported", "failed"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounting.returncode:
        reason = f"No file system can be mounted here: {mounting.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield folder
    # The threads of a killed engine close their files one by one.
    until(lambda: subprocess.run(["umount", folder], check=False, capture_output=True).returncode == 0)


def fill(folder: Path) -> Path:
    """Fill a disk to the last byte, and return the file that does."""
    path = folder / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return path


def test_full_disk_of_the_pool_is_an_error_until_space_is_free(small_disk: Path) -> None:
    site = Site(small_disk / "pool", SETTINGS)
    try:
        with site.pool() as pool:
            pool.generate(REQUEST)
            filler = fill(small_disk)
            with pytest.raises(PoolError, match="Check that the disk is not full"):
                pool.generate(REQUEST)
            filler.unlink()
            pool.generate(REQUEST)
            assert [job.state for job in pool.history()] == ["exported", "exported"]
            assert boots(pool) == 1
            pool.drain()
            assert site.engines() == []
    finally:
        site.end_engines()


def test_pool_opened_on_a_full_disk_raises_an_error_and_starts_no_engine(small_disk: Path) -> None:
    filler = fill(small_disk)
    site = Site(small_disk / "pool", SETTINGS)
    try:
        with site.pool() as pool:
            with pytest.raises(PoolError, match="Check that the disk is not full"):
                pool.generate(REQUEST)
            assert site.engines() == []
            filler.unlink()
            pool.generate(REQUEST)
            pool.drain()
    finally:
        site.end_engines()


def test_no_world_begins_when_the_disk_of_the_worlds_is_nearly_full(site: Site, small_disk: Path) -> None:
    near = Site(small_disk / "pool", SETTINGS)
    with near.pool(min_free_disk_gb=0.01) as pool, pytest.raises(PoolError, match="GB free, but a new world requires"):
        pool.generate(REQUEST)
    assert near.engines() == []
    with site.pool(min_free_disk_gb=0) as pool:
        pool.generate(REQUEST)


def test_engines_of_a_deleted_pool_folder_are_ended_by_the_second_pass(site: Site) -> None:
    with site.pool(max_warm_containers=2) as dead:
        dead.warm(2)
    left = set(site.pids())
    shutil.rmtree(site.folder)
    with site.pool(engine_startup_timeout=PATIENCE_S) as pool:
        pool.reap()
        assert pool.reap().actions == []
        assert set(site.pids()) == left
    shutil.rmtree(site.folder)
    with site.pool(engine_startup_timeout=0.1) as pool:
        assert pool.reap().actions == []
        assert set(site.pids()) == left
        assert len(pool.reap().actions) == 2
        assert site.pids() == []
    assert site.socket_dirs() == []


def test_pool_with_deleted_folder_generates_worlds_immediately(site: Site) -> None:
    with site.pool() as dead:
        dead.warm(1)
    shutil.rmtree(site.folder)
    with site.pool() as pool:
        pool.generate(REQUEST)
        (job,) = pool.history()
        assert job.state == "exported"


def test_engines_with_another_configuration_retire(site: Site, pool: EnginePool) -> None:
    pool.generate(REQUEST)
    (old,) = site.pids()
    with site.pool(memory_limit="2g") as changed:
        changed.generate(REQUEST)
        (new,) = site.pids()
        assert new != old
        changed.generate(REQUEST)
        assert site.pids() == [new]
        assert causes(changed, State.EMPTY) == ["its configuration is outdated"]


def jump(site: Site, connection: Connection[Any, Any], days: float) -> None:
    """Shift the wall clock of this process, perform every operation of the pool, and send the engine's name."""
    real = time.time

    class Jumped(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(time.time(), tz)

    time.time = lambda: real() + days * A_DAY_S
    dt.datetime = Jumped  # type: ignore[misc]
    with site.pool(engine_startup_timeout=PATIENCE_S) as pool:
        actions = pool.reap().actions
        with pool.lease() as lease:
            lease.generate(REQUEST)
            connection.send((lease.engine, actions, pool.reap().actions))
        connection.recv()


@pytest.mark.parametrize("days", [1, -1])
def test_setting_the_wall_clock_changes_no_decision(site: Site, pool: EnginePool, days: float) -> None:
    pool.generate(REQUEST)
    engine = site.slot().engine
    with holder(jump, site, days) as other:
        assert other.receive() == (engine, [], [])
        other.go_on()
        other.process.join()
    assert pool.reap().actions == []
    pool.generate(REQUEST)
    assert {job.engine for job in pool.history()} == {engine}


@pytest.mark.parametrize("seen_late", [False, True])
def test_unused_engine_ends_by_itself_and_is_not_replaced(site: Site, seen_late: bool) -> None:
    with site.pool(idle_minutes=0.03) as pool:
        pool.warm(1, wait=not seen_late)
        if seen_late:
            with EngineClient(str(site.slot().address)) as client:
                until(lambda: _idle_s(client) > 1)
            with site.pool(idle_minutes=0.03) as other:
                assert other.status().ready == 1
        until(lambda: site.pids() == [])
        until(lambda: pool.status().slots[0].state == State.EMPTY)
        assert causes(pool, State.EMPTY) == ["it was unused for 0.03 minutes"]
        assert causes(pool, State.ERROR) == []
        assert pool.reap().actions == []


def _idle_s(client: EngineClient) -> float:
    try:
        return client.status().idle_s
    except EngineUnreachableError:
        return 0.0


def test_engine_outlives_the_process_that_started_it(site: Site, pool: EnginePool) -> None:
    with holder(build_worlds, site, 1) as other:
        other.receive()
        other.go_on()
        engine = other.receive()[0]
        other.process.join()
    with pool.lease() as lease:
        assert lease.engine == engine
        lease.generate(REQUEST)
    assert boots(pool) == 1


def test_processes_never_hold_the_same_engine_concurrently(site: Site) -> None:
    site = Site(site.folder, SETTINGS.model_copy(update={"max_warm_containers": 2}))
    worlds = 4
    with site.pool() as pool, contextlib.ExitStack() as stack:
        pool.warm(2)
        others = [stack.enter_context(holder(build_worlds, site, worlds)) for _ in range(3)]
        assert {other.receive() for other in others} == {"here"}
        for other in others:
            other.go_on()
        leases = sorted(other.receive() for other in others for _ in range(worlds))
        for (engine, _, ended), (next_engine, began, _) in itertools.pairwise(leases):
            assert engine != next_engine or ended <= began
        assert {engine for engine, _, _ in leases} == {slot.engine for slot in pool.status().slots}
