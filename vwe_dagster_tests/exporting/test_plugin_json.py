"""The JSON of the older plugin: it has the keys of a real export and every sample of the world."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.store import WorldStore
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.exporting.exports import GRID, check_places, write
from vwe_dagster_tests.worlds import SEED_TEXT, make_world, native_world, publish_imported

NAMES = {biome.flag: biome.game_name for biome in BIOMES}


@pytest.fixture(scope="module")
def folder(source: ExportSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("plugin") / "out", "plugin-json", source)


def documents(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    return json.loads((folder / "biomes.json").read_text()), json.loads((folder / "heightmap.json").read_text())


def test_independent_reader_agrees_with_the_engine(folder: Path) -> None:
    biomes, heights = documents(folder)

    def at(x: float, z: float) -> tuple[str, float]:
        step_m = heights["world_diameter"] / heights["resolution"]
        column, row = ((meters + heights["world_radius"]) / step_m for meters in (x, z))
        assert column.is_integer()
        assert row.is_integer()
        flag, height = biomes["biome_map"][int(column)][int(row)], heights["height_map"][int(column)][int(row)]
        return NAMES[flag], float(np.float32(height))

    check_places(at)


def test_export_covers_the_whole_world(folder: Path, source: ExportSource) -> None:
    read = read_foreign(folder).world
    assert read.grid.first_m <= -10500
    assert np.count_nonzero(read.height != -400) == np.count_nonzero(source.world.height != -400)
    margin = round((read.grid.first_m - GRID.first_m) / GRID.cell_m)
    part = slice(margin, margin + read.grid.size)
    np.testing.assert_array_equal(read.height, source.world.height[part, part])
    np.testing.assert_array_equal(read.biome, source.world.biome[part, part])


def test_statistics_names_and_metadata_are_right(folder: Path, source: ExportSource) -> None:
    biomes, heights = documents(folder)
    plane = np.array(heights["height_map"])
    assert heights["min_height"] == -400
    assert heights["max_height"] == pytest.approx(plane.max(), rel=1e-8)
    assert heights["avg_height"] == pytest.approx(plane.mean(), rel=1e-6)
    assert biomes["biome_names"] == {str(flag): name for flag, name in NAMES.items()}
    assert biomes["world"] == source.metadata


def test_it_has_the_structure_of_a_real_export(folder: Path, real_export: Path) -> None:
    for name, ours in zip(("biomes.json", "heightmap.json"), documents(folder), strict=True):
        theirs = json.loads(gzip.decompress((real_export / f"{name}.gz").read_bytes()))
        assert [key for key in ours if key != "world"] == list(theirs)
        for key, value in theirs.items():
            assert type(ours[key]) is type(value), key
        for key in ("biome_map", "height_map"):
            if key in theirs:
                assert {type(number) for line in ours[key] for number in line} == {type(theirs[key][0][0])}
        pattern = re.sub(r"\d", r"\\d", theirs["export_timestamp"])
        assert re.fullmatch(pattern, ours["export_timestamp"])
        if "biome_names" in theirs:
            assert list(ours["biome_names"]) == list(theirs["biome_names"])


def test_imported_export_survives_a_round_trip(tmp_path: Path) -> None:
    world = native_world(Grid(64, 312.5, -10000.0))
    source = publish_imported(WorldStore(tmp_path / "data"), SEED_TEXT, world)
    read = read_foreign(write(tmp_path / "out", "plugin-json", source)).world
    assert read.grid == world.grid
    np.testing.assert_array_equal(read.height, world.height)
    np.testing.assert_array_equal(read.biome, world.biome)


@pytest.mark.parametrize(
    ("first_m", "sentence"), [(None, "needs 64 samples a side or more"), (-3000.0, "symmetric about the center")]
)
def test_unsuitable_grid_is_rejected(tmp_path: Path, first_m: float | None, sentence: str) -> None:
    source = publish_imported(
        WorldStore(tmp_path / "data"), SEED_TEXT, make_world([[40.0] * 64] * 64, cell_m=384, first_m=first_m)
    )
    with pytest.raises(ExportError, match=sentence):
        write(tmp_path / "out", "plugin-json", source)
