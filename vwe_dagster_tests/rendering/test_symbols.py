"""The places of symbols on the map."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from vwe_dagster.rendering.symbols import draw_symbols
from vwe_dagster.rendering.view import MapPlanes
from vwe_dagster.world.biomes import Biome


def ground(biome: Biome, *, forest: float, height: float = 40) -> MapPlanes:
    shape = (200, 200)
    return MapPlanes(
        pixel_m=12.0,
        biome=np.full(shape, biome, dtype=np.uint8),
        height=np.full(shape, height, dtype=np.float32),
        forest=np.full(shape, forest, dtype=np.float32),
        lava=None,
        radius=np.zeros(shape, dtype=np.float32),
        inside=np.ones(shape, dtype=np.float32),
    )


def inked(planes: MapPlanes) -> float:
    """Return the share of the pixels that have ink or light."""
    symbols: npt.NDArray[np.int16] = draw_symbols(planes)
    return float(np.count_nonzero(symbols)) / symbols.size


@pytest.mark.parametrize(
    ("biome", "forest", "wooded"),
    [
        (Biome.MEADOWS, 1.14, True),
        (Biome.MEADOWS, 1.16, False),
        (Biome.PLAINS, 0.79, True),
        (Biome.PLAINS, 0.81, False),
        (Biome.BLACK_FOREST, 0.5, True),
        (Biome.BLACK_FOREST, 1.5, True),
        (Biome.MOUNTAIN, 0.5, False),
        (Biome.OCEAN, 0.5, False),
    ],
)
def test_trees_are_drawn_where_the_game_has_forest(biome: Biome, forest: float, wooded: bool) -> None:
    assert (inked(ground(biome, forest=forest)) > 0.1) == wooded


def test_no_symbols_are_under_water() -> None:
    for biome in Biome:
        assert inked(ground(biome, forest=0.5, height=29)) == 0


def test_symbols_have_the_same_places_in_every_world() -> None:
    planes = ground(Biome.BLACK_FOREST, forest=1.0)
    lower = dataclasses.replace(planes, height=planes.height - 5)
    np.testing.assert_array_equal(draw_symbols(planes), draw_symbols(lower))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (16, 3), (41, 77)])
def test_part_of_a_picture_has_the_symbols_of_the_whole(row: int, column: int) -> None:
    planes = ground(Biome.BLACK_FOREST, forest=1.0)
    part = dataclasses.replace(
        planes,
        biome=planes.biome[:100, :100],
        height=planes.height[:100, :100],
        forest=planes.forest[:100, :100],
        first_pixel=(row, column),
    )
    inner = slice(30, 70)
    whole = draw_symbols(planes)[row + 30 : row + 70, column + 30 : column + 70]
    assert np.count_nonzero(whole)
    np.testing.assert_array_equal(draw_symbols(part)[inner, inner], whole)


def test_picture_smaller_than_a_symbol_has_none() -> None:
    small = ground(Biome.BLACK_FOREST, forest=0.5)
    corner = dataclasses.replace(
        small, biome=small.biome[:8, :8], height=small.height[:8, :8], forest=small.forest[:8, :8]
    )
    assert inked(corner) == 0
