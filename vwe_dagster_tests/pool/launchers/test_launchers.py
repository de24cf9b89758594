"""Behavior that all launchers share."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from vwe_dagster.engine.client import EngineClient
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.protocol import EngineState, Status
from vwe_dagster.pool.launcher import OUT_OF_MEMORY, EngineEnd, LaunchedEngine, Launcher, LauncherError
from vwe_dagster_tests.pool.launchers.conftest import Bench

pytestmark = pytest.mark.slow

PATIENCE_S = 60


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


@contextmanager
def engine(bench: Bench, launcher: Launcher, number: int = 1) -> Iterator[LaunchedEngine]:
    """Run an engine for the duration of the block."""
    launched = bench.launch(launcher, number)
    try:
        yield launched
    finally:
        launcher.end(bench.spec(number).engine, launched)


def greeting(launched: LaunchedEngine) -> str:
    """Return the greeting of a stand-in engine, once it listens."""
    answers: list[str] = []

    def has_answered() -> bool:
        address = launched.address
        try:
            if address.startswith("unix:"):
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(PATIENCE_S)
                connection.connect(address.removeprefix("unix:"))
            else:
                parts = urlsplit(address)
                connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE_S)
            with connection:
                answers.append(connection.recv(1000).decode())
        except OSError:
            return False
        # The proxy of a published port accepts connections before the engine does.
        return bool(answers[-1])

    until(has_answered)
    return answers[-1]


def wait_for_end(launcher: Launcher, launched: LaunchedEngine) -> None:
    until(lambda: not launcher.running(launched))


@pytest.mark.parametrize("connection", ["unix", "tcp"])
def test_engine_starts_answers_at_its_address_and_ends(bench: Bench, connection: str) -> None:
    launcher = bench.launcher(connection=connection)
    with engine(bench, launcher) as launched:
        assert greeting(launched) == (launched.bearer or "no token")
        assert (launched.bearer is None) == (connection == "unix")
        assert launcher.running(launched)
    assert not launcher.running(launched)
    assert launcher.engines() == []


@pytest.mark.parametrize("connection", ["unix", "tcp"])
def test_real_engine_becomes_ready(bench: Bench, connection: str) -> None:
    launcher = bench.real(connection=connection, memory_limit="1g")
    with engine(bench, launcher) as launched, EngineClient(launched.address, bearer=launched.bearer) as client:
        statuses: list[Status] = []

        def is_ready() -> bool:
            assert launcher.running(launched), launcher.log(bench.spec().engine, lines=20)
            try:
                statuses.append(client.status())
            except EngineUnreachableError:
                return False
            return True

        until(is_ready)
        assert statuses[-1].state is EngineState.READY
        assert statuses[-1].name == bench.spec().engine
        memory = launcher.memory_bytes(launched)
        assert memory is not None
        assert 2**25 < memory < 2**30


def test_engines_are_found_by_another_process(bench: Bench) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        program = (
            "import sys, pathlib\n"
            "from vwe_dagster.pool.launchers.docker import DockerLauncher\n"
            "from vwe_dagster.pool.launchers.process import ProcessLauncher\n"
            "from vwe_dagster.pool.settings import PoolSettings\n"
            "kind, folder, pool_id = sys.argv[1:]\n"
            "launcher = {'process': ProcessLauncher, 'docker': DockerLauncher}[kind]\n"
            "for info in launcher(PoolSettings(), folder=pathlib.Path(folder), pool_id=pool_id).engines():\n"
            "    print(info.engine, info.handle, info.running, 0 <= info.age_s < 3600)\n"
        )
        command = [sys.executable, "-c", program, bench.kind, str(bench.folder), bench.pool_id]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert printed.split() == [bench.spec().engine, launched.handle, "True", "True"]


def test_only_the_engines_of_the_pool_are_found(bench: Bench) -> None:
    launcher = bench.launcher()
    other = Bench(bench.kind, bench.pool_id[:-1], bench.folder, bench.base_image)
    with engine(bench, launcher):
        assert other.launcher().engines() == []


def test_engine_is_ended_by_its_name_alone(bench: Bench) -> None:
    launcher = bench.launcher()
    launched = bench.launch(launcher)
    bench.launcher().end(bench.spec().engine, None)
    assert not launcher.running(launched)


def test_ending_an_engine_twice_ends_it_once(bench: Bench) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        launcher.end(bench.spec().engine, launched)
    launcher.end(bench.spec().engine, None)
    assert launcher.engines() == []


def test_second_start_with_the_same_name_is_rejected(bench: Bench) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        with pytest.raises(LauncherError, match="already"):
            bench.launch(launcher)
        assert launcher.running(launched)
        assert greeting(launched) == "no token"


def test_engine_that_ended_by_itself_has_an_exit_code(bench: Bench) -> None:
    launcher = bench.launcher("exit")
    with engine(bench, launcher) as launched:
        wait_for_end(launcher, launched)
        assert launcher.cause_of_end(launched) == EngineEnd("exit code 3")


def test_engine_over_its_memory_limit_ends_out_of_memory(bench: Bench) -> None:
    launcher = bench.launcher("hoard")
    with engine(bench, launcher) as launched:
        wait_for_end(launcher, launched)
        assert launcher.cause_of_end(launched) == OUT_OF_MEMORY


def test_log_is_readable_after_the_end_until_it_is_removed(bench: Bench) -> None:
    launcher = bench.launcher(idle_minutes=7)
    with engine(bench, launcher) as launched:
        greeting(launched)
        running_log = launcher.log(bench.spec().engine, lines=1)
    name = bench.spec().engine
    assert f"{name} idles 7.0 in /" in running_log
    assert launcher.log(name, lines=1) == running_log
    launcher.remove_logs({name})
    assert launcher.log(name, lines=1) == running_log
    launcher.remove_logs(set())
    assert launcher.log(name, lines=1) == ""


def test_log_of_a_live_engine_is_not_removed(bench: Bench) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        greeting(launched)
        launcher.remove_logs(set())
        assert bench.spec().engine in launcher.log(bench.spec().engine, lines=1)
        assert greeting(launched) == "no token"


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ({"memory_limit": "512m"}, True),
        ({"connection": "tcp"}, True),
        ({"idle_minutes": 3}, True),
        ({"command": ["another"]}, True),
        ({"max_warm_containers": 7}, False),
        ({"world_gen_timeout": 7}, False),
    ],
    ids=str,
)
def test_digest_changes_with_the_fixed_settings_of_an_engine(
    bench: Bench, setting: dict[str, object], changes: bool
) -> None:
    before, again, after = (bench.launcher(**given).digest for given in ({}, {}, setting))  # type: ignore[arg-type]
    assert before == again
    assert (before != after) == changes


@pytest.mark.parametrize("connection", ["unix", "tcp"])
def test_only_this_user_may_enter_socket_directories(bench: Bench, socket_dirs: Path, connection: str) -> None:
    with engine(bench, bench.launcher(connection=connection)):
        for path in [*socket_dirs.glob("vwe-*"), *socket_dirs.glob("vwe-*/*"), *socket_dirs.glob("vwe-*/*/token")]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
            assert path.stat().st_uid == os.getuid()


def test_socket_folder_open_to_others_is_rejected(bench: Bench, socket_dirs: Path) -> None:
    folder = socket_dirs / f"vwe-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(LauncherError, match="is open to other users"):
        bench.launch(bench.launcher())


def test_socket_directories_of_dead_engines_are_removed_with_or_without_a_log(bench: Bench, socket_dirs: Path) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher):
        parent = socket_dirs / f"vwe-{os.getuid()}"
        (parent / bench.spec(2).engine).mkdir()
        (parent / "another-0-1").mkdir()
        launcher.remove_logs(set())
        assert {path.name for path in parent.iterdir()} == {bench.spec().engine, "another-0-1"}
        (parent / "another-0-1").rmdir()


def test_engine_does_not_keep_a_lock_of_its_starter(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = os.open(path, os.O_RDWR | os.O_CREAT)
    os.set_inheritable(held, True)
    fcntl.flock(held, fcntl.LOCK_EX)
    with engine(bench, bench.launcher()) as launched:
        greeting(launched)
        os.close(held)
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
