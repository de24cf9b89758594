"""Lands and their measures, on worlds drawn as text and compared with flood fills."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.islands import ISLAND_AREA_KM2
from vwe_dagster.analysis.lands import (
    BIOME_COUNT,
    PATCH_AREA_KM2,
    WADING_DEPTH_M,
    Areas,
    find_lands,
    land_at,
    measure_lands,
)
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M
from vwe_dagster_tests.analysis.floods import flooded
from vwe_dagster_tests.worlds import draw_world, make_world, random_worlds

CENTER = (0.0, 0.0)


def areas_of(world: CanonicalWorld, spawn: tuple[float, float] = CENTER, radius_m: float = np.inf) -> Areas:
    disc = Disc.of_world(world)
    return measure_lands(disc, find_lands(disc), (radius_m,), spawn)


def planes_of_runs(disc: Disc) -> list[npt.NDArray[np.int32]]:
    """Return patch, landmass and land of every cell."""
    lands = find_lands(disc)
    planes = [np.zeros(disc.land.shape, np.int32) for _ in range(3)]
    for plane, numbers in zip(planes, (lands.patch, lands.landmass, lands.land), strict=True):
        for row, start, stop, number in zip(lands.row, lands.start, lands.stop, numbers, strict=True):
            plane[row, start:stop] = number
    return planes


def walked_cells(disc: Disc) -> npt.NDArray[np.bool_]:
    walked: npt.NDArray[np.bool_] = disc.inside & (disc.height >= SEA_LEVEL_M - WADING_DEPTH_M)
    return walked


@given(random_worlds())
def test_lands_are_those_of_a_flood_fill(world: CanonicalWorld) -> None:
    disc = Disc.of_world(world)
    walked = walked_cells(disc)
    patch, landmass, land = planes_of_runs(disc)
    assert patch.tolist() == flooded(np.where(walked, disc.biome, 0).astype(np.uint8)).tolist()
    assert landmass.tolist() == flooded(disc.land.view(np.uint8)).tolist()
    assert land.tolist() == flooded(walked.view(np.uint8)).tolist()


@given(random_worlds())
def test_measures_are_those_of_the_cells(world: CanonicalWorld) -> None:
    disc = Disc.of_world(world)
    walked, radius_m = walked_cells(disc), 700.0
    patch, landmass, land = planes_of_runs(disc)
    spawn = (130.0, -260.0)
    areas = areas_of(world, spawn, radius_m)
    x_m, z_m = np.meshgrid(disc.coordinates_m, disc.coordinates_m)
    near = walked & (x_m**2 + z_m**2 <= radius_m**2)
    assert areas.dry_cells.tolist() == [np.count_nonzero(near & disc.land)]
    assert areas.biome_cells[0].tolist() == np.bincount(disc.biome[near], minlength=BIOME_COUNT).tolist()
    assert areas.landmass_cells.tolist() == [0, *np.bincount(landmass.ravel())[1:]]
    assert areas.patch_cells.tolist() == [0, *np.bincount(patch.ravel())[1:]]
    for number in range(1, areas.patch_cells.size):
        assert areas.patch_x_m[number] == pytest.approx(x_m[patch == number].mean(), abs=1e-6)
        assert areas.patch_z_m[number] == pytest.approx(z_m[patch == number].mean(), abs=1e-6)
    large = [
        n for n in range(1, int(land.max(initial=0)) + 1) if (land == n).sum() * disc.cell_area_km2 > ISLAND_AREA_KM2
    ]
    away_m2 = [((x_m[land == n] - spawn[0]) ** 2 + (z_m[land == n] - spawn[1]) ** 2).min() for n in large]
    assert bool(areas.start_land) == bool(large)
    if large:
        on_start = land == areas.start_land
        assert away_m2[large.index(areas.start_land)] == min(away_m2)
        assert areas.start_cells == np.count_nonzero(on_start)
        assert areas.start_highest_m == disc.height[on_start].max()
        assert areas.start_biome_cells.tolist() == np.bincount(disc.biome[on_start], minlength=BIOME_COUNT).tolist()
    assert areas.highest_m == disc.height[walked].max(initial=-np.inf)


@given(random_worlds())
def test_first_and_largest_patches_are_found(world: CanonicalWorld) -> None:
    disc = Disc.of_world(world)
    patch, _, land = planes_of_runs(disc)
    areas = areas_of(world)
    distances_m2 = areas.patch_x_m**2 + areas.patch_z_m**2
    for biome in range(1, BIOME_COUNT):
        numbers = [n for n in range(1, areas.patch_cells.size) if disc.biome[patch == n][0] == biome]
        assert areas.largest[biome] == max((areas.patch_cells[n] for n in numbers), default=0)
        enough = [n for n in numbers if areas.patch_cells[n] * disc.cell_area_km2 >= PATCH_AREA_KM2 - 1e-12]
        assert bool(areas.first[biome]) == bool(enough)
        if enough:
            assert distances_m2[areas.first[biome]] == min(distances_m2[n] for n in enough)
        lands_with_it = {int(land[patch == n][0]) for n in enough}
        marked = {n for n in range(1, areas.biomes_of_land.size) if areas.biomes_of_land[n] & (1 << biome)}
        assert marked == lands_with_it


def test_shallow_water_joins_lands_and_deep_water_parts_them() -> None:
    shallow = areas_of(draw_world("mwm", "~~~", "~~~", cell_m=200), spawn=(-200, 200))
    deep = areas_of(draw_world("m~m", "~~~", "~~~", cell_m=200), spawn=(-200, 200))
    assert (shallow.start_cells, deep.start_cells) == (3, 1)
    assert (shallow.dry_cells.tolist(), shallow.landmass_cells.tolist()) == ([2], [0, 1, 1])


def test_water_of_the_wading_depth_is_walked_and_deeper_water_is_not() -> None:
    just, deeper = (make_world(np.array([[40, height_m], [0, 0]]), cell_m=200) for height_m in (29.0, 28.99))
    assert (areas_of(just).start_cells, areas_of(deeper).start_cells) == (2, 1)


def test_rock_smaller_than_an_island_is_not_the_start_land() -> None:
    """A cell of 50 m is 0.0025 km²."""
    rows = ["~" * 9 for _ in range(9)]
    rows[4] = "~~~~m~~mm"
    rows[3] = rows[5] = "~~~~~~~mm"
    assert areas_of(draw_world(*rows, cell_m=50)).start_cells == 6


def test_patch_below_the_least_area_is_not_the_first_patch() -> None:
    """Cells are 0.01 km²: a patch needs ten of them."""
    rows = ["~" * 15 for _ in range(15)]
    rows[7] = "bbb~~~~bbbbbbbb"
    rows[6] = "bbbbbbbbbb~~~~~".replace("b", "~")
    small = areas_of(draw_world(*rows))
    rows[8] = "~~~~~~~~bbbbbbb"
    large = areas_of(draw_world(*rows))
    assert small.first[Biome.BLACK_FOREST] == 0
    assert large.patch_cells[large.first[Biome.BLACK_FOREST]] == 15
    assert large.largest[Biome.BLACK_FOREST] == 15


def test_points_are_on_the_land_of_their_cell() -> None:
    disc = Disc.of_world(draw_world("m~b", "~~~", "^~~"))
    lands = find_lands(disc)
    x_m, z_m = np.array([-100.0, 51, 149, -60, 0, 900]), np.array([-100.0, 149, 51, 60, 0, 0])
    assert land_at(disc, lands, x_m, z_m).tolist() == [1, 3, 3, 2, 0, 0]
