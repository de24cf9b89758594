"""The format ``geotiff``: ``height.tif`` and ``biome.tif``, cloud-optimized GeoTIFFs in a local system of meters.

There are two files because all bands of a GeoTIFF have one type. The coordinate system is an engineering one, without a
place on Earth: x east and z north of the center of the world. Pictures are north-up, and the center of a pixel is the
sampled point. The void beyond the edge of the world has the no-data value: -400 in heights, 0 among biomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio.crs import CRS
from rasterio.io import MemoryFile

from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.exporting.void import inside
from vwe_dagster.rendering.palette import BIOME_COLORS, Rgb
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.grid import VOID_M

LOCAL_SYSTEM = 'LOCAL_CS["Valheim world",UNIT["metre",1],AXIS["x",EAST],AXIS["z",NORTH]]'
"""The coordinate system as well-known text. A GeoTIFF keeps its name, unit and directions, but not the axes' names."""

BLOCK = 256
"""Pixels along the side of a block; larger pictures have overviews."""


def write(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write the two files into the folder, each with overviews and lossless compression."""
    world = source.world
    height = np.ascontiguousarray(world.height[::-1])
    biome = np.where(inside(world), world.biome, np.uint8(Biome.NONE))[::-1]
    _write(path / "height.tif", height, source, nodata=VOID_M, overviews="average", unit="metre")
    _write(path / "biome.tif", biome, source, nodata=Biome.NONE, overviews="mode", colors=BIOME_COLORS)


def _write(
    path: Path,
    plane: npt.NDArray[np.float32 | np.uint8],
    source: ExportSource,
    *,
    nodata: float,
    overviews: str,
    unit: str | None = None,
    colors: Mapping[Biome, Rgb] | None = None,
) -> None:
    """Write one band, ``[row from the north, column from the west]``."""
    grid = source.grid
    west_m = grid.first_m - grid.cell_m / 2
    north_m = grid.first_m + (grid.size - 0.5) * grid.cell_m
    profile = {
        "driver": "GTiff",
        "width": grid.size,
        "height": grid.size,
        "count": 1,
        "dtype": plane.dtype.name,
        "crs": CRS.from_wkt(LOCAL_SYSTEM),
        "transform": rasterio.Affine(grid.cell_m, 0, west_m, 0, -grid.cell_m, north_m),
        "nodata": nodata,
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(plane, 1)
            dataset.set_band_description(1, path.stem)
            dataset.update_tags(**{key: value for key, value in source.metadata.items() if value is not None})
            if unit is not None:
                dataset.units = (unit,)
            if colors is not None:
                dataset.write_colormap(1, {int(biome): (*color, 255) for biome, color in colors.items()})
                dataset.update_tags(1, **{f"biome_{biome.value}": biome.game_name for biome in BIOMES})
        with memory.open() as dataset, MemoryFile() as tiff:
            rasterio.shutil.copy(
                dataset,
                tiff.name,
                driver="COG",
                compress="DEFLATE",
                predictor="YES",
                blocksize=BLOCK,
                overview_resampling=overviews,
                num_threads="ALL_CPUS",
            )
            # GDAL leaves half a file without an error if the disk is full, so Python writes it.
            path.write_bytes(tiff.read())
