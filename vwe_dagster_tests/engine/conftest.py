"""Provide the engines that the contract is tested on: this project's as processes or containers, or any other.

``VWE_CONTRACT_URL``, ``unix:/path`` or ``http://host:port``, and ``VWE_CONTRACT_BEARER`` name another one.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator

import pytest

from vwe_dagster.engine.client import EngineClient
from vwe_dagster.engine.messages import WorldExport, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster_tests.engine.engines import next_number, running_engine
from vwe_dagster_tests.pool.docker_engine import docker_client, engine_image, running_container
from vwe_dagster_tests.valheim.game_image import game_image
from vwe_dagster_tests.valheim.stand_in import plugin, running_plugin
from vwe_dagster_tests.valheim.terrain import stand_in_world

__all__ = ["docker_client", "engine_image", "game_image", "plugin"]

URL, BEARER = os.environ.get("VWE_CONTRACT_URL"), os.environ.get("VWE_CONTRACT_BEARER")


@dataclasses.dataclass(frozen=True)
class UnderContract:
    """An engine under test: its address, its token, and the expected world of a request."""

    address: str
    bearer: str | None
    expected: Callable[[WorldRequest], WorldExport]


ENGINES = (
    "unix",
    "tcp",
    pytest.param("container", marks=pytest.mark.docker),
    pytest.param("plugin", marks=pytest.mark.game),
    pytest.param("plugin container", marks=(pytest.mark.docker, pytest.mark.game)),
)


@pytest.fixture(scope="session", params=["named"] if URL else ENGINES)
def under_contract(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnderContract]:
    """Yield the engine under test; Valheim's plugin runs in a stand-in for the game."""
    if URL:
        yield UnderContract(URL, BEARER, native_world)
    elif request.param == "plugin":
        with running_plugin(request.getfixturevalue("plugin")) as engine:
            yield UnderContract(engine.address, engine.bearer, stand_in_world)
    elif request.param == "plugin container":
        image = request.getfixturevalue("game_image")
        with running_container(image, tmp_path_factory.mktemp("pool"), connection="tcp") as launched:
            yield UnderContract(launched.address, launched.bearer, stand_in_world)
    elif request.param == "container":
        with running_container(request.getfixturevalue("engine_image"), tmp_path_factory.mktemp("pool")) as launched:
            yield UnderContract(launched.address, launched.bearer, native_world)
    else:
        with running_engine("--name", "contract", tcp=request.param == "tcp") as engine:
            yield UnderContract(engine.address, engine.bearer, native_world)


@pytest.fixture
def contract(under_contract: UnderContract) -> tuple[str, str | None]:
    """Return the address and the token of the engine under test."""
    return under_contract.address, under_contract.bearer


@pytest.fixture
def client(contract: tuple[str, str | None]) -> Iterator[EngineClient]:
    address, bearer = contract
    with EngineClient(address, bearer=bearer, timeout_s=60) as client:
        yield client


@pytest.fixture
def token(client: EngineClient) -> int:
    """Claim and reset the engine, and return the token."""
    token = next_number()
    client.claim(token)
    client.reset(token)
    return token


def native_world(request: WorldRequest) -> WorldExport:
    """Return the native engine's world for a request."""
    return NativeEngine().generate(request)
