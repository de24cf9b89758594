"""The engine that the contract is tested on: this project's as a process, as a container, or any other.

``VWE_CONTRACT_URL``, ``unix:/path`` or ``http://host:port``, and ``VWE_CONTRACT_BEARER`` name another one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from vwe_dagster.engine.client import EngineClient
from vwe_dagster.pool.launcher import Birth, Launched
from vwe_dagster.pool.launchers.docker import DockerLauncher
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.engine.engines import is_answering, next_number, running_engine, wait_until
from vwe_dagster_tests.pool.docker_engine import docker_client, engine_image

__all__ = ["docker_client", "engine_image"]

URL, BEARER = os.environ.get("VWE_CONTRACT_URL"), os.environ.get("VWE_CONTRACT_BEARER")


@pytest.fixture(scope="session", params=["named"] if URL else ["unix", "tcp", "container"])
def contract(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str | None]]:
    """The address and the token of the engine under contract."""
    if URL:
        yield URL, BEARER
    elif request.param == "container":
        with _running_container(request.getfixturevalue("engine_image"), tmp_path_factory.mktemp("pool")) as launched:
            yield launched.address, launched.bearer
    else:
        with running_engine("--name", "contract", tcp=request.param == "tcp") as engine:
            yield engine.address, engine.bearer


@pytest.fixture
def client(contract: tuple[str, str | None]) -> Iterator[EngineClient]:
    address, bearer = contract
    with EngineClient(address, bearer=bearer, timeout_s=60) as client:
        yield client


@pytest.fixture
def token(client: EngineClient) -> int:
    """The token of a holder that has just claimed and reset the engine."""
    token = next_number()
    client.claim(token)
    client.reset(token)
    return token


@contextlib.contextmanager
def _running_container(image: str, folder: Path) -> Iterator[Launched]:
    """An engine in a container that answers, removed afterwards."""
    pool_id = secrets.token_hex(5)
    launcher = DockerLauncher(PoolSettings(launcher="docker", base_image=image), folder=folder, pool_id=pool_id)
    engine = f"{pool_id}-0-1"
    launched = launcher.launch(Birth(engine, 0, launcher.digest))
    try:
        with EngineClient(launched.address, bearer=launched.bearer) as client:
            wait_until(lambda: is_answering(client))
        yield launched
    finally:
        launcher.end(engine, launched)
