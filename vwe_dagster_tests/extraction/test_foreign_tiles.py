"""The tiles of a valheim-map.world export are read bit for bit, and damaged files are rejected."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.world.grid import MAP_WIDTH_M, Grid
from vwe_dagster_tests.extraction.foreign_files import (
    TileExport,
    map_world_export,
    read_or_error,
    tile_export,
    tile_files,
)
from vwe_dagster_tests.extraction.json_values import JSON_VALUES
from vwe_dagster_tests.worlds import SEED_NUMBER, SEED_TEXT, native_world

if TYPE_CHECKING:
    from pathlib import Path

    from vwe_dagster.world.canonical import CanonicalWorld

TILES = 4
TILE_WIDTH_M = MAP_WIDTH_M / TILES
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@pytest.fixture
def export(world: CanonicalWorld) -> TileExport:
    """Return a small world in 4 x 4 tiles of 16 x 16 samples."""
    return tile_export(world, TILES, SEED_TEXT)


@pytest.mark.parametrize("tiles", [1, 2, 8, 64])
def test_world_is_read_bit_for_bit(tmp_path: Path, world: CanonicalWorld, tiles: int) -> None:
    tile_export(world, tiles, SEED_TEXT).write(tmp_path)
    read = read_foreign(tmp_path).world
    assert read.grid == world.grid
    assert read.biome.tobytes() == world.biome.tobytes()
    assert read.height.tobytes() == world.height.tobytes()
    assert read.forest.tobytes() == world.forest.tobytes()
    assert tile_files(read, tiles) == tile_files(world, tiles)
    assert (read.lava, read.rivers, read.lakes) == (None, None, None)


@pytest.mark.parametrize(
    "grid", [Grid(64, 312.5, -10000.0), Grid(64, 312.5, -10000.0 + 156.25), Grid(64, 328.125, -10500.0)]
)
def test_forest_factor_decides_between_corners_and_centers(tmp_path: Path, grid: Grid) -> None:
    world = native_world(grid)
    tile_export(world, TILES, SEED_TEXT).write(tmp_path)
    assert read_foreign(tmp_path).world.grid == grid


@pytest.mark.parametrize("tile_size", [16, TILE_WIDTH_M])
@pytest.mark.parametrize("counts", [(TILES, 16), (16, TILES)])
def test_tile_files_decide_which_count_is_which(
    tmp_path: Path, world: CanonicalWorld, export: TileExport, tile_size: float, counts: tuple[int, int]
) -> None:
    row_count, side_count = counts
    export.document.update(TileRowCount=row_count, TileSideCount=side_count, TileSize=tile_size)
    export.write(tmp_path)
    assert np.array_equal(read_foreign(tmp_path).world.height, world.height)


@pytest.mark.parametrize(
    ("seed", "text", "number"), [(SEED_TEXT, SEED_TEXT, SEED_NUMBER), (-5, None, -5), ("-5", "-5", 858359640)]
)
def test_export_has_the_metadata_of_the_source(
    tmp_path: Path, export: TileExport, seed: str | int, text: str | None, number: int
) -> None:
    export.document["WorldSeed"] = seed
    export.write(tmp_path)
    read = read_foreign(tmp_path)
    assert (read.kind, read.seed_text, read.seed_number, read.world_version) == ("map_tiles", text, number, 36)
    assert read.sha256 == {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.iterdir()}


def test_layout_of_valheim_map_world_is_read(tmp_path: Path) -> None:
    map_world_export(16, 8).write(tmp_path)
    read = read_foreign(tmp_path)
    expected = native_world(Grid(128, MAP_WIDTH_M / 128, -MAP_WIDTH_M / 2))
    assert (read.seed_text, read.world_version, read.world.grid) == (SEED_TEXT, "0.221.4", expected.grid)
    for plane in ("biome", "height", "forest"):
        assert getattr(read.world, plane).tobytes() == getattr(expected, plane).tobytes()
    assert len(read.sha256) == 257
    assert (
        read.sha256["tiles/15-00.bin.gz"] == hashlib.sha256((tmp_path / "tiles/15-00.bin.gz").read_bytes()).hexdigest()
    )


def test_world_version_may_be_missing(tmp_path: Path, export: TileExport) -> None:
    del export.document["WorldVersion"]
    export.write(tmp_path)
    assert read_foreign(tmp_path).world_version is None


def test_every_second_sample_of_a_large_export_is_the_cell_center_of_the_coarser_grid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vwe_dagster.extraction.foreign_tiles.MAX_SIZE", 64)
    map_world_export(16, 8).write(tmp_path)
    read = read_foreign(tmp_path).world
    expected = native_world(Grid.of_world(64))
    assert read.grid == Grid.of_world(64)
    for plane in ("biome", "height", "forest"):
        assert getattr(read, plane).tobytes() == getattr(expected, plane).tobytes()


def test_thinned_samples_from_cell_centers_keep_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: CanonicalWorld
) -> None:
    monkeypatch.setattr("vwe_dagster.extraction.foreign_tiles.MIN_SIZE", 16)
    monkeypatch.setattr("vwe_dagster.extraction.foreign_tiles.MAX_SIZE", 16)
    tile_export(world, TILES, SEED_TEXT).write(tmp_path)
    read = read_foreign(tmp_path).world
    assert read.height.tobytes() == world.height[2::4, 2::4].tobytes()
    assert read.grid.coordinates().tobytes() == world.grid.coordinates()[2::4].tobytes()


def test_large_export_is_never_completely_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vwe_dagster.extraction.foreign_tiles.MAX_SIZE", 128)
    map_world_export(16, 32).write(tmp_path)
    whole_bytes = (16 * 32) ** 2 * 10
    tracemalloc.start()
    try:
        read_foreign(tmp_path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < whole_bytes / 2


def test_tiles_in_two_places_are_rejected(tmp_path: Path, export: TileExport) -> None:
    export.files |= {f"tiles/{name}": content for name, content in export.files.items()}
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match=r"has tiles beside map.json and in tiles"):
        read_foreign(tmp_path)


def test_other_files_in_the_folder_are_ignored(tmp_path: Path, export: TileExport) -> None:
    export.write(tmp_path)
    (tmp_path / "locations.json").write_text("[]")
    assert "locations.json" not in read_foreign(tmp_path).sha256


def test_missing_tiles_are_named(tmp_path: Path, export: TileExport) -> None:
    for name in ("00-02.bin.gz", "03-03.bin.gz"):
        del export.files[name]
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match=r"lacks 2 of its 4 x 4 tiles: 00-02.bin.gz, 03-03.bin.gz\."):
        read_foreign(tmp_path)


def test_folder_without_tiles_is_rejected(tmp_path: Path, export: TileExport) -> None:
    export.files.clear()
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match=r"has no tiles like 00-00.bin.gz"):
        read_foreign(tmp_path)


def test_missing_row_of_tiles_is_rejected(tmp_path: Path, export: TileExport) -> None:
    export.files = {name: content for name, content in export.files.items() if "03" not in name}
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match=r"has tiles for 3 along a side, but map.json states 16 and 4"):
        read_foreign(tmp_path)


@pytest.mark.parametrize("length", [0, 2559, 2561, 5120])
def test_tile_of_another_size_is_rejected(tmp_path: Path, export: TileExport, length: int) -> None:
    export.files["02-01.bin.gz"] = (export.files["02-01.bin.gz"] * 2)[:length]
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match=r"02-01.bin.gz holds .* bytes"):
        read_foreign(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("WorldSeed", None, "WorldSeed must be a seed text, or a whole number"),
        ("WorldSeed", 2**31, "WorldSeed must be a seed text, or a whole number from -2147483648 to 2147483647"),
        ("WorldSeed", True, "WorldSeed must be a seed text"),
        ("WorldVersion", "1.0\n", "WorldVersion must be a text of at most 64 characters, or a whole number"),
        ("WorldVersion", "1" * 65, "WorldVersion must be a text of at most 64 characters"),
        ("WorldVersion", -1, "WorldVersion must be .* or a whole number from 0"),
        ("WorldVersion", True, "WorldVersion must be a text"),
        ("WorldVersion", [36], "WorldVersion must be a text"),
        ("TileRowCount", 0, "TileRowCount must be a whole number from 1 to 2048"),
        ("TileSideCount", 10**9, "TileSideCount must be a whole number from 1 to 2048"),
        ("TileSideCount", 4.0, "TileSideCount must be a whole number"),
        ("TileSideCount", 5, "has tiles for 4 along a side, but map.json states 16 and 5"),
        ("TileRowCount", 15, "are 60 along a side, but the limits are 64 and 8192"),
        ("TileRowCount", 2049, "TileRowCount must be a whole number"),
        ("TileRowCount", 17, "holds 2560 bytes, but a tile of 17 x 17 samples holds 2890"),
        ("TileSize", 12, "TileSize must be 16 samples or 6144 m"),
        ("WorldWidth", 0, "WorldWidth must be a number of meters, above 0"),
        ("WorldWidth", float("inf"), "WorldWidth must be a number of meters"),
        ("WorldWidth", 20000, "TileSize must be 16 samples or 5000 m"),
    ],
)
def test_invalid_field_is_rejected(tmp_path: Path, export: TileExport, key: str, value: object, complaint: str) -> None:
    export.document[key] = value
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match=complaint):
        read_foreign(tmp_path)


def test_missing_field_is_rejected(tmp_path: Path, export: TileExport) -> None:
    del export.document["WorldSeed"]
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match=r"WorldSeed must be .* but is missing"):
        read_foreign(tmp_path)


def test_world_of_another_width_is_rejected(tmp_path: Path, export: TileExport) -> None:
    export.document.update(WorldWidth=21000, TileSize=16)
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match="match those of the game neither at the corners nor"):
        read_foreign(tmp_path)


def test_world_with_x_and_z_exchanged_is_rejected(tmp_path: Path, world: CanonicalWorld, export: TileExport) -> None:
    turned = dataclasses.replace(world, biome=world.biome.T, height=world.height.T, forest=world.forest.T)
    export.files = tile_files(turned, TILES)
    export.write(tmp_path)
    with pytest.raises(ExtractionError, match="match those of the game neither at the corners nor"):
        read_foreign(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("height", np.nan, "The height plane holds nan at row 20, column 40"),
        ("forest", 7, "The forest plane holds 7.0 at row 20, column 40 .* not the game's forest factor there"),
        ("forest", np.nan, "The forest plane holds nan at row 20, column 40"),
        ("biome", 0, "The biome plane holds 0 at row 20, column 40 .* not the flag of a biome"),
    ],
)
def test_invalid_sample_is_rejected_with_its_place(
    tmp_path: Path, world: CanonicalWorld, name: str, value: float, complaint: str
) -> None:
    plane = getattr(world, name).copy()
    plane[20, 40] = value
    tile_export(dataclasses.replace(world, **{name: plane}), TILES, SEED_TEXT).write(tmp_path)
    with pytest.raises(ExtractionError, match=complaint):
        read_foreign(tmp_path)


def test_gzip_bomb_is_not_decompressed(tmp_path: Path, export: TileExport) -> None:
    export.write(tmp_path)
    (tmp_path / "00-00.bin.gz").write_bytes(gzip.compress(bytes(50_000_000), 1))
    tracemalloc.start()
    try:
        with pytest.raises(ExtractionError, match=r"00-00.bin.gz holds more than 2560 bytes"):
            read_foreign(tmp_path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 5_000_000


@fuzz
@given(index=st.integers(0, 15), cut=st.floats(0, 1, exclude_max=True))
def test_truncated_tile_is_rejected(tmp_path: Path, export: TileExport, index: int, cut: float) -> None:
    export.write(tmp_path)
    path = tmp_path / sorted(export.files)[index]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(ExtractionError, match=path.name):
        read_foreign(tmp_path)


@fuzz
@given(data=st.data())
def test_damaged_tile_is_read_or_rejected(
    tmp_path: Path, world: CanonicalWorld, export: TileExport, data: st.DataObject
) -> None:
    export.write(tmp_path)
    path = tmp_path / data.draw(st.sampled_from(sorted(export.files)))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    outcome = read_or_error(tmp_path)
    if isinstance(outcome, str):
        assert path.name in outcome
    else:
        assert outcome.world.height.tobytes() == world.height.tobytes()


@fuzz
@given(data=st.data(), value=JSON_VALUES)
def test_any_value_in_any_field_is_read_or_rejected(
    tmp_path: Path, export: TileExport, data: st.DataObject, value: object
) -> None:
    changed = {**export.document, data.draw(st.sampled_from(sorted(export.document))): value}
    dataclasses.replace(export, document=changed).write(tmp_path)
    read_or_error(tmp_path)
