"""Marks of places: badges do not overlap, candidates look different, and worlds without places are unchanged."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vwe_dagster.analysis.world import WorldAnalysis, analyze
from vwe_dagster.locations.kinds import LocationGroup, kinds_by_prefab
from vwe_dagster.rendering import palette
from vwe_dagster.rendering.free_space import FreeSpace
from vwe_dagster.rendering.map import render_map
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.place_marks import Badge, Site, around, arrange, badge_picture, sites_of
from vwe_dagster.rendering.relief import render_relief
from vwe_dagster.rendering.sheet import MARGIN
from vwe_dagster.world.canonical import LOCATION_COLUMNS, CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import plateau_world

SITE = Site(0.0, 0.0, "moder", LocationGroup.BOSS, "Moder", 1, is_candidate=False)
PLACED = [
    ("StartTemple", 0, 0),
    ("Eikthyrnir", 3000, 200),
    ("Eikthyrnir", -3000, 0),
    ("Vendor_BlackForest", -3200, 300),
    ("Vendor_BlackForest", 6000, -3000),
    ("Hildir_camp", 6000, 3000),
]
places = st.lists(st.tuples(st.floats(0, 400), st.floats(0, 400)), max_size=40)


def located(*placed: tuple[str, float, float]) -> CanonicalWorld:
    """Return a world with locations, given by prefab, x and z."""
    rows = [(prefab, "", x, 30.0, z, 10.0, False) for prefab, x, z in placed]
    table = pd.DataFrame(rows, columns=list(LOCATION_COLUMNS)).astype(LOCATION_COLUMNS)
    return dataclasses.replace(plateau_world(Grid.of_world(128)), locations=table)


def table_of(*placed: tuple[str, float, float]) -> pd.DataFrame:
    """Return the places of a world with locations, see :func:`located`."""
    table = analyze(located(*placed)).places
    assert table is not None
    return table


@pytest.fixture(scope="module")
def world() -> CanonicalWorld:
    return located(*PLACED)


@pytest.fixture(scope="module")
def analysis(world: CanonicalWorld) -> WorldAnalysis:
    return analyze(world)


@given(places)
def test_badges_do_not_overlap_and_are_near_their_places(spots: list[tuple[float, float]]) -> None:
    marks = arrange([(SITE, spot) for spot in spots], 20, 1e6, FreeSpace())
    for one, other in itertools.combinations(marks, 2):
        left, right = around(one.at, 20), around(other.at, 20)
        assert left[2] <= right[0] or right[2] <= left[0] or left[3] <= right[1] or right[3] <= left[1]
    assert all(math.dist(mark.at, mark.place) <= 40.001 for mark in marks)
    assert len(marks) >= min(len(spots), 4)


@given(places)
def test_badge_with_room_stays_at_its_place(spots: list[tuple[float, float]]) -> None:
    marks = arrange([(SITE, spot) for spot in spots], 20, 1e6, FreeSpace())
    assert marks == [] or marks[0].at == marks[0].place == spots[0]


def test_badges_leave_most_of_the_ground_visible() -> None:
    spots = [(SITE, (float(x), float(y))) for x in range(0, 400, 21) for y in range(0, 400, 21)]
    assert len(arrange(spots, 20, 400 * 400, FreeSpace())) == int(0.12 * 400)


def test_start_comes_first_and_then_the_nearest_of_each_kind() -> None:
    sites = sites_of(table_of(*reversed(PLACED)))
    assert [(site.name, round(abs(site.x_m))) for site in sites] == [
        ("Sacrificial stones", 0),
        ("Eikthyr", 3000),
        ("Hildir", 6000),
        ("Haldor", 3200),
        ("Eikthyr", 3000),
        ("Haldor", 6000),
    ]


def test_traders_with_several_places_are_candidates() -> None:
    sites = {site.name: site for site in sites_of(table_of(*PLACED))}
    assert {name for name, site in sites.items() if site.is_candidate} == {"Haldor"}
    assert sites["Haldor"].title == "Haldor (1 of 2)"
    assert sites["Hildir"].title == "Hildir"
    assert sites["Eikthyr"].title == "Eikthyr"


def test_bosses_traders_and_the_start_have_their_own_icons() -> None:
    sites = sites_of(table_of(*((prefab, 0, 0) for prefab in kinds_by_prefab())))
    assert len(sites) == 1 + 8 + 3
    assert len({site.icon for site in sites}) == len(sites)
    assert "other" not in {site.icon for site in sites}


@pytest.mark.parametrize("pixels", [17, 30, 60])
def test_candidates_are_hollow(pixels: int) -> None:
    full, hollow = (
        np.asarray(badge_picture(Badge("haldor", LocationGroup.TRADER, is_hollow=is_hollow), pixels)).astype(int)
        for is_hollow in (False, True)
    )
    assert hollow[..., :3].mean() - full[..., :3].mean() > 15
    np.testing.assert_array_equal(hollow[..., 3], full[..., 3])


@pytest.mark.slow
def test_map_shows_badges_where_the_places_are(world: CanonicalWorld, analysis: WorldAnalysis) -> None:
    size = PictureSize(2048)
    picture = np.asarray(render_map(world, title="Plateaus", size=size, analysis=analysis)).astype(int)
    for x_m, z_m, color in ((3000, 200, palette.BOSS), (6000, 3000, palette.TRADER), (0, 0, palette.INK)):
        column, row = MARGIN + 1024 + x_m // 12, MARGIN + 1024 - z_m // 12
        near = picture[row - 15 : row + 15, column - 15 : column + 15]
        assert (np.abs(near - color).max(axis=-1) < 25).mean() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("pixels", [256, 1024])
def test_places_are_in_a_legend(
    pixels: int, world: CanonicalWorld, analysis: WorldAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    lettered: list[str] = []

    def note(_: Image.Image, __: tuple[float, float], text: str, ___: float, **____: Any) -> None:
        lettered.append(text)

    monkeypatch.setattr("vwe_dagster.rendering.lettering.letter", note)
    for render in (render_map, render_relief):
        lettered.clear()
        render(world, title="Plateaus", size=PictureSize(pixels), analysis=analysis)
        assert {"Start", "Eikthyr", "Haldor (1 of 2)", "Hildir"} <= set(lettered)


@pytest.mark.slow
def test_world_without_places_has_the_same_map_as_one_with_unknown_places() -> None:
    unknown = plateau_world(Grid.of_world(128))
    for render in (render_map, render_relief):
        one, other = (render(world, title="Plateaus", analysis=analyze(world)) for world in (unknown, located()))
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
