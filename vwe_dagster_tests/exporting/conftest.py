"""Fixture: one world for the tests of all formats."""

from __future__ import annotations

import pytest

from vwe_dagster.engine.messages import LANDMARKS
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.exporting.exports import GRID
from vwe_dagster_tests.worlds import SEED_TEXT, publish_world


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> ExportSource:
    """Return the world of :data:`SEED_TEXT` on 128 x 128 cells; tests must not change its data folder."""
    return publish_world(WorldStore(tmp_path_factory.mktemp("data")), SEED_TEXT, GRID, locations=LANDMARKS)
