"""A world that the tests of every format share."""

from __future__ import annotations

import pytest

from vwe_dagster.engine.messages import LANDMARKS
from vwe_dagster.exporting.facts import WorldFacts
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.exporting.exports import GRID
from vwe_dagster_tests.worlds import SEED_TEXT, publish_world


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> WorldFacts:
    """The world of :data:`SEED_TEXT` on 128 x 128 cells, in a data folder; not to be written to."""
    return publish_world(WorldStore(tmp_path_factory.mktemp("data")), SEED_TEXT, GRID, locations=LANDMARKS)
