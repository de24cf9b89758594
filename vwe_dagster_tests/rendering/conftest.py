"""Fixtures of the tests of pictures."""

from __future__ import annotations

import pytest

from vwe_dagster.rendering.legend import biome_entries


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compile the kernels before the first test, because examples of tests have a deadline."""
    biome_entries()
