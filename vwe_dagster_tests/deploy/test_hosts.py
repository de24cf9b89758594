"""The files for several hosts: settings are complete, private by default, and known to the code."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from vwe_dagster.cli.app import app
from vwe_dagster.config.broker import BROKER_VARIABLE, DATABASE_VARIABLE, broker_from_environment
from vwe_dagster.config.pool import settings_from_environment
from vwe_dagster.hosts.app import MAX_RUN_S

FOLDER = Path(__file__).parents[2] / "deploy" / "hosts"
FILES = ("center.yaml", "worker.yaml")
INTERPOLATED = re.compile(r"(?<!\$)\$\{(\w+)(?:(:[-?])([^}]*))?\}")
VALUES = {"VWE_CENTER": "192.0.2.1", "VWE_PASSWORD": "0a1b", "VWE_NAME": "attic"}


def compose(name: str) -> dict[str, Any]:
    """Return the configuration after interpolation of variables; others have their defaults."""
    text = INTERPOLATED.sub(
        lambda match: VALUES.get(match[1], match[3] if match[2] == ":-" else ""), (FOLDER / name).read_text()
    )
    document: dict[str, Any] = yaml.safe_load(text)
    return document


CENTER = compose("center.yaml")["services"]
WORKER = compose("worker.yaml")["services"]["worker"]


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_in_the_example(name: str) -> None:
    named = set(re.findall(r"^#?(VWE_\w+)=", (FOLDER / ".env.example").read_text(), re.MULTILINE))
    assert {match[1] for match in INTERPOLATED.finditer((FOLDER / name).read_text())} <= named


@pytest.mark.parametrize("name", ["code", "webserver", "daemon", "metrics"])
def test_services_of_the_center_use_its_redis_and_its_database(name: str) -> None:
    environment = CENTER[name]["environment"]
    assert broker_from_environment(environment) == "redis://:0a1b@redis:6379/0"
    assert environment[DATABASE_VARIABLE] == "postgresql+psycopg2://dagster:0a1b@database:5432/dagster"
    assert CENTER[name]["restart"] == "unless-stopped"
    assert CENTER[name]["healthcheck"]["test"][0] == "CMD"


def test_only_servers_for_workers_are_published_beyond_the_center() -> None:
    published = {name: port for name, service in CENTER.items() for port in service.get("ports", [])}
    assert {name for name, port in published.items() if port.startswith("192.0.2.1:")} == {"database", "redis"}
    assert all(port.startswith(("192.0.2.1:", "127.0.0.1:")) for port in published.values())


def test_redis_has_a_password_and_keeps_its_queues() -> None:
    command = CENTER["redis"]["command"][-1]
    assert "requirepass" in command
    assert "appendonly yes" in command
    assert "0a1b" not in command, "arguments of a process are public"


def test_worker_uses_the_servers_of_the_center() -> None:
    environment = WORKER["environment"]
    assert environment[BROKER_VARIABLE] == "redis://:0a1b@192.0.2.1:6379/0"
    assert environment[DATABASE_VARIABLE] == "postgresql+psycopg2://dagster:0a1b@192.0.2.1:5432/dagster"
    assert settings_from_environment({name: str(value) for name, value in environment.items()}).launcher == "process"


def test_instance_of_the_center_has_the_settings_of_several_hosts() -> None:
    settings = CENTER["prepare"]["environment"]["VWE_INSTANCE_SETTINGS"]
    assert settings == "/opt/vwe/vwe_dagster/hosts/dagster.yaml"
    assert (FOLDER.parents[1] / Path(settings).relative_to("/opt/vwe")).is_file()
    assert "VWE_INSTANCE_SETTINGS" in (FOLDER.parent / "dagster" / "prepare.sh").read_text()


def test_workers_may_finish_their_runs_before_they_are_killed() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FOLDER / "vwe-worker.service")
    for limit in (unit["Service"]["TimeoutStopSec"], WORKER["stop_grace_period"]):
        assert int(limit.removesuffix("h")) * 3600 >= MAX_RUN_S
    assert unit["Service"]["KillMode"] == "mixed", "runs must not receive the signal that drains"


def test_commands_of_workers_have_valid_options() -> None:
    unit = (FOLDER / "vwe-worker.service").read_text()
    (of_unit,) = re.findall(r"^ExecStart=\S+/vwe (.*)$", unit, re.MULTILINE)
    options = CliRunner().invoke(app, ["worker", "--help"], env={"COLUMNS": "200"}).output
    for words in (shlex.split(of_unit), WORKER["command"][3:]):
        assert words[0] == "worker"
        assert all(word in options for word in words if word.startswith("--"))


@pytest.mark.parametrize("name", FILES)
def test_compose_reads_the_file(name: str, tmp_path: Path) -> None:
    found = shutil.which("docker-compose")
    if found is None:
        pytest.skip("docker-compose is not installed")
    values = tmp_path / "env"
    values.write_text("".join(f"{key}={value}\n" for key, value in VALUES.items()))
    arguments = [found, "--env-file", str(values), "--file", str(FOLDER / name), "config", "--quiet"]
    read = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    values.write_text("")
    assert subprocess.run(arguments, capture_output=True, text=True, check=False).returncode != 0
