"""Fixtures for tests of both launchers. Each test has a separate pool, which must be empty at its end."""

from __future__ import annotations

import dataclasses
import functools
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import docker
import pytest

from vwe_dagster.pool.launcher import LaunchedEngine, Launcher, LaunchSpec
from vwe_dagster.pool.launchers.docker import DockerLauncher
from vwe_dagster.pool.launchers.process import ProcessLauncher
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.pool.docker_engine import docker_client, engine_image, remove_left_containers

__all__ = ["docker_client", "engine_image"]

STAND_IN = """
import argparse, os, socket, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("does")
parser.add_argument("--socket")
parser.add_argument("--tcp")
parser.add_argument("--token-file")
parser.add_argument("--name")
parser.add_argument("--idle-exit-minutes", type=float)
given = parser.parse_args()
if given.does == "exit":
    sys.exit(3)
if given.does == "hoard":
    hoard = []
    while True:
        hoard.append(b"x" * 2**22)
if given.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(given.socket)
    listener.listen()
else:
    host, _, port = given.tcp.partition(":")
    listener = socket.create_server((host, int(port)))
print(given.name, "idles", given.idle_exit_minutes, "in", os.getcwd(), "of", os.getsid(0), flush=True)
while True:
    connection, _ = listener.accept()
    greeting = open(given.token_file).read() if given.token_file else "no token"
    connection.sendall(greeting.encode())
    connection.close()
"""
"""A program that accepts an engine's arguments and sends its token to each client that connects."""


@dataclasses.dataclass(frozen=True)
class Bench:
    """Creates launchers of one kind for one pool.

    Attributes:
        kind: ``process`` or ``docker``.
        pool_id: the id of the pool.
        folder: the folder of the pool.
        base_image: the image of the containers.
    """

    kind: str
    pool_id: str
    folder: Path
    base_image: str = "none"

    def settings(self, **settings: object) -> PoolSettings:
        given = {"launcher": self.kind, "base_image": self.base_image, "memory_limit": "256m"}
        return PoolSettings.model_validate({**given, **settings})

    def launcher(self, *does: str, command: Sequence[str] | None = None, **settings: object) -> Launcher:
        """Return a launcher whose engines are stand-ins."""
        make: Callable[..., Launcher] = ProcessLauncher if self.kind == "process" else DockerLauncher
        python = sys.executable if self.kind == "process" else "python"
        stand_in = (python, "-c", STAND_IN, *(does or ("serve",)))
        return make(self.settings(**settings), folder=self.folder, pool_id=self.pool_id, command=command or stand_in)

    def real(self, **settings: object) -> Launcher:
        """Return a launcher of real engines."""
        make = ProcessLauncher if self.kind == "process" else DockerLauncher
        return make(self.settings(**settings), folder=self.folder, pool_id=self.pool_id)

    def spec(self, number: int = 1) -> LaunchSpec:
        return LaunchSpec(f"{self.pool_id}-0-{number}", 0, "a-digest")

    def launch(self, launcher: Launcher, number: int = 1) -> LaunchedEngine:
        return launcher.launch(self.spec(number))


@pytest.fixture
def socket_dirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001  pytest's fixture must run first
    """An empty folder with a short path for temporary files."""
    folder = Path(tempfile.mkdtemp(prefix="vwet", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def bench(request: pytest.FixtureRequest, socket_dirs: Path, tmp_path: Path) -> Iterator[Bench]:
    """Launchers of each kind. A test fails if it leaves processes, containers or files behind."""
    pool_id = f"t{secrets.token_hex(4)}"
    remains = functools.partial(_left_processes, pool_id, tmp_path)
    image = "none"
    if request.param == "docker":
        client: docker.DockerClient = request.getfixturevalue("docker_client")
        image = request.getfixturevalue("engine_image")
        remains = functools.partial(remove_left_containers, client, pool_id)
    yield Bench(request.param, pool_id, tmp_path, image)
    assert remains() == []
    assert list(socket_dirs.glob("vwe-*/*")) == []


def _left_processes(pool_id: str, folder: Path) -> list[str]:
    launcher = ProcessLauncher(PoolSettings(), folder=folder, pool_id=pool_id)
    left = launcher.engines()
    for info in left:
        launcher.end(info.engine, None)
    return [info.engine for info in left]
