"""The game's map cache: counts that the game's own files have, and its rounding."""

from __future__ import annotations

import gzip
import math
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.exporting import game_cache
from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.game_cache import half_floats
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.store import WorldStore
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.worldgen import World
from vwe_dagster_tests.exporting.exports import check_places, write
from vwe_dagster_tests.worldgen.known_worlds import BIOME_CELLS
from vwe_dagster_tests.worlds import SEED_NUMBER, make_world, publish_imported

SIZE = 2048
FOREST_CELLS, FULL_MIST_CELLS = 186_552, 142_747
HEIGHT_CODES, ZERO_CELLS, SUBNORMAL_CELLS, SUBNORMAL_CODES = 32_978, 263_724, 363, 304
LARGEST_HALF = 65504
COLORS = {(146, 167, 92): "Meadows", (107, 116, 63): "BlackForest", (163, 114, 88): "Swamp", (231, 171, 120): "Plains"}


@pytest.fixture(scope="module")
def folder(source: ExportSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cache of the shared world, whose grid differs from that of the game's map."""
    return write(tmp_path_factory.mktemp("cache") / "out", "game-cache", source)


def content(folder: Path, name: str) -> bytes:
    return gzip.decompress((folder / name).read_bytes())


@pytest.fixture(scope="module")
def codes(folder: Path) -> npt.NDArray[np.uint16]:
    return np.frombuffer(content(folder, "cacheMinimapHeight"), "<u2")


def test_export_has_four_files_and_the_seed(folder: Path) -> None:
    names = ("cacheMinimapBiome", "cacheMinimapHeight", "cacheMinimapMask", "cacheMinimapMeta")
    assert sorted(path.name for path in folder.iterdir()) == list(names)
    assert [len(content(folder, name)) for name in names] == [4 * SIZE**2, 2 * SIZE**2, 4 * SIZE**2, 8]
    assert struct.unpack("<ii", content(folder, "cacheMinimapMeta")) == (SEED_NUMBER, 1)


def test_every_place_agrees_with_the_engine(folder: Path) -> None:
    heights, colors = content(folder, "cacheMinimapHeight"), content(folder, "cacheMinimapBiome")
    world = World(SEED_NUMBER)
    for x, z in ((606, -18), (-7362, 5394), (4686, -3354), (-1794, 2706)):
        cell = (z + SIZE * 6 - 6) // 12 * SIZE + (x + SIZE * 6 - 6) // 12
        (height,) = struct.unpack_from("<e", heights, 2 * cell)
        assert math.isclose(height, float(world.height(x, z)), rel_tol=2**-11)
        biome = world.biome(x, z)
        assert isinstance(biome, Biome)
        red, green, blue, alpha = colors[4 * cell : 4 * cell + 4]
        assert (COLORS[red, green, blue], alpha) == (biome.game_name, 255)


def test_heights_have_the_game_s_binary16_codes(codes: npt.NDArray[np.uint16]) -> None:
    values = codes.view(np.float16)
    assert (values.min(), values.max(), len(np.unique(codes))) == (-400, 457, HEIGHT_CODES)
    subnormal = (codes & 0x7C00 == 0) & (codes & 0x3FF != 0)
    assert np.count_nonzero(subnormal) == SUBNORMAL_CELLS
    assert len(np.unique(codes[subnormal])) == SUBNORMAL_CODES
    assert np.count_nonzero(codes == 0) == ZERO_CELLS
    assert np.count_nonzero(codes == 0x8000) == 1


def test_each_color_covers_as_many_cells_as_its_biomes(folder: Path) -> None:
    colors = np.frombuffer(content(folder, "cacheMinimapBiome"), "<u4")
    found = dict(zip(*np.unique(colors, return_counts=True), strict=True))
    expected: dict[int, int] = {}
    for biome in BIOMES:
        code = int.from_bytes((*game_cache.COLORS[biome], 255), "little")
        expected[code] = expected.get(code, 0) + BIOME_CELLS[biome.name]
    assert found == expected


def test_trees_and_mist_cover_as_many_cells_as_in_the_game(folder: Path) -> None:
    mask = np.frombuffer(content(folder, "cacheMinimapMask"), np.uint8).reshape(SIZE, SIZE, 4)
    assert set(np.unique(mask[..., 0])) == {0, 255}
    assert np.count_nonzero(mask[..., 0]) == FOREST_CELLS
    assert np.count_nonzero(mask[..., 1] == 255) == FULL_MIST_CELLS
    assert not mask[..., 3].any()


def test_lava_agrees_with_the_engine(folder: Path) -> None:
    blue = np.frombuffer(content(folder, "cacheMinimapMask"), np.uint8)[2::4].reshape(SIZE, SIZE)
    rows, columns = np.nonzero(blue > 200)
    assert len(rows)
    x, z = columns[::997] * 12.0 - SIZE * 6 + 6, rows[::997] * 12.0 - SIZE * 6 + 6
    lava = np.asarray(World(SEED_NUMBER).lava(x, z))
    assert np.abs(lava - blue[rows[::997], columns[::997]] / 255).max() <= 0.5 / 255 + 1e-6


@given(st.floats(-LARGEST_HALF, LARGEST_HALF, width=32) | st.floats(-LARGEST_HALF, LARGEST_HALF, width=16))
def test_binary16_rounds_to_nearest_with_ties_away_from_zero(value: float) -> None:
    check_half(value)


@given(st.integers(0, 0x7BFE), st.booleans())
def test_exact_tie_rounds_away_from_zero(code: int, negative: bool) -> None:
    lower, upper = np.array([code, code + 1], np.uint16).view(np.float16).astype(np.float64)
    between = (lower + upper) / 2
    check_half(-between if negative else between)


def check_half(value: float) -> None:
    """Compare with the binary16 numbers on either side, in exact fractions."""
    (code,) = half_floats(np.array([value], np.float32))
    found = Fraction(float(np.uint16(code & 0x7FFF).view(np.float16)))
    exact = Fraction(abs(value))
    assert bool(code >> 15) == (math.copysign(1, value) < 0)
    for other in {code & 0x7FFF, max(int(code & 0x7FFF) - 1, 0), min(int(code & 0x7FFF) + 1, 0x7BFF)}:
        neighbor = Fraction(float(np.uint16(other).view(np.float16)))
        assert (abs(found - exact), -found) <= (abs(neighbor - exact), -neighbor)


def test_planes_on_the_games_grid_are_not_sampled_again(
    tmp_path: Path, source: ExportSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(game_cache, "GAME_GRID", source.grid)
    heights = np.frombuffer(content(write(tmp_path / "out", "game-cache", source), "cacheMinimapHeight"), "<f2")
    plane = heights.reshape(source.grid.size, source.grid.size)
    assert np.abs(plane - source.world.height).max() <= 457 * 2**-11

    def at(x: float, z: float) -> tuple[str, float]:
        row, column = source.grid.nearest(z), source.grid.nearest(x)
        exact = source.world.height[row, column]
        assert abs(plane[row, column] - exact) <= exact * 2**-11
        return Biome(int(source.world.biome[row, column])).game_name, float(exact)

    check_places(at)


def test_world_of_another_program_without_needed_planes_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = publish_imported(WorldStore(tmp_path / "data"), "-a", make_world([[40.0] * 64] * 64))
    with pytest.raises(ExportError, match=r"2048 cells a side.*: vwe world --force --engine native -- -a$"):
        write(tmp_path / "out", "game-cache", source)
    monkeypatch.setattr(game_cache, "GAME_GRID", source.grid)
    with pytest.raises(ExportError, match="shows lava"):
        write(tmp_path / "out", "game-cache", source)
    assert not (tmp_path / "out").exists()
