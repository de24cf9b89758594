"""Test the engine process: where it listens, which callers it rejects, and how it exits."""

from __future__ import annotations

import functools
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from vwe_dagster.engine.client import EngineClient
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.protocol import EngineState
from vwe_dagster.engine.serving import TERMINATED, serve
from vwe_dagster_tests.engine import engines
from vwe_dagster_tests.engine.engines import NATIVE_ENGINE, PATIENCE_S, SIMPLE_ENGINE, a_job, wait_until

pytestmark = pytest.mark.slow

running_engine = functools.partial(engines.running_engine, program=SIMPLE_ENGINE)
started_engine = functools.partial(engines.started_engine, program=SIMPLE_ENGINE)


def test_socket_is_private_and_removed_with_the_engine() -> None:
    with running_engine("--name", "loki") as engine, engine.client() as client:
        path = Path(engine.address.removeprefix("unix:"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        status = client.status()
        assert (status.name, status.pid, status.state) == ("loki", engine.process.pid, EngineState.READY)
        engine.process.send_signal(signal.SIGTERM)
        assert engine.process.wait(PATIENCE_S) == TERMINATED
        assert not path.exists()
        assert "Ended by signal 15" in engine.log.read_text()
        with pytest.raises(EngineUnreachableError, match=r"No such file|refused"):
            client.status()


def test_sigterm_ends_an_engine_during_a_job() -> None:
    with running_engine(program=NATIVE_ENGINE) as engine, engine.client() as client:
        client.claim(1)
        client.start(a_job(1, size=8192))
        engine.process.send_signal(signal.SIGTERM)
        assert engine.process.wait(PATIENCE_S) == TERMINATED


def test_second_engine_does_not_replace_the_socket_of_a_live_one() -> None:
    with running_engine() as engine:
        path = engine.address.removeprefix("unix:")
        second = subprocess.run(
            [sys.executable, "-m", SIMPLE_ENGINE, "--socket", path], capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert "Another engine listens on" in second.stderr
        with engine.client() as client:
            assert client.status().pid == engine.process.pid


def test_socket_without_a_listener_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with started_engine(tmp_path) as engine, engine.client() as client:
        wait_until(lambda: "Ready" in engine.log.read_text())
        assert client.status().pid == engine.process.pid


def test_idle_engine_exits_and_status_calls_do_not_count_as_use() -> None:
    with running_engine("--idle-exit-minutes", "0.005") as engine, engine.client() as client:

        def has_ended() -> bool:
            if engine.process.poll() is None:
                try:
                    client.status()
                except EngineUnreachableError:
                    return False
            return engine.process.poll() is not None

        wait_until(has_ended)
        assert engine.process.returncode == 0
        assert "This engine was idle for 0.005 minutes" in engine.log.read_text()


def test_a_drained_engine_exits() -> None:
    with running_engine() as engine, engine.client() as client:
        assert client.drain().draining
        assert engine.process.wait(PATIENCE_S) == 0
        assert not Path(engine.address.removeprefix("unix:")).exists()


def test_draining_engine_finishes_its_job_and_serves_its_layers() -> None:
    with running_engine() as engine, engine.client() as client:
        client.claim(1)
        job = client.start(a_job(1, size=512, layers=("height",)))
        client.drain()
        while not job.layers:
            job = client.job(job.job_id, wait_s=30, seen=job.seen)
        plane = client.fetch(job.job_id, job.layers[0])
        assert len(plane) == 512
        assert engine.process.wait(PATIENCE_S) == 0


def test_engine_answers_only_after_it_is_ready(tmp_path: Path) -> None:
    """The engine listens from the start, so that callers wait instead of retrying."""
    with started_engine(tmp_path, "--fault", "slow_boot=0.5") as engine:
        wait_until(Path(engine.address.removeprefix("unix:")).exists)
        with EngineClient(engine.address, timeout_s=PATIENCE_S) as client:
            assert client.status().state is EngineState.READY
        assert "Ready" in engine.log.read_text()


def test_engine_is_served_under_a_name_that_it_is_given() -> None:
    with running_engine("--allow-host", "engines.example", tcp=True) as engine:
        for host, status in {"engines.example": 200, "Engines.Example:8471": 200, "evil.example": 401}.items():
            headers = {"host": host, "authorization": f"Bearer {engine.bearer}"}
            assert httpx.get(f"{engine.address}/v1/status", headers=headers, timeout=PATIENCE_S).status_code == status


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Name one address to listen on"),
        ({"tcp": "127.0.0.1:0"}, "needs a token"),
        ({"tcp": "nowhere", "token": "a-token-for-tests-only"}, "Invalid address 'nowhere'"),
        ({"tcp": "127.0.0.1:0", "token": "short"}, "has no valid token"),
        (
            {"tcp": "127.0.0.1:0", "token": "a-token-for-tests-only", "allowed_hosts": ["a:1"]},
            "Invalid host name 'a:1'",
        ),
        ({"socket": "x" * 120}, "too long"),
        ({"socket": "missing/engine.sock"}, "No such file"),
        ({"socket": "token"}, "exists and is not a socket"),
        ({"socket": "engine.sock", "idle_exit_minutes": 0.0}, "write minutes above 0"),
        ({"socket": "engine.sock", "idle_exit_minutes": float("nan")}, "write minutes above 0"),
        ({"socket": "engine.sock", "faults": ["gold"]}, "Invalid fault 'gold'"),
        ({"socket": "engine.sock", "faults": ["slow_job"]}, "NAME=SECONDS"),
    ],
)
def test_invalid_arguments_are_rejected(tmp_path: Path, arguments: dict[str, object], sentence: str) -> None:
    token = tmp_path / "token"
    token.write_text(str(arguments.get("token", "a-token-for-tests-only")))
    given = {name: value for name, value in arguments.items() if name not in {"socket", "token"}}
    path = tmp_path / str(arguments["socket"]) if "socket" in arguments else None
    with pytest.raises(EngineError, match=sentence):
        serve(socket_path=path, token_file=token if "token" in arguments else None, **given)  # type: ignore[arg-type]


def test_pipe_as_token_file_is_rejected_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    with pytest.raises(EngineError, match="it is a pipe, a device or a socket"):
        serve(tcp="127.0.0.1:0", token_file=tmp_path / "token")
