"""A machine of stand-ins for each test of the pool."""

from __future__ import annotations

from pathlib import Path

import pytest

from vwe_dagster_tests.pool.fakes import FakeMachine


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pool"
