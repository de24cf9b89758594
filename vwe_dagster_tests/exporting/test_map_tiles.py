"""The tiles of ``valheim-map``, read by a reader written from the format's description and by the project's own."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.formats import FORMATS
from vwe_dagster.exporting.output import check_output_path
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import Recipe, WorldStore
from vwe_dagster.store.stages import write_extracted
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, Grid
from vwe_dagster_tests.exporting.exports import check_places, write
from vwe_dagster_tests.worlds import SEED_NUMBER, SEED_TEXT, make_world, native_world, publish_imported, publish_world

CORNERS = Grid(128, 192.0, -12288.0)
"""The cells of the exported world, sampled at their south-west corners."""

NAMES = {biome.flag: biome.game_name for biome in BIOMES}


def check_planes(found: CanonicalWorld, expected: CanonicalWorld) -> None:
    for plane in ("biome", "height", "forest"):
        assert getattr(found, plane).tobytes() == getattr(expected, plane).tobytes()


def test_independent_reader_agrees_with_the_engine(tmp_path: Path, source: ExportSource) -> None:
    folder = write(tmp_path / "out", "valheim-map", source)
    assert {path.name for path in folder.iterdir()} == {"map.json", "tiles"}
    document = json.loads((folder / "map.json").read_text())
    side, cell_m = document["TileSize"], document["TileSize"] / document["TileRowCount"]
    assert document["TileSideCount"] ** 2 == len(list((folder / "tiles").iterdir()))
    assert document["TileSideCount"] * side == document["WorldWidth"]

    def at(x: float, z: float) -> tuple[str, float]:
        # Samples are at the south-west corners of cells.
        east, north = x + document["WorldWidth"] / 2, z + document["WorldWidth"] / 2
        assert east % cell_m == north % cell_m == 0
        path = folder / "tiles" / f"{int(east // side):02}-{int(north // side):02}.bin.gz"
        tile = gzip.decompress(path.read_bytes())
        column, row = int(east % side // cell_m), int(north % side // cell_m)
        flag, height, _forest = struct.unpack_from("<Hff", tile, 10 * (column * document["TileRowCount"] + row))
        return NAMES[flag], height

    check_places(at, CORNERS)


def test_import_of_the_export_returns_the_same_world(tmp_path: Path, source: ExportSource) -> None:
    read = read_foreign(write(tmp_path / "out", "valheim-map", source))
    assert (read.seed_text, read.seed_number, read.world_version) == (SEED_TEXT, SEED_NUMBER, "1.0.16")
    assert read.world.grid == CORNERS
    check_planes(read.world, native_world(CORNERS))


def test_imported_world_survives_a_round_trip_bit_for_bit(tmp_path: Path, source: ExportSource) -> None:
    imported = publish_imported(WorldStore(tmp_path / "data"), SEED_TEXT, source.world)
    read = read_foreign(write(tmp_path / "out", "valheim-map", imported))
    assert read.world_version is None
    assert read.world.grid == source.grid
    check_planes(read.world, source.world)


def test_game_version_of_an_imported_world_is_written(tmp_path: Path) -> None:
    store, world = WorldStore(tmp_path / "data"), native_world(Grid.of_world(64))
    seed = parse_seed(SEED_TEXT)
    recipe = Recipe({"foreign_export": "map_tiles"}, "1", {"kind": "map_tiles", "world_version": "0.221.4"}, world.grid)
    with store.publish(seed, "extracted", recipe) as draft:
        write_extracted(draft, world, {})
    folder = write(tmp_path / "out", "valheim-map", ExportSource(store, seed))
    assert json.loads((folder / "map.json").read_text())["WorldVersion"] == "0.221.4"


@pytest.mark.parametrize("names", [("map.json", "00-00.bin.gz"), ("map.json", "tiles/00-00.bin.gz")])
def test_exports_of_both_layouts_can_be_replaced(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"earlier")
    check_output_path(tmp_path, FORMATS["valheim-map"], force=True)


def test_document_describes_the_world(tmp_path: Path, source: ExportSource) -> None:
    document = json.loads((write(tmp_path / "out", "valheim-map", source) / "map.json").read_text())
    assert (document["WorldSeed"], document["WorldVersion"]) == (SEED_TEXT, "1.0.16")
    assert document["WorldWidth"] == MAP_WIDTH_M
    for key in ("TileRowCount", "TileSideCount", "TileSize", "WorldWidth"):
        assert isinstance(document[key], int)
    assert {key: document[key] for key in source.metadata} == source.metadata


def test_integer_seed_is_written_as_a_number(tmp_path: Path) -> None:
    source = publish_world(WorldStore(tmp_path / "data"), "@-5", Grid.of_world(67))
    folder = write(tmp_path / "out", "valheim-map", source)
    assert json.loads((folder / "map.json").read_text())["WorldSeed"] == -5
    assert read_foreign(folder).world.grid.size == 67


def test_grid_that_cannot_be_divided_into_tiles_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vwe_dagster.exporting.map_tiles.MAX_TILE_SAMPLES", 64)
    source = publish_imported(WorldStore(tmp_path / "data"), SEED_TEXT, make_world([[40.0] * 67] * 67))
    with pytest.raises(ExportError, match="67 cells cannot be divided"):
        write(tmp_path / "out", "valheim-map", source)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
