"""Shared fixtures for tests of the pool: a fake machine, a folder, and a pool with short timeouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from vwe_dagster.pool import connection as pool_connection
from vwe_dagster_tests.pool.fakes import FakeMachine


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pool"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the answer timeout of engines to one second."""
    monkeypatch.setattr(pool_connection, "ANSWER_TIMEOUT_S", 1.0)
