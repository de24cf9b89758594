"""Behavior specific to processes: signals, zombies, and reused ids."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from vwe_dagster.pool.launcher import EngineEnd, LaunchedEngine, LauncherError
from vwe_dagster.pool.launchers.identity import start_time_of
from vwe_dagster_tests.pool.launchers.conftest import Bench
from vwe_dagster_tests.pool.launchers.test_launchers import engine, greeting, until

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("bench", ["process"], indirect=True)]


def pid_of(launched: LaunchedEngine) -> int:
    return int(launched.handle.partition(":")[0])


def test_killed_engine_reports_the_signal_and_leaves_no_zombie(bench: Bench) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        os.kill(pid_of(launched), signal.SIGKILL)
        until(lambda: not launcher.running(launched))
        assert launcher.cause_of_end(launched) == EngineEnd("killed by signal 9", killed=True)
        assert not psutil.pid_exists(pid_of(launched))


@pytest.mark.parametrize("has_waited", [False, True])
@pytest.mark.parametrize(("number", "killed"), [(signal.SIGKILL, True), (signal.SIGSEGV, False)])
def test_process_that_did_not_start_an_engine_learns_how_it_ended(
    bench: Bench, has_waited: bool, number: signal.Signals, killed: bool
) -> None:
    program = (
        "import sys, pathlib\n"
        "from vwe_dagster.pool.launcher import LaunchedEngine\n"
        "from vwe_dagster.pool.launchers.process import ProcessLauncher\n"
        "from vwe_dagster.pool.settings import PoolSettings\n"
        "folder, pool_id, handle = sys.argv[1:]\n"
        "launcher = ProcessLauncher(PoolSettings(), folder=pathlib.Path(folder), pool_id=pool_id)\n"
        "print(launcher.cause_of_end(LaunchedEngine(handle, '')))\n"
    )
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        os.kill(pid_of(launched), number)
        until(lambda: psutil.Process(pid_of(launched)).status() == psutil.STATUS_ZOMBIE)
        if has_waited:
            until(lambda: not launcher.running(launched))
        command = [sys.executable, "-c", program, str(bench.folder), bench.pool_id, launched.handle]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert printed == str(EngineEnd(f"killed by signal {number:d}", killed=killed))
    launcher.remove_logs(set())
    assert list(bench.folder.rglob("*.exit")) == []


def test_stopped_engine_counts_as_running_and_can_be_ended(bench: Bench) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        os.kill(pid_of(launched), signal.SIGSTOP)
        until(lambda: psutil.Process(pid_of(launched)).status() == psutil.STATUS_STOPPED)
        assert launcher.running(launched)
    assert not launcher.running(launched)


def test_engine_leads_its_own_session_and_blocks_no_folder(bench: Bench) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        greeting(launched)
        assert launcher.log(bench.spec().engine, lines=1).endswith(f"in / of {pid_of(launched)}")


def test_process_that_reuses_the_id_of_an_engine_is_not_killed(bench: Bench) -> None:
    launcher = bench.launcher()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        engine_name = bench.spec().engine
        launched = LaunchedEngine(
            f"{stranger.pid}:{start_time_of(os.getpid())}:{engine_name}", "unix:/nowhere/engine.sock"
        )
        assert not launcher.running(launched)
        launcher.end(engine_name, launched)
        assert stranger.poll() is None
        stranger.communicate(b"\n")
        assert stranger.returncode == 0


def test_failed_start_leaves_nothing_behind(bench: Bench, socket_dirs: Path) -> None:
    launcher = bench.launcher(command=["/no/such/program"])
    with pytest.raises(LauncherError, match="cannot be started"):
        bench.launch(launcher)
    assert launcher.engines() == []
    assert list(socket_dirs.glob("vwe-*/*")) == []
    assert list(bench.folder.rglob("*.log")) == []


def test_launch_waits_until_the_command_line_is_visible(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = psutil.Process.cmdline, []

    def cmdline(process: psutil.Process) -> list[str]:
        command = real(process)
        if bench.spec().engine not in command:
            return command
        asked.append(process.pid)
        return [] if len(asked) < 3 else command

    monkeypatch.setattr(psutil.Process, "cmdline", cmdline)
    launcher = bench.launcher()
    with engine(bench, launcher):
        assert len(asked) >= 3
        assert [info.engine for info in launcher.engines()] == [bench.spec().engine]


def test_memory_is_limited(bench: Bench) -> None:
    with engine(bench, bench.launcher(memory_limit="300m")) as launched:
        assert psutil.Process(pid_of(launched)).rlimit(psutil.RLIMIT_DATA) == (300 * 2**20, 300 * 2**20)
