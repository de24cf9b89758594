"""The figures for locations have the requested rounds."""

from __future__ import annotations

import pytest

from vwe_dagster.bench.location_figures import location_figures


@pytest.mark.slow
def test_every_figure_is_measured() -> None:
    figures = location_figures(2)
    assert [name.endswith("(CPU s)") for name in figures] == [True, True]
    for values in figures.values():
        assert [len(values["fast"]), len(values["plain"])] == [2, 1]
        assert min(*values["plain"], *values["fast"]) > 0
