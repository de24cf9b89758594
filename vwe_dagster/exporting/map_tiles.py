"""The format ``valheim-map``: ``map.json`` and tiles in the layout of exports of valheim-map.world.

:mod:`vwe_dagster.extraction.foreign_tiles` describes the layout. ``map.json`` also has the metadata of the world; the
grid there is that of the world, not of the tiles. ``locations.json`` is not written, because its layout is unknown.

Other programs place samples at the south-west corners of cells, so a world of the native engine is sampled there.
Worlds of other engines are known only at the samples of their own grid, and these are written.
"""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.extraction.foreign_tiles import DOCUMENT, MAX_TILE_SAMPLES, SAMPLE, TILE_FOLDER, tile_name
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import Grid

MAX_TILES = 16
"""Maximum of tiles along a side; on a grid of 2048 cells each is 1536 m wide."""

_COMPRESSION = 4
_FLAGS = np.array([biome.flag for biome in Biome], np.uint16)


class _Strip(NamedTuple):
    """The planes of one column of tiles, each ``[z, x]``."""

    biome: npt.NDArray[np.uint8]
    height: npt.NDArray[np.float32]
    forest: npt.NDArray[np.float32]


def write(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write the tiles into the folder, then ``map.json``.

    Raises:
        ExportError: the grid cannot be divided into tiles.
    """
    size = source.grid.size
    tiles = max(count for count in range(1, MAX_TILES + 1) if size % count == 0)
    side = size // tiles
    if side > MAX_TILE_SAMPLES:
        raise ExportError(
            f"Tiles have at most {MAX_TILE_SAMPLES} samples a side, and {size} cells cannot be divided into "
            f"{MAX_TILES} such tiles or fewer; rebuild the world on another grid, for example with --size 2048 "
            f"--force."
        )
    folder = path / TILE_FOLDER
    folder.mkdir()
    with ThreadPoolExecutor(usable_cores()) as threads:
        for x in range(tiles):
            strip = _strip(source, slice(x * side, (x + 1) * side))
            written = [threads.submit(_write_tile, folder / tile_name(x, z), strip, z * side) for z in range(tiles)]
            for each in written:
                each.result()
    document = json.dumps(_document(source, tiles), indent=2)
    (path / DOCUMENT).write_text(document + "\n", encoding="utf-8")


def _strip(source: ExportSource, columns: slice) -> _Strip:
    if source.terrain is None:
        world = source.world
        return _Strip(world.biome[:, columns], world.height[:, columns], world.forest[:, columns])
    along = corner_grid(source.grid).coordinates()
    terrain = source.terrain.sample(along[columns], along)
    return _Strip(terrain.biome, terrain.height, terrain.forest)


def corner_grid(grid: Grid) -> Grid:
    """Return the grid of the same cells, sampled at their south-west corners."""
    return Grid(grid.size, grid.cell_m, (0 - grid.size / 2) * grid.cell_m)


def _write_tile(path: Path, strip: _Strip, first_row: int) -> None:
    side = strip.biome.shape[1]
    rows = slice(first_row, first_row + side)
    tile = np.empty((side, side), SAMPLE)  # [x, z]
    tile["biome"] = _FLAGS[strip.biome[rows].T]
    tile["height"] = strip.height[rows].T
    tile["forest"] = strip.forest[rows].T
    path.write_bytes(gzip.compress(tile.tobytes(), _COMPRESSION, mtime=0))


def _document(source: ExportSource, tiles: int) -> dict[str, object]:
    grid, seed = source.grid, source.seed
    width_m = grid.cell_m * grid.size
    version = source.game_version
    return {
        "WorldSeed": seed.number if seed.key.startswith("@") else seed.key,
        **({} if version is None else {"WorldVersion": version}),
        "TileRowCount": grid.size // tiles,
        "TileSize": _whole(width_m / tiles),
        "TileSideCount": tiles,
        "WorldWidth": _whole(width_m),
        **source.metadata,
    }


def _whole(meters: float) -> int | float:
    """Return a whole number as an integer, which typed readers of the format expect."""
    return int(meters) if meters.is_integer() else meters
