"""Ways over water, on worlds drawn as text and compared with a plain search."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.lands import BIOME_COUNT, WADING_DEPTH_M, MeasuredLands, find_lands, measure_lands
from vwe_dagster.analysis.sailing import SAILING_GRID_M, sailing_m
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M
from vwe_dagster_tests.worlds import draw_world, make_world, random_worlds


def sailed_m(world: CanonicalWorld) -> list[float]:
    lengths_m: list[float] = sailing_m(MeasuredLands.of_disc(Disc.of_world(world), (1.0,), (0.0, 0.0))).tolist()
    return lengths_m


def searched_m(world: CanonicalWorld) -> list[float]:
    """Return what :func:`sailing_m` returns, by a priority queue over cells, for grids whose cells are the blocks."""
    disc = Disc.of_world(world)
    lands = find_lands(disc)
    areas = measure_lands(disc, lands, (1.0,), (0.0, 0.0))
    land = np.zeros(disc.land.shape, np.int32)
    for row, start, stop, number in zip(lands.row, lands.start, lands.stop, lands.land, strict=True):
        land[row, start:stop] = number
    sea = disc.inside & (disc.height < SEA_LEVEL_M - WADING_DEPTH_M)
    best = np.full(land.shape, np.inf)
    queue = [(0.0, int(z), int(x)) for z, x in np.argwhere((land == areas.start_land) & (land > 0))]
    while queue:
        cost, z, x = heapq.heappop(queue)
        if cost >= best[z, x]:
            continue
        best[z, x] = cost
        if cost > 0 and not sea[z, x]:
            continue
        for dz, dx in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b):
            to = z + dz, x + dx
            if min(to) >= 0 and max(to) < len(land) and (sea[to] or land[to] > 0):
                heapq.heappush(queue, (cost + (17 / 12 if dz and dx else 1), *to))
    found = []
    for biome in range(BIOME_COUNT):
        having = areas.biomes_of_land[land] & (1 << biome) > 0
        found.append(float(best[having & (land > 0)].min(initial=np.inf)) * disc.cell_m if biome else np.inf)
    return [np.nan if np.isinf(length) else length for length in found]


@given(random_worlds())
def test_ways_are_those_of_a_plain_search(world: CanonicalWorld) -> None:
    assert sailed_m(world) == pytest.approx(searched_m(world), nan_ok=True)


def test_ship_sails_around_a_cape() -> None:
    """Cells of 400 m; the land between is level rock that separates two seas."""
    world = draw_world(
        "~~~~~",
        "~~~~~",
        "m~b~^",
        "~~~~~",
        "~~~~~",
        cell_m=400,
    )
    lengths_m = sailed_m(make_world(world.height, world.biome, cell_m=400, first_m=-100))
    assert lengths_m[Biome.MEADOWS] == 0
    assert lengths_m[Biome.BLACK_FOREST] == 800
    assert lengths_m[Biome.MOUNTAIN] == pytest.approx(2 * 400 + 2 * 400 * 17 / 12)
    assert np.isnan(lengths_m[Biome.SWAMP])


def test_lake_leads_nowhere() -> None:
    rows = ["^~mmm~", "~~m~m~", "~~mmm~"]
    closed = ["^" + "w" * 5, "w~~~~w", "wmmmmw"]
    assert np.isnan(sailed_m(draw_world(*closed, *("w" * 6,) * 3, cell_m=400))[Biome.ASHLANDS])
    assert sailed_m(draw_world(*rows, *("~" * 6,) * 3, cell_m=400))[Biome.MOUNTAIN] == 800


def test_blocks_of_a_fine_grid_are_as_large_as_the_sailing_grid() -> None:
    """Cells of 12 m: four by four are a block."""
    rows = ["~" * 96 for _ in range(96)]
    land = ["m" * 32 + "~" * 32 + "b" * 32] * 32
    world = draw_world(*rows[:32], *land, *rows[:32], cell_m=12)
    lengths_m = sailed_m(make_world(world.height, world.biome, cell_m=12, first_m=-12 * 16))
    assert lengths_m[Biome.BLACK_FOREST] == pytest.approx(9 * SAILING_GRID_M)
