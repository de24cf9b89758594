"""The benchmark measures a world whose digest it has checked, and says so when the digest is another."""

from __future__ import annotations

import pytest

from vwe_dagster.bench import engine
from vwe_dagster.bench.figures import BenchError

pytestmark = pytest.mark.slow


def test_a_measured_process_tells_its_figures() -> None:
    measured = engine._measure(2, {}, cores=1)  # noqa: SLF001
    assert len(measured["world_s"]) == 2
    assert min(measured["world_s"]) > 0
    assert measured["start_s"][0] >= measured["world_s"][0]
    assert 50 < measured["peak_mb"][0] < 2000


def test_a_failed_process_is_told_of() -> None:
    with pytest.raises(BenchError, match="failed"):
        engine._measure(0, {}, cores=None)  # noqa: SLF001
