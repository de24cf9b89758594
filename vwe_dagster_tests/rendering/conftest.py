"""What the tests of the pictures have in common."""

from __future__ import annotations

import pytest

from vwe_dagster.rendering.legend import biome_entries


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compiles the kernels before a test whose examples have a deadline is the first to need them."""
    biome_entries()
