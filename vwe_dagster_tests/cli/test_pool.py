"""``vwe pool`` and ``vwe engine``, as a person or a program uses them: real commands, engine processes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import pytest

from vwe_dagster.config.home import Home
from vwe_dagster.config.pool import settings_from_environment
from vwe_dagster.engine.client import EngineClient
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.messages import WorldRequest
from vwe_dagster.pool.errors import FencedError
from vwe_dagster.pool.launchers.process import COMMAND, ProcessLauncher
from vwe_dagster.pool.ledger import JobRecord, Transition
from vwe_dagster.pool.opening import open_pool
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.status import PoolStatus, SlotStatus
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.command import PATIENCE_S, Vwe
from vwe_dagster_tests.engine.engines import SIMPLE_ENGINE

pytestmark = pytest.mark.slow

SETTINGS = {"VWE_POOL_MAX_WARM_CONTAINERS": "2", "VWE_POOL_MIN_FREE_DISK_GB": "0", "VWE_POOL_IDLE_MINUTES": "5"}
SEED = 298112588


@contextlib.contextmanager
def pool_of(vwe: Vwe) -> Iterator[EnginePool]:
    """The pool that the command uses."""
    settings = settings_from_environment(vwe.environment)
    with open_pool(settings, Home(vwe.home, vwe.home, own_instance=True).pools / settings.name) as pool:
        yield pool


@contextlib.contextmanager
def drained(vwe: Vwe) -> Iterator[Vwe]:
    """The command, after whose use no engine is left."""
    try:
        yield vwe
    finally:
        with pool_of(vwe) as pool:
            pool.drain(timeout_s=PATIENCE_S)


@contextlib.contextmanager
def starting(command: Sequence[str]) -> Iterator[None]:
    """Let the pools of this process start engines with a command."""
    defaults = ProcessLauncher.__init__.__kwdefaults__
    assert defaults is not None
    with mock.patch.dict(defaults, command=command):
        yield


@pytest.fixture(scope="module", autouse=True)
def _simple_engines() -> Iterator[None]:
    """Start engines that load no kernels."""
    with starting((sys.executable, "-m", SIMPLE_ENGINE)):
        yield


@pytest.fixture
def native_engines() -> Iterator[None]:
    """Start the engines that the command starts in other processes, too."""
    with starting(COMMAND):
        yield


@pytest.fixture
def vwe(tmp_path: Path) -> Iterator[Vwe]:
    """The command in a home without engines."""
    with drained(Vwe(tmp_path, SETTINGS)) as vwe:
        yield vwe


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vwe]:
    """The command in a home with one engine that has generated one world; tests must not change it."""
    with drained(Vwe(tmp_path_factory.mktemp("home"), SETTINGS)) as vwe:
        warmed = vwe.call("pool", "warm", "1")
        assert (warmed.returncode, warmed.stdout) == (0, "1 engine is ready.\n"), warmed.stderr
        assert warmed.stderr.splitlines()[-1] == "1 of 1 engines ready"
        with pool_of(vwe) as pool:
            pool.generate(WorldRequest(SEED, Grid.of_world(64)))
        yield vwe


def documents(vwe: Vwe, *arguments: str) -> object:
    """Return the JSON that a command prints with ``--json``."""
    reported = vwe.call("pool", *arguments, "--json")
    assert reported.returncode == 0, reported.stderr
    return json.loads(reported.stdout)


def wait_for_line(stream_lines: Iterator[str], words: str) -> str:
    """The first line with some words in it."""
    return next(line for line in stream_lines if words in line)


def test_a_pool_without_engines_is_shown_slot_by_slot(vwe: Vwe) -> None:
    reported = vwe.call("pool", "status")
    assert reported.returncode == 0, reported.stderr
    lines = reported.stdout.splitlines()
    assert lines[0] == "Pool default, at most 2 processes: 0 free, 0 in use, 0 starting"
    assert [line.split() for line in lines if "EMPTY" in line] == [["0", "EMPTY", "0"], ["1", "EMPTY", "0"]]
    assert vwe.call("pool", "history").stderr == "This pool has had no job yet.\n"
    assert vwe.call("pool", "events").stderr == "Nothing has happened in this pool yet.\n"


def test_the_table_shows_the_engine_of_each_slot(used: Vwe) -> None:
    with pool_of(used) as pool:
        engine = str(pool.status().slots[0].engine)
    reported = used.call("pool", "status").stdout
    (row,) = [line.split() for line in reported.splitlines() if engine in line]
    assert row[1:3] == ["READY", engine]
    assert row[4] == "1/10"
    assert row[-1] == "MB"


def test_the_status_is_one_document_with_every_field(used: Vwe) -> None:
    status = documents(used, "status")
    assert isinstance(status, dict)
    assert status.keys() == {field.name for field in dataclasses.fields(PoolStatus)}
    assert (status["pool"], status["launcher"], status["size"], status["ready"]) == ("default", "process", 2, 1)
    first, second = status["slots"]
    assert first.keys() == second.keys() == {field.name for field in dataclasses.fields(SlotStatus)}
    assert (first["state"], second["state"]) == ("READY", "EMPTY")
    assert first["jobs"] == 1
    assert first["memory_bytes"] > 1e6
    assert first["expires_in_s"] > 0


def test_the_history_lists_the_worlds(used: Vwe) -> None:
    (job,) = (JobRecord(**job) for job in json.loads(used.call("pool", "history", "--json").stdout))
    assert (job.seed, job.size, job.state, job.error) == (SEED, 64, "exported", None)
    assert f" {SEED} " in used.call("pool", "history").stdout


def test_the_events_are_the_steps_of_the_slots(used: Vwe) -> None:
    steps = [Transition(**step) for step in json.loads(used.call("pool", "events", "--json").stdout)]
    assert [step.after for step in steps][:4] == ["STARTING", "READY", "GENERATING", "EXPORTING"]
    assert [step.kind for step in steps][:4] == ["warmed", "started", "job", "job"]
    lines = used.call("pool", "events", "--last", "2").stdout.splitlines()
    assert len(lines) == 2
    assert "slot 0  RESETTING -> READY" in lines[-1]


def test_the_log_of_an_engine_is_printed(used: Vwe) -> None:
    assert "Ready at unix:" in used.call("pool", "logs", "0").stdout
    log = documents(used, "logs", "0", "--lines", "1")
    assert isinstance(log, dict)
    assert log["slot"] == 0
    assert len(log["lines"]) == 1


def test_pools_of_other_names_are_others(used: Vwe) -> None:
    mistyped = used.call("pool", "status", "--pool", "other")
    assert (mistyped.returncode, mistyped.stdout) == (2, "")
    assert (
        "No pool named other with the launcher process has been used here; choose from: default (process)."
        in mistyped.stderr
    )
    assert documents(used, "warm", "0", "--pool", "other") == {"ready": 0, "asked": 0}
    status = documents(used, "status", "--pool", "other")
    assert isinstance(status, dict)
    assert (status["pool"], status["ready"]) == ("other", 0)


def test_the_settings_come_from_the_environment(used: Vwe) -> None:
    status = documents(Vwe(used.home, {**SETTINGS, "VWE_POOL_MAX_WARM_CONTAINERS": "5"}), "status")
    assert isinstance(status, dict)
    assert (status["size"], len(status["slots"])) == (5, 5)


@pytest.mark.parametrize(
    ("settings", "arguments", "code", "sentence"),
    [
        ({"VWE_POOL_LAUNCHER": "podman"}, ["pool", "status"], 2, "it must be 'process' or 'docker'."),
        ({"VWE_POOL_LAUNCHR": "docker"}, ["pool", "drain"], 2, "did you mean VWE_POOL_LAUNCHER?"),
        ({}, ["pool", "status", "--pool", "A b"], 2, "Invalid pool name 'A b'"),
        ({}, ["pool", "status", "--live"], 2, "--live needs a terminal"),
        ({}, ["pool", "warm", "3"], 1, "or raise max_warm_containers."),
        ({}, ["pool", "warm", "many"], 2, "Invalid value for 'N'"),
        ({}, ["pool", "logs", "0"], 1, "Slot 0 never had an engine"),
        ({}, ["pool", "release", "9"], 1, "The pool has no slot 9"),
        ({}, ["engine", "serve"], 2, "Name one address to listen on"),
        ({}, ["engine", "serve", "--tcp", "127.0.0.1:0"], 2, "needs a token"),
        ({}, ["bench", "pool", "--json", "no/folder/file.json"], 1, "is not a folder"),
        ({"VWE_POOL_CONNECTION": "smoke"}, ["bench", "pool"], 2, "it must be 'unix' or 'tcp'."),
    ],
)
def test_impossible_command_is_rejected_with_a_message(
    tmp_path: Path, settings: dict[str, str], arguments: list[str], code: int, sentence: str
) -> None:
    refused = Vwe(tmp_path, {**SETTINGS, **settings}).call(*arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_warmed_engines_are_drained(vwe: Vwe) -> None:
    assert documents(vwe, "warm", "1") == {"ready": 1, "asked": 1}
    assert vwe.call("pool", "drain").stdout == "Ended 1 engine.\n"
    assert vwe.call("pool", "drain").stdout == "No engine was running.\n"
    assert documents(vwe, "drain") == {"ended": 0}


def test_an_engine_in_use_is_not_drained_and_taken_away_only_by_force(vwe: Vwe) -> None:
    with pool_of(vwe) as pool, pool.lease(purpose="a long look") as lease:
        slot = str(lease.slot)
        shown = vwe.call("pool", "status").stdout
        assert re.search(rf"slot {slot}  held by pid {os.getpid()} on .*: a long look, for ", shown)
        refused = vwe.call("pool", "drain", "--timeout", "0")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "a long look" in refused.stderr
        refused = vwe.call("pool", "release", slot)
        assert refused.returncode == 1
        assert f"pid {os.getpid()}" in refused.stderr
        assert "--force" in refused.stderr
        released = vwe.run("pool", "release", slot, "--force")
        assert released.stdout.startswith(f"Took slot {slot} from pid {os.getpid()}")
        with pytest.raises(FencedError):
            lease.check()


@pytest.mark.usefixtures("native_engines")
def test_what_a_killed_holder_left_is_put_right_by_the_reaper(vwe: Vwe) -> None:
    settings = settings_from_environment(vwe.environment)
    code = f"""
