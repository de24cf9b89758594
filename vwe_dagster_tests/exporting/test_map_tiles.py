"""The tiles of ``valheim-map``: read by a reader made from the text of the format, and by our own."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.facts import WorldFacts
from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.store import WorldStore
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import MAP_WIDTH_M, Grid
from vwe_dagster_tests.exporting.exports import check_places, write
from vwe_dagster_tests.worlds import SEED_NUMBER, SEED_TEXT, make_world, publish_imported, publish_world

NAMES = {biome.flag: biome.game_name for biome in BIOMES}


def test_an_independent_reader_finds_every_place(tmp_path: Path, facts: WorldFacts) -> None:
    folder = write(tmp_path / "out", "valheim-map", facts)
    told = json.loads((folder / "map.json").read_text())
    side, cell_m = told["TileSize"], told["TileSize"] / told["TileRowCount"]
    assert told["TileSideCount"] ** 2 + 1 == len(list(folder.iterdir()))

    def at(x: float, z: float) -> tuple[str, float]:
        east, north = x + told["WorldWidth"] / 2, z + told["WorldWidth"] / 2
        tile = gzip.decompress((folder / f"{int(east // side):02}-{int(north // side):02}.bin.gz").read_bytes())
        column, row = int(east % side // cell_m), int(north % side // cell_m)
        flag, height, _forest = struct.unpack_from("<Hff", tile, 10 * (column * told["TileRowCount"] + row))
        return NAMES[flag], height

    check_places(at)


def test_our_reader_gives_the_same_world(tmp_path: Path, facts: WorldFacts) -> None:
    read = read_foreign(write(tmp_path / "out", "valheim-map", facts))
    assert (read.seed_text, read.seed_number) == (SEED_TEXT, SEED_NUMBER)
    assert read.world.grid == facts.grid
    for plane in ("biome", "height", "forest"):
        assert getattr(read.world, plane).tobytes() == getattr(facts.world, plane).tobytes()


def test_the_document_tells_the_world(tmp_path: Path, facts: WorldFacts) -> None:
    told = json.loads((write(tmp_path / "out", "valheim-map", facts) / "map.json").read_text())
    assert told["WorldSeed"] == SEED_TEXT
    assert told["WorldWidth"] == MAP_WIDTH_M
    assert {key: told[key] for key in facts.metadata} == facts.metadata


def test_an_integer_seed_is_told_as_one(tmp_path: Path) -> None:
    facts = publish_world(WorldStore(tmp_path / "data"), "@-5", Grid.of_world(67))
    folder = write(tmp_path / "out", "valheim-map", facts)
    assert json.loads((folder / "map.json").read_text())["WorldSeed"] == -5
    assert read_foreign(folder).world.grid.size == 67


def test_cells_that_no_tiles_can_share_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vwe_dagster.exporting.map_tiles.MOST_TILE_SAMPLES", 64)
    facts = publish_imported(WorldStore(tmp_path / "data"), SEED_TEXT, make_world([[40.0] * 67] * 67))
    with pytest.raises(ExportError, match="67 cells cannot be shared out"):
        write(tmp_path / "out", "valheim-map", facts)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
