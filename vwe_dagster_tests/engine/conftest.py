"""The engine that the contract is tested on: this project's over both its connections, or any other.

``VWE_CONTRACT_URL``, ``unix:/path`` or ``http://host:port``, and ``VWE_CONTRACT_BEARER`` name another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from vwe_dagster.engine.client import EngineClient
from vwe_dagster_tests.engine.engines import next_number, running_engine

URL, BEARER = os.environ.get("VWE_CONTRACT_URL"), os.environ.get("VWE_CONTRACT_BEARER")


@pytest.fixture(scope="session", params=["named"] if URL else ["unix", "tcp"])
def contract(request: pytest.FixtureRequest) -> Iterator[tuple[str, str | None]]:
    """The address and the token of the engine under contract."""
    if URL:
        yield URL, BEARER
        return
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
