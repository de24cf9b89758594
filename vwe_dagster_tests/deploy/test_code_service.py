"""The entry point of the service `code` against a real Postgres: the schema is complete before others open it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from vwe_dagster_tests.deploy.test_compose import DEPLOY
from vwe_dagster_tests.hosts.site import Postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/usr/lib/postgresql").is_dir() and not os.environ.get("CI"), reason="Postgres is not installed"
    ),
]

CODE = DEPLOY / "dagster" / "code.sh"
OPEN_INSTANCE = "import dagster as dg\nwith dg.DagsterInstance.get() as instance:\n    print(instance.get_runs_count())"
STORAGES = ("run_storage", "schedule_storage", "event_log_storage")


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield variables of the environment for an instance on an empty database."""
    # Postgres runs as its own user, which cannot enter pytest's folder.
    folder = Path(f"/tmp/vwe-postgres-{os.getpid()}")  # noqa: S108  removed below
    with socket.create_server(("127.0.0.1", 0)) as probe:
        postgres = Postgres(folder, probe.getsockname()[1])
    home = tmp_path_factory.mktemp("instance")
    deployed = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
    settings = {storage: {**deployed[storage], "config": {"postgres_url": postgres.url}} for storage in STORAGES}
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    try:
        postgres.create()
        postgres.start()
        yield {**os.environ, "DAGSTER_HOME": str(home)}
        postgres.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def dagster_that_only_migrates(folder: Path) -> Path:
    """Write a program `dagster` that passes migrations on and records how the definitions would be served."""
    program = folder / "dagster"
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = api ]; then echo "$@" >{folder}/served; exit; fi\n'
        f'exec {sys.executable} -m dagster "$@"\n'
    )
    program.chmod(0o755)
    return folder / "served"


def test_processes_that_start_together_find_a_complete_schema(environment: dict[str, str], tmp_path: Path) -> None:
    served = dagster_that_only_migrates(tmp_path)
    path = f"{tmp_path}:{environment['PATH']}"
    subprocess.run(["sh", str(CODE)], env={**environment, "PATH": path}, check=True, capture_output=True)
    assert served.read_text().startswith("api grpc --host 0.0.0.0 ")

    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_INSTANCE],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in ("web server", "daemon")
    ]
    assert [process.communicate()[0] for process in processes] == ["0\n", "0\n"], "neither creates a table"


def test_failed_migration_ends_the_service(tmp_path: Path) -> None:
    served = dagster_that_only_migrates(tmp_path)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DAGSTER_HOME": str(tmp_path / "missing")}
    ended = subprocess.run(["sh", str(CODE)], env=environment, check=False, capture_output=True)
    assert ended.returncode != 0
    assert not served.exists(), "Docker starts the service again"