from pathlib import Path
import time
from vwe_dagster.pool.opening import open_pool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.engine.messages import WorldRequest
from vwe_dagster.world.grid import Grid
settings = PoolSettings.model_validate({settings.model_dump()!r})
with open_pool(settings, Path({str(vwe.home)!r}) / ".vwe" / "pools" / "default") as pool:
    pool.generate(WorldRequest(1, Grid.of_world(8192)), lambda fraction, phase: print(phase, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        wait_for_line(holder.stdout, "sampling")
        holder.kill()
    report = documents(vwe, "reap")
    assert isinstance(report, dict)
    assert report["problem"] is None
    assert any("from GENERATING to READY" in action for action in report["actions"])
    assert vwe.call("pool", "reap").stdout == "There was nothing to repair.\n"
    (job,) = json.loads(vwe.call("pool", "history", "--json").stdout)
    assert job["state"] == "abandoned"


def test_damaged_ledger_is_named_and_repaired_by_a_command(vwe: Vwe) -> None:
    assert vwe.call("pool", "status").returncode == 0
    assert vwe.call("pool", "repair").stdout == "The ledger is intact; there was nothing to repair.\n"
    with pool_of(vwe) as pool:
        (ledger,) = pool.folder.glob("ledger-1.sqlite")
    ledger.write_bytes(b"no database" * 1000)
    refused = vwe.call("pool", "status")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "No world is lost" in refused.stderr
    assert "vwe pool repair" in refused.stderr
    repaired = vwe.call("pool", "repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "The ledger was unusable: file is not a database. A new one was created beside " in repaired.stdout
    assert "Ended 0 engines." in repaired.stdout
    assert vwe.call("pool", "status").returncode == 0


def test_events_are_followed_line_by_line_until_interrupted(vwe: Vwe) -> None:
    with vwe.start("pool", "events", "--follow", "--json") as following:
        assert following.stdout is not None
        with pool_of(vwe) as pool:
            pool.warm(1)
        steps: list[Transition] = []
        while not steps or steps[-1].after != "READY":
            steps.append(Transition(**json.loads(following.stdout.readline())))
        assert [step.after for step in steps] == ["STARTING", "READY"]
        following.send_signal(signal.SIGINT)
        rest, stderr = following.communicate(timeout=PATIENCE_S)
    assert (following.returncode, rest, stderr) == (0, "", "")


def test_the_live_table_changes_until_interrupted(vwe: Vwe) -> None:
    terminal, side = pty.openpty()
    environment = {**vwe.environment, "TERM": "xterm", "COLUMNS": "80"}
    command = ["env", "--default-signal=INT", sys.executable, "-m", "vwe_dagster.cli", "pool", "status", "--live"]
    with subprocess.Popen(command, env=environment, stdout=side, stderr=side, stdin=side) as live:
        os.close(side)
        shown = read_until(terminal, "EMPTY")
        assert "READY" not in shown
        with pool_of(vwe) as pool:
            pool.warm(1)
        read_until(terminal, "READY")
        live.send_signal(signal.SIGINT)
        assert live.wait(PATIENCE_S) == 0
    os.close(terminal)


def test_engine_serves_alone_until_it_is_ended() -> None:
    # The path of a socket is limited, and that of a test's folder may be long.
    folder = Path(tempfile.mkdtemp(prefix="vwe-test-"))
    try:
        with Vwe(folder).start("engine", "serve", "--socket", str(folder / "s"), "--name", "lonely") as serving:
            with EngineClient(f"unix:{folder / 's'}") as client:
                deadline = time.monotonic() + PATIENCE_S
                while True:
                    try:
                        assert client.status().name == "lonely"
                        break
                    except EngineUnreachableError:
                        assert serving.poll() is None
                        assert time.monotonic() < deadline
                        time.sleep(0.05)
            serving.send_signal(signal.SIGTERM)
            serving.communicate(timeout=PATIENCE_S)
        assert serving.returncode == 128 + signal.SIGTERM
        assert not (folder / "s").exists()
    finally:
        shutil.rmtree(folder)


def read_until(terminal: int, words: str) -> str:
    """Return the output of a terminal up to some words."""
    shown = ""
    while words not in shown:
        shown += os.read(terminal, 65536).decode(errors="replace")
    return shown
