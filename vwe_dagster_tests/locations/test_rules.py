"""Rules of the game that look like mistakes, and the lists that places are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from vwe_dagster.locations import plain, point_lists
from vwe_dagster.locations.kernel_rows import type_row
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen import Terrain, World
from vwe_dagster.worldgen.unity_random import init_state, next_word

POINTS = {
    "MEADOWS": (80_178, 39_709),
    "SWAMP": (62_523, 21_049),
    "MOUNTAIN": (78_984, 77_523),
    "BLACK_FOREST": (307_600, 134_500),
    "PLAINS": (327_318, 146_456),
    "ASHLANDS": (298_829, 48_467),
    "DEEP_NORTH": (166_037, 126_317),
    "OCEAN": (2_469_370, 0),
    "MISTLANDS": (402_509, 222_349),
}
"""Points of seed -1772362158, all and those at 30 m and above."""


@pytest.fixture(scope="module")
def grid() -> Terrain:
    return World(-1772362158).grid()


def test_lists_lack_the_point_that_begins_a_sector(grid: Terrain) -> None:
    lists = point_lists.find_points(grid.biome, grid.height, True, True)
    sizes = zip(np.diff(lists.start), np.diff(lists.high_start), strict=True)
    assert {Biome(b).name: size for b, size in enumerate(sizes) if b} == POINTS
    assert len(lists.biome_of) == 959


def test_the_fast_lists_are_in_the_order_of_the_search(grid: Terrain) -> None:
    height = grid.height.ravel().copy()
    expected = plain.make_lists(grid.biome.ravel().copy(), height)
    lists = point_lists.find_points(grid.biome, grid.height, True, True)
    for fast, slow in ((lists.points, expected.points), (lists.high, expected.high)):
        at = (fast // point_lists.STRIDE - 1) * plain.P + fast % point_lists.STRIDE - 1
        np.testing.assert_array_equal(at, slow)
    metrics, expected_metrics = point_lists.sector_metrics(lists, grid.height), plain.sector_metrics(expected, height)
    for fast_fact, slow_fact in zip(metrics, expected_metrics, strict=True):
        np.testing.assert_array_equal(fast_fact, slow_fact)


def test_another_world_has_938_sectors() -> None:
    terrain = World(75539276).grid()
    assert len(point_lists.find_points(terrain.biome, terrain.height, False, True).biome_of) == 938


def picked(mask: int) -> tuple[set[Biome], int]:
    """Return the biomes that a mask picks in 200 draws, and the number of words that one draw takes."""
    state = init_state(7)
    found = {Biome(plain.pick(state, mask)) for _ in range(200)}
    before, state = init_state(7), init_state(7)
    plain.pick(state, mask)
    drawn = 0
    while not np.array_equal(before, state):
        next_word(before)
        drawn += 1
    return found, drawn


@pytest.mark.parametrize(
    ("mask", "biomes", "words"),
    [
        (16, {"PLAINS"}, 0),
        (9, {"MEADOWS"}, 1),
        (282, {"SWAMP", "BLACK_FOREST"}, 1),
        (24, {"BLACK_FOREST"}, 1),
        (0x211, {"MEADOWS", "BLACK_FOREST"}, 1),
        (0x301, {"MEADOWS", "OCEAN"}, 1),
        (0x302, {"SWAMP", "MISTLANDS"}, 1),
    ],
)
def test_a_mask_picks_with_the_mistakes_of_the_game(mask: int, biomes: set[str], words: int) -> None:
    assert picked(mask) == ({Biome[name] for name in biomes}, words)


def test_the_difference_in_height_is_rounded_before_it_is_compared() -> None:
    # Without the rounding this difference would exceed a limit of 3 m.
    low, high = float(np.nextafter(np.float32(0.5), np.float32(0))), 3.5
    assert high - low > 3.0
    assert plain.delta_of(low, high) == 3.0


def test_alt_biomes_block_by_name_and_not_by_prefab() -> None:
    table = shipped_table()
    by_prefab = {t.prefab: type_row(table, t).blockers for t in table.types}
    names = [alt.name for alt in table.alt_biomes]
    assert by_prefab["WoodFarm1"] == 1 << names.index("Dark Meadows")
    assert by_prefab["StoneHenge1"] == 1 << names.index("Death Plains")
    assert sum(bool(bits) for bits in by_prefab.values()) == 10
