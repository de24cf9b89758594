"""Fixture: one small world for the tests of all formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import native_world

if TYPE_CHECKING:
    from vwe_dagster.world.canonical import CanonicalWorld


@pytest.fixture(scope="session")
def world() -> CanonicalWorld:
    """Return the world of ``MWd8eV6svz`` on 64 x 64 cells; tests must not change it."""
    return native_world(Grid.of_world(64))
