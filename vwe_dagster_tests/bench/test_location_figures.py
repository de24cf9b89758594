"""The figures for locations have the rounds that were requested."""

from __future__ import annotations

import pytest

from vwe_dagster.bench.location_figures import location_figures


@pytest.mark.slow
def test_every_figure_is_measured() -> None:
    figures = location_figures(2)
    assert [len(values) for values in figures.values()] == [2, 2, 1]
    assert all(name.endswith("(CPU s)") and min(values) > 0 for name, values in figures.items())
