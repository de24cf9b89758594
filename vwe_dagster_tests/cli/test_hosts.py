"""``vwe worker`` and ``vwe hosts``: settings are checked first, and hosts, runs and queues are listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from vwe_dagster.cli.hosts_view import checks_view, hosts_view
from vwe_dagster.config.broker import BROKER_VARIABLE, BrokerError, required_broker
from vwe_dagster.hosts.mount_checks import MountCheck
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.hosts.redis_server import RedisServer
from vwe_dagster_tests.metrics.overviews import OVERVIEW

UNREACHABLE = "redis://:secret@127.0.0.1:1/0"


def vwe(home: Path, broker: str = "") -> Vwe:
    return Vwe(home, {"VWE_BROKER": broker})


def shown(view: object) -> str:
    console = Console(width=200, record=True)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


@pytest.mark.parametrize("command", ["worker", "hosts"])
def test_missing_broker_is_reported_with_an_example(tmp_path: Path, command: str) -> None:
    ended = vwe(tmp_path).call(command)
    assert ended.returncode == 2
    assert "VWE_BROKER is not set" in ended.stderr


@pytest.mark.parametrize(
    "broker",
    [
        "amqp://user:secret@center",
        "redis://:secret@center:port/0",
        "redis://:secret@center:99999/0",
        "redis://:secret@center:6379/first",
        "redis://:secret@[::1/0",
    ],
)
def test_invalid_broker_is_reported_without_its_password(broker: str) -> None:
    with pytest.raises(BrokerError, match="is not the URL of a Redis server") as raised:
        required_broker({BROKER_VARIABLE: broker})
    assert "secret" not in str(raised.value)


def test_unknown_option_of_the_broker_is_reported(tmp_path: Path) -> None:
    ended = vwe(tmp_path, f"{UNREACHABLE}?patience=5").call("hosts")
    assert ended.returncode == 2
    assert "invalid option" in ended.stderr
    assert "patience" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr


@pytest.mark.parametrize("broker", ["redis://:secret@127.0.0.1:{port}/0", "redis://127.0.0.1:{port}/0"])
def test_wrong_password_is_reported(tmp_path: Path, broker: str, redis_process: RedisServer) -> None:
    with connect(redis_process.url) as client:
        client.config_set("requirepass", "right")
        try:
            ended = vwe(tmp_path, broker.format(port=redis_process.port)).call("hosts")
        finally:
            client.config_set("requirepass", "")
    assert ended.returncode == 1
    assert "rejects the password" in ended.stderr
    assert "does not answer" not in ended.stderr
    assert "secret" not in ended.stderr


def test_invalid_name_of_a_host_is_rejected(tmp_path: Path) -> None:
    ended = vwe(tmp_path, UNREACHABLE).call("worker", "--name", "The Attic")
    assert ended.returncode == 2
    assert "'The Attic' is not a valid name of a host" in ended.stderr


@pytest.mark.parametrize("command", ["worker", "hosts"])
def test_redis_that_does_not_answer_is_reported(tmp_path: Path, command: str) -> None:
    ended = vwe(tmp_path, UNREACHABLE).call(command)
    assert ended.returncode == 1
    assert "does not answer" in ended.stderr
    assert "secret" not in ended.stderr


def test_center_without_workers_is_reported(tmp_path: Path, broker: str) -> None:
    ended = vwe(tmp_path, broker).call("hosts")
    assert ended.returncode == 0
    assert "No worker has reported" in ended.stdout
    listed = json.loads(vwe(tmp_path, broker).call("hosts", "--json").stdout)
    assert listed == {"hosts": [], "runs": [], "waiting": {"vwe": 0}}


def test_hosts_their_runs_and_stuck_queues_are_listed() -> None:
    lines = shown(hosts_view(OVERVIEW)).splitlines()
    assert any(line.split()[:4] == ["attic", "working", "1", "2"] and "2 of 3" in line for line in lines)
    assert any(line.split()[:2] == ["cellar", "lost"] for line in lines)
    assert any("running" in line and "attic" in line and "one to ten" in line for line in lines)
    assert any("(queue vwe.cellar)" in line and "start:0000001" in line for line in lines)
    assert "No worker takes runs from the queue vwe.cellar." in lines


def test_failed_check_differs_from_a_missing_option() -> None:
    checks = [
        MountCheck("hard links", passed=False, required=False, detail="not supported"),
        MountCheck("locks", passed=False, required=True, detail="two processes held the lock"),
    ]
    linked, locked = (
        line.split() for line in shown(checks_view(checks)).splitlines() if "not" in line or "two" in line
    )
    assert linked[2] == "no"
    assert locked[1] == "FAILED"
