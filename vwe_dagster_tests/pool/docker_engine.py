"""Fixtures for tests with Docker: a client, the engine's image, a tiny image, and the removal of leftover containers.

A test module or its conftest imports the fixtures. Without Docker the tests are skipped; on a CI machine they fail.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest
from filelock import FileLock

from vwe_dagster.engine.client import EngineClient
from vwe_dagster.pool.launcher import LaunchedEngine, LaunchSpec
from vwe_dagster.pool.launchers.docker import POOL_LABEL, DockerLauncher
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.engine.engines import has_started, wait_until

ENGINE_IMAGE = "vwe-engine-tests"
TINY_IMAGE = "vwe-busybox-tests"

_ROOT = Path(__file__).resolve().parents[2]
_BUSYBOX = Path("/bin/busybox")


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """A client of the Docker daemon in ``DOCKER_HOST``."""
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        _unavailable(f"Docker does not answer: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def engine_image(docker_client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The engine's image, built once per session with this machine's Python, and kept as a cache for later sessions."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    built = shared / "engine-image-built"
    with FileLock(shared / "engine-image.lock"):
        if not built.exists():
            command = [sys.executable, str(_ROOT / "deploy/engine/build.py"), "--from-host", "--tag", ENGINE_IMAGE]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            built.touch()
    return str(docker_client.images.get(ENGINE_IMAGE).tags[0])


@contextlib.contextmanager
def running_container(image: str, folder: Path, **settings: object) -> Iterator[LaunchedEngine]:
    """Run an engine in a container as a pool would; yield it when it is ready, and remove it afterwards."""
    pool_id = secrets.token_hex(5)
    chosen = PoolSettings.model_validate({"launcher": "docker", "base_image": image, **settings})
    launcher = DockerLauncher(chosen, folder=folder, pool_id=pool_id)
    engine = f"{pool_id}-0-1"
    launched = launcher.launch(LaunchSpec(engine, 0, launcher.digest))
    try:
        with EngineClient(launched.address, bearer=launched.bearer) as client:
            wait_until(lambda: has_started(client) or not launcher.running(launched))
        assert launcher.running(launched), launcher.log(engine, lines=20)
        yield launched
    finally:
        launcher.end(engine, launched)


def import_tiny_image(client: docker.DockerClient, *, name: str = TINY_IMAGE, run: bytes | None = None) -> str:
    """Create an image that contains only busybox, and return its name.

    Args:
        client: the client of the Docker daemon.
        name: the name of the image.
        run: the content of the file ``/run``; None for no file.
    """
    if not _BUSYBOX.exists():
        _unavailable("busybox is not installed (Debian's busybox-static)")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(_BUSYBOX.resolve(), arcname="bin/busybox")
        if run is not None:
            member = tarfile.TarInfo("run")
            member.size = len(run)
            tar.addfile(member, io.BytesIO(run))
    archive.seek(0)
    client.api.import_image_from_data(archive, repository=name, tag="latest")
    return name


def remove_left_containers(client: docker.DockerClient, pool_id: str) -> list[str]:
    """Remove the containers of a pool, and return their names; a passing test leaves none."""
    left = client.containers.list(all=True, filters={"label": f"{POOL_LABEL}={pool_id}"})
    for container in left:
        container.remove(force=True, v=True)
    return [str(container.name) for container in left]


def _unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
