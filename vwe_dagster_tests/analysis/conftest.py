"""Fixtures that the tests of the analysis share."""

from __future__ import annotations

import numpy as np
import pytest

from vwe_dagster.analysis.world import analyze
from vwe_dagster_tests.worlds import make_world


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Compile the kernels before the first test, because examples of tests have a deadline."""
    analyze(make_world(np.full((4, 4), 40)))
