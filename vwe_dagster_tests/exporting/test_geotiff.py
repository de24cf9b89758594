"""GeoTIFFs: coordinates as read by GIS programs, and pixels as decoded by another reader."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.world.biomes import Biome
from vwe_dagster_tests.exporting.exports import check_places, write


@pytest.fixture(scope="module")
def folder(source: ExportSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("geotiff") / "out", "geotiff", source)


def test_every_place_agrees_with_the_engine(folder: Path) -> None:
    with rasterio.open(folder / "height.tif") as height, rasterio.open(folder / "biome.tif") as biome:

        def at(x: float, z: float) -> tuple[str, float]:
            ((meters,),), ((index,),) = height.sample([(x, z)]), biome.sample([(x, z)])
            return biome.tags(1)[f"biome_{index}"], float(meters)

        check_places(at)


def test_full_disk_raises_an_error(folder: Path, source: ExportSource, tmp_path: Path) -> None:
    enough, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * (folder / "height.tif").stat().st_size // 4, most))
    try:
        with pytest.raises(ExportError, match="cannot be written"):
            write(tmp_path / "out", "geotiff", source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (enough, most))
    assert list(tmp_path.iterdir()) == []


def test_coordinate_system_is_local_and_in_meters(folder: Path, source: ExportSource) -> None:
    for name in ("height", "biome"):
        with rasterio.open(folder / f"{name}.tif") as dataset:
            system = dataset.crs.to_wkt()
            assert system.startswith('LOCAL_CS["Valheim world"')
            assert '"metre",1' in system
            assert tuple(dataset.bounds) == (-12288, -12288, 12288, 12288)
            assert dataset.transform.e < 0, "north is up"
            assert dataset.descriptions == (name,)
            tags = dataset.tags()
            assert {key: tags[key] for key in source.metadata} == {k: str(v) for k, v in source.metadata.items()}


def test_another_decoder_reads_the_same_pixels_and_colors(folder: Path, source: ExportSource) -> None:
    void = source.world.height == -400
    with Image.open(folder / "height.tif") as picture:
        np.testing.assert_array_equal(np.asarray(picture)[::-1], source.world.height)
    with Image.open(folder / "biome.tif") as picture:
        assert picture.mode == "P"
        indices = np.asarray(picture)[::-1]
        palette = picture.getpalette()
    np.testing.assert_array_equal(indices, np.where(void, 0, source.world.biome))
    assert palette is not None
    assert len({tuple(palette[3 * biome : 3 * biome + 3]) for biome in Biome}) == len(Biome)


def test_void_has_the_no_data_value(folder: Path, source: ExportSource) -> None:
    inside = np.hypot(*np.meshgrid(source.grid.coordinates(), source.grid.coordinates())) <= 10500
    for name in ("height", "biome"):
        with rasterio.open(folder / f"{name}.tif") as dataset:
            np.testing.assert_array_equal(dataset.read_masks(1)[::-1] > 0, inside)


def test_large_worlds_have_overviews(tmp_path: Path, source: ExportSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vwe_dagster.exporting.geotiff.BLOCK", 64)
    with rasterio.open(write(tmp_path / "out", "geotiff", source) / "height.tif") as dataset:
        assert dataset.overviews(1) == [2]
        structure = dataset.tags(ns="IMAGE_STRUCTURE")
    assert (structure["LAYOUT"], structure["COMPRESSION"], structure["PREDICTOR"]) == ("COG", "DEFLATE", "3")
