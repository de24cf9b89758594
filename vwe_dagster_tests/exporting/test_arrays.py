"""The formats for the user's own programs: Zarr, NumPy and CSV."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.store import WorldStore
from vwe_dagster.world.biomes import Biome
from vwe_dagster_tests.exporting.exports import GRID, check_places, write
from vwe_dagster_tests.worlds import SEED_TEXT, make_world, publish_imported

PLANES = {"biome": "uint8", "height": "float32", "forest": "float32", "lava": "float32"}


@pytest.fixture(scope="module")
def group_folder(source: ExportSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("zarr") / "world.zarr", "zarr", source)


def test_zarr_group_agrees_with_the_engine(group_folder: Path) -> None:
    group = zarr.open_group(str(group_folder), mode="r", zarr_format=3)
    x, z, biome, height = (np.asarray(group[name]) for name in ("x", "z", "biome", "height"))

    def at(east: float, north: float) -> tuple[str, float]:
        cell = list(z).index(north), list(x).index(east)
        return Biome(int(biome[cell])).game_name, float(height[cell])

    check_places(at)


def test_zarr_group_has_names_units_and_flags(group_folder: Path, source: ExportSource) -> None:
    document = json.loads((group_folder / "zarr.json").read_text())
    assert document["zarr_format"] == 3
    assert {key: document["attributes"][key] for key in source.metadata} == source.metadata
    for name, dtype in (PLANES | {"x": "float32", "z": "float32"}).items():
        array = json.loads((group_folder / name / "zarr.json").read_text())
        assert array["data_type"] == dtype
        assert array["dimension_names"] == (["z", "x"] if name in PLANES else [name])
        assert name == "biome" or array["attributes"]["units"]
    flags = json.loads((group_folder / "biome" / "zarr.json").read_text())["attributes"]
    meanings = dict(zip(flags["flag_values"], flags["flag_meanings"].split(), strict=True))
    assert meanings == {biome.value: biome.game_name for biome in Biome if biome}


def test_zarr_group_has_the_planes_bit_for_bit(group_folder: Path, source: ExportSource) -> None:
    group = zarr.open_group(str(group_folder), mode="r")
    for name in PLANES:
        np.testing.assert_array_equal(np.asarray(group[name]), getattr(source.world, name))


def test_npz_loads_without_pickle(tmp_path: Path, source: ExportSource) -> None:
    path = write(tmp_path / "world.npz", "numpy", source)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(f"{n}.npy" for n in (*PLANES, "x", "z", "metadata"))
    with np.load(path, allow_pickle=False) as bundle:
        assert json.loads(str(bundle["metadata"])) == source.metadata
        x, z, biome, height = (bundle[name] for name in ("x", "z", "biome", "height"))
        for name, dtype in PLANES.items():
            assert bundle[name].dtype == dtype
            np.testing.assert_array_equal(bundle[name], getattr(source.world, name))

    def at(east: float, north: float) -> tuple[str, float]:
        cell = list(z).index(north), list(x).index(east)
        return Biome(int(biome[cell])).game_name, float(height[cell])

    check_places(at)


def test_unknown_metadata_is_left_out(tmp_path: Path) -> None:
    source = publish_imported(WorldStore(tmp_path / "data"), SEED_TEXT, make_world([[40.0] * 64] * 64))
    with np.load(write(tmp_path / "world.npz", "numpy", source)) as bundle:
        assert "lava" not in bundle
        assert json.loads(str(bundle["metadata"]))["world_gen_version"] is None
    assert not (write(tmp_path / "world.zarr", "zarr", source) / "lava").exists()


def test_csv_agrees_with_the_engine_and_has_no_void(tmp_path: Path, source: ExportSource) -> None:
    path = write(tmp_path / "world.csv.gz", "csv", source)
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["x", "z", "biome", "height"]
    points = {(float(x), float(z)): (biome, float(np.float32(height))) for x, z, biome, height in rows}
    check_places(lambda x, z: points[x, z])
    assert len(points) == len(rows) == np.count_nonzero(source.world.height != -400)
    assert max(np.hypot(*point) for point in points) <= 10500


def test_csv_restores_every_height_exactly(tmp_path: Path, source: ExportSource) -> None:
    table = pd.read_csv(write(tmp_path / "world.csv", "csv", source), dtype={"height": "float32"})
    inside = source.world.height != -400
    np.testing.assert_array_equal(table["height"], source.world.height[inside])
    assert table["biome"].tolist() == [Biome(int(index)).game_name for index in source.world.biome[inside]]


def test_stride_skips_rows_and_columns(tmp_path: Path, source: ExportSource) -> None:
    table = pd.read_csv(write(tmp_path / "world.csv", "csv", source, stride=4))
    kept = GRID.coordinates()[::4]
    assert set(table["x"]) <= set(kept)
    assert set(table["z"]) <= set(kept)
    assert len(table) == np.count_nonzero(source.world.height[::4, ::4] != -400)


@pytest.mark.parametrize(
    ("stride", "sentence"), [(0, "from 1 to 128"), (129, "from 1 to 128"), (128, "leaves no sample")]
)
def test_invalid_stride_is_rejected(tmp_path: Path, source: ExportSource, stride: int, sentence: str) -> None:
    with pytest.raises(ExportError, match=sentence):
        write(tmp_path / "world.csv", "csv", source, stride=stride)
    assert list(tmp_path.iterdir()) == []
