"""Rivers and streams."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from vwe_dagster.analysis.world import analyze
from vwe_dagster.engine.messages import WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.world.canonical import RIVER_COLUMNS
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import draw_world

SEA = draw_world("~~", "~~")


def test_lines_are_counted_and_measured_by_kind() -> None:
    vertices = [
        ("river", 0, 0, 0, 0, 60),
        ("river", 0, 1, 300, 400, 60),
        ("river", 0, 2, 300, 900, 60),
        ("stream", 1, 0, 5000, 5000, 20),
        ("stream", 1, 1, 5000, 5100, 20),
        ("river", 2, 0, -1000, 0, 80),
        ("river", 2, 1, -3000, 0, 80),
    ]
    rivers = pd.DataFrame(vertices, columns=list(RIVER_COLUMNS)).astype(RIVER_COLUMNS)
    lakes = pd.DataFrame({"x_m": [0, 300, -3000], "z_m": [0, 900, 0]}, dtype=np.float32)
    statistics = analyze(dataclasses.replace(SEA, rivers=rivers, lakes=lakes)).statistics
    assert statistics["river_count"] == 2
    assert statistics["river_length_km"] == pytest.approx(3)
    assert statistics["stream_count"] == 1
    assert statistics["stream_length_km"] == pytest.approx(0.1)
    assert statistics["lake_count"] == 3


def test_world_without_rivers_differs_from_a_world_with_unknown_rivers() -> None:
    none = pd.DataFrame(columns=list(RIVER_COLUMNS)).astype(RIVER_COLUMNS)
    assert analyze(dataclasses.replace(SEA, rivers=none)).statistics["river_count"] == 0
    assert analyze(dataclasses.replace(SEA, rivers=none)).statistics["stream_length_km"] == 0
    untold = analyze(SEA).statistics
    assert [untold[key] for key in ("river_count", "river_length_km", "stream_count", "lake_count")] == [None] * 4


def test_a_real_world_has_the_lines_that_the_game_makes() -> None:
    export = NativeEngine().generate(WorldRequest(-1772362158, Grid.of_world(64)))
    statistics = analyze(canonical_world(export.planes, export.lines, export.request.grid)).statistics
    assert [statistics[key] for key in ("river_count", "stream_count", "lake_count")] == [140, 1973 + 20, 111]
