"""Rivers as ink."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vwe_dagster.rendering.view import MapView
from vwe_dagster.rendering.waterways import river_ink
from vwe_dagster.world.canonical import RIVER_COLUMNS


def rivers(*lines: list[tuple[float, float, float]]) -> pd.DataFrame:
    """Return a table of lines, each a list of x, z and width."""
    rows = [("river", line, vertex, *point) for line, points in enumerate(lines) for vertex, point in enumerate(points)]
    return pd.DataFrame(rows, columns=list(RIVER_COLUMNS)).astype(RIVER_COLUMNS)


def test_river_has_its_inked_width_and_its_ends() -> None:
    view = MapView(200, 2400)
    ink = river_ink(rivers([(x, 0.0, 240.0) for x in range(-600, 601, 12)]), view, inked_share=0.5)
    across = ink[:, 100].astype(float) / 255
    assert across.sum() * view.pixel_m == pytest.approx(120, abs=1)
    assert ink[100, 60:140].min() == 255
    assert ink[:, :40].max() == ink[:, 160:].max() == 0


def test_separate_lines_are_not_joined() -> None:
    view = MapView(100, 1200)
    ink = river_ink(rivers([(-400, 300, 60), (-200, 300, 60)], [(200, -300, 60), (400, -300, 60)]), view)
    assert ink[25, 25] == ink[75, 75] > 200
    assert ink[40:60].max() == 0


def test_part_of_a_picture_has_the_rivers_of_the_whole() -> None:
    random = np.random.default_rng(5)
    walks = np.cumsum(random.normal(0, 40, (20, 60, 2)), axis=1)
    lines = [[(x, z, 40.0) for x, z in walk.tolist()] for walk in walks]
    table = rivers(*lines)
    whole, part = river_ink(table, MapView(256, 3072)), river_ink(table, MapView(64, 768, east_m=384, north_m=-384))
    assert np.count_nonzero(part)
    np.testing.assert_array_equal(part, whole[128:192, 128:192])


def test_a_world_without_rivers_has_no_ink() -> None:
    assert not river_ink(rivers(), MapView(64)).any()
