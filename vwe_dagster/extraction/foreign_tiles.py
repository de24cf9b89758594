"""The tiles of a valheim-map.world export: ``map.json`` and ``{x:02}-{z:02}.bin.gz``, numbered from the south-west.

A tile is a gzip file of packed little-endian samples ``{u16 biome flag, f32 height, f32 forest factor}``, x outer and
west to east, z inner and south to north. ``map.json`` states ``WorldSeed``, ``WorldVersion`` and the measures of the
tiles, for which there is no published definition. They are read so:

- ``WorldWidth`` is the side of the square the tiles cover, in metres, centred on the centre of the world.
- ``TileRowCount`` and ``TileSideCount`` are the tiles along that side and the samples along the side of a tile. Which
  is which is seen from the tiles that are there.
- ``TileSize`` is the side of a tile, in samples or in metres.

Whether samples lie at the corners (south-west) or in the centres of their cells is not stated either. The forest factor
tells: it is the same in every world, so that only the right placement gives the factors in the tiles. That also
proves the width and the order of the axes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.extraction.engine_export import biome_indices
from vwe_dagster.extraction.foreign_source import Document, ForeignExport, SourceFolder
from vwe_dagster.extraction.validate import ExtractionError, check_cells, validate
from vwe_dagster.seeds.seed import MAX_NUMBER, MIN_NUMBER, seed_number
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, MAX_SIZE, MIN_SIZE, Grid
from vwe_dagster.worldgen import forest_plane

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = "map.json"
"""The file that states the seed and the measures."""

SAMPLE = np.dtype([("biome", "<u2"), ("height", "<f4"), ("forest", "<f4")])
"""One sample of a tile: 10 bytes, packed."""

MOST_TILE_SAMPLES = 2048
"""Samples along the side of one tile."""

_MOST_DOCUMENT_BYTES = 2**20
_MOST_WIDTH_M = 2 * MAP_WIDTH_M
_TILE_NAME = re.compile(r"([0-9]{2})-([0-9]{2})\.bin\.gz")
_FOREST_TOLERANCE = 1e-4  # a coordinate rounded otherwise moves the factor by 2e-5, half a cell by 1e-2


class _Tiling(NamedTuple):
    tiles: int
    samples: int
    width_m: float

    @property
    def size(self) -> int:
        return self.tiles * self.samples


def read_map_tiles(folder: Path) -> ForeignExport:
    """Reads an export in tiles; the forest factor is the one in the tiles.

    Raises:
        ExtractionError: a file is missing, damaged or not of this format, files disagree, or the world is not valid.
    """
    source = SourceFolder(folder)
    document = source.read_document(DOCUMENT, _MOST_DOCUMENT_BYTES)
    seed_text, number = _seed(document)
    version = document.whole_number("WorldVersion", 0, MAX_NUMBER)
    tiling = _tiling(document)
    samples = _samples(source, tiling)
    forest = samples["forest"].astype(np.float32)
    grid = _placed(document, tiling, forest)
    world = CanonicalWorld(
        grid=grid,
        biome=biome_indices(samples["biome"], grid),
        height=samples["height"].astype(np.float32),
        forest=forest,
    )
    validate(world)
    return ForeignExport(
        world=world,
        kind="map_tiles",
        seed_text=seed_text,
        seed_number=number,
        world_version=version,
        sha256=source.sha256,
    )


def _seed(document: Document) -> tuple[str | None, int]:
    seed = document.fields.get("WorldSeed")
    if isinstance(seed, str):
        return seed, seed_number(seed)
    if isinstance(seed, int) and not isinstance(seed, bool) and MIN_NUMBER <= seed <= MAX_NUMBER:
        return None, seed
    raise document.wrong("WorldSeed", f"a seed text, or a whole number from {MIN_NUMBER} to {MAX_NUMBER}")


def _tiling(document: Document) -> _Tiling:
    counts = [document.whole_number(key, 1, MOST_TILE_SAMPLES) for key in ("TileRowCount", "TileSideCount")]
    width_m = document.metres("WorldWidth", _MOST_WIDTH_M)
    tile_side = document.metres("TileSize", _MOST_WIDTH_M)
    folder = document.path.parent
    tiles = _tiles_along_side(folder)
    if tiles not in counts:
        raise ExtractionError(
            f"{folder} has tiles for {tiles} along a side, but {DOCUMENT} states {counts[0]} and {counts[1]} as "
            f"TileRowCount and TileSideCount. Add the missing tiles, or remove those of another export."
        )
    counts.remove(tiles)
    tiling = _Tiling(tiles, counts[0], width_m)
    if not MIN_SIZE <= tiling.size <= MAX_SIZE:
        raise ExtractionError(
            f"{document.path}: {tiles} tiles of {tiling.samples} samples make {tiling.size} along a side, but worlds "
            f"of {MIN_SIZE} to {MAX_SIZE} can be read. Export at such a size."
        )
    if not np.isclose(tile_side, [tiling.samples, width_m / tiles]).any():
        raise document.wrong("TileSize", f"{tiling.samples} samples or {width_m / tiles:g} m, as the rest of it says")
    return tiling


def _tiles_along_side(folder: Path) -> int:
    """One more than the highest number in the names of the tiles, all of which must be there."""
    names = {path.name for path in folder.iterdir()}
    matches = [match for match in map(_TILE_NAME.fullmatch, names) if match]
    if not matches:
        raise ExtractionError(f"{folder} has no tiles like 00-00.bin.gz. Add them, or make the export again.")
    tiles = 1 + max(int(number) for match in matches for number in match.groups())
    missing = sorted({_tile_name(x, z) for x in range(tiles) for z in range(tiles)} - names)
    if missing:
        raise ExtractionError(
            f"{folder} lacks {len(missing)} of its {tiles} x {tiles} tiles: {', '.join(missing[:5])}"
            f"{' and others' if missing[5:] else ''}. Add them, or make the export again."
        )
    return tiles


def _tile_name(x: int, z: int) -> str:
    return f"{x:02}-{z:02}.bin.gz"


def _samples(source: SourceFolder, tiling: _Tiling) -> npt.NDArray[np.void]:
    """All samples of all tiles, :data:`SAMPLE` ``[z, x]``."""
    side = tiling.samples
    tile_bytes = side * side * SAMPLE.itemsize
    world = np.empty((tiling.size, tiling.size), SAMPLE)
    for x in range(tiling.tiles):
        for z in range(tiling.tiles):
            name = _tile_name(x, z)
            content = source.read(name, tile_bytes)
            if len(content) != tile_bytes:
                raise ExtractionError(
                    f"{source.path / name} holds {len(content)} bytes, but a tile of {side} x {side} samples holds "
                    f"{tile_bytes}. Make the export again."
                )
            tile = np.frombuffer(content, SAMPLE).reshape(side, side)
            world[z * side : (z + 1) * side, x * side : (x + 1) * side] = tile.T
    return world


def _placed(document: Document, tiling: _Tiling, forest: npt.NDArray[np.float32]) -> Grid:
    """The grid, cell centres or cell corners, on which the forest factor is what the tiles say."""
    cell_m = tiling.width_m / tiling.size
    corner_m = (0 - tiling.size / 2) * cell_m
    grids = [Grid(tiling.size, cell_m, first_m) for first_m in (corner_m + cell_m / 2, corner_m)]
    wrong = [~(np.abs(forest - forest_plane(grid)) <= _FOREST_TOLERANCE) for grid in grids]
    grid, differs = min(zip(grids, wrong, strict=True), key=lambda placement: np.count_nonzero(placement[1]))
    if np.count_nonzero(differs) > differs.size / 2:
        raise ExtractionError(
            f"The forest factors in {document.path.parent} are not those of the game anywhere, whether sampled at the "
            f"corners or in the centres of {tiling.size} x {tiling.size} cells over a WorldWidth of "
            f"{tiling.width_m:g} m. Check WorldWidth, and make the export again without mods that change the terrain."
        )
    check_cells("forest", forest, differs, grid, "is not the game's forest factor there")
    return grid
