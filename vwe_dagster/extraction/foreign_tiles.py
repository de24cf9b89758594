"""Read a valheim-map.world export: ``map.json`` and the tiles ``tiles/{x:02}-{z:02}.bin.gz`` from the south-west.

A tile is a gzip file of packed little-endian samples ``{u16 biome flag, f32 height, f32 forest factor}``, x outer and
west to east, z inner and south to north. ``map.json`` has these keys:

- ``WorldSeed`` is the seed text; an integer in exports of this project for seeds given as one.
- ``WorldVersion`` is a text such as ``0.221.4``, or missing; an integer in former exports of this project.
- ``TileRowCount`` is the number of samples along the side of a tile, ``TileSideCount`` the number of tiles along the
  side of the map. The tile files decide which is which, so exports with the two exchanged are read too.
- ``TileSize`` is the side of a tile in meters; exports that state it in samples are read too.
- ``WorldWidth`` is the side of the map in meters; the map is centered on the origin.

Former exports of this project have their tiles beside ``map.json``.

Samples are at the south-west corners of cells in files of valheim-map.world, and at cell centers in former exports of
this project. The forest factor is the same in every world, so it shows which placement is right, and verifies the width
and the order of the axes.

An export of more than 8192 samples a side (valheim-map.world writes 16 tiles of 1024, which is 16384) is thinned: one
sample of every ``step`` along each axis is kept, the one with index ``step // 2`` of its group, counted from the
south-west. Of 16384 corner samples over 24576 m these are the odd ones, which are the cell centers of
``Grid.of_world(8192)``. Tiles are read one at a time, so an export is never in memory as a whole.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.extraction.engine_export import biome_indices
from vwe_dagster.extraction.foreign_source import Document, ForeignExport, SourceFolder
from vwe_dagster.extraction.validate import ExtractionError, check_cells, validate
from vwe_dagster.seeds.seed import MAX_NUMBER, MIN_NUMBER, seed_number
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, MAX_SIZE, MIN_SIZE, Grid
from vwe_dagster.worldgen.points import forest_plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT = "map.json"
"""The file that has the seed and the dimensions."""

TILE_FOLDER = "tiles"
"""The folder of the tiles, beside the document."""

SAMPLE = np.dtype([("biome", "<u2"), ("height", "<f4"), ("forest", "<f4")])
"""One sample of a tile: 10 bytes, packed."""

MAX_TILE_SAMPLES = 2048
"""Maximum of samples along the side of one tile."""

_MAX_DOCUMENT_BYTES = 2**20
_MAX_DOCUMENT_VALUES = 100_000
_MAX_WIDTH_M = 2 * MAP_WIDTH_M
_TILE_NAME = re.compile(r"([0-9]{2})-([0-9]{2})\.bin\.gz")
_FOREST_TOLERANCE = 1e-4  # a coordinate rounded differently moves the factor by 2e-5, half a cell by 1e-2
_PROBED_ROWS = 64  # these rows of a plane decide its placement, which is then checked in all rows
_ROWS_PER_BLOCK = 256
_MAX_VERSION_LENGTH = 64


class _Tiling(NamedTuple):
    """The division of an export into tiles.

    Attributes:
        folder: the name of the tiles' folder within the export; empty if they are beside the document.
        tiles: tiles along a side of the map.
        samples: samples along a side of a tile.
        step: keep one of this many samples along each axis.
        width_m: side of the map.
    """

    folder: str
    tiles: int
    samples: int
    step: int
    width_m: float

    @property
    def kept(self) -> int:
        """Kept samples along a side of a tile."""
        return self.samples // self.step

    @property
    def size(self) -> int:
        """Kept samples along a side of the map."""
        return self.tiles * self.kept


class _Planes(NamedTuple):
    """The planes of the kept samples, each ``[z, x]``."""

    flags: npt.NDArray[np.uint16]
    height: npt.NDArray[np.float32]
    forest: npt.NDArray[np.float32]


def read_map_tiles(folder: Path) -> ForeignExport:
    """Read an export in tiles; the forest factor is the one in the tiles.

    Raises:
        ExtractionError: a file is missing, damaged or of another format, files disagree, or the world is invalid.
    """
    source = SourceFolder(folder)
    document = source.read_document(DOCUMENT, _MAX_DOCUMENT_BYTES, _MAX_DOCUMENT_VALUES)
    seed_text, number = _seed(document)
    version = _version(document)
    tiling = _tiling(document)
    planes = _planes(source, tiling)
    grid = _placed(document, tiling, planes.forest)
    world = CanonicalWorld(
        grid=grid, biome=biome_indices(planes.flags, grid), height=planes.height, forest=planes.forest
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
    raise document.invalid_field("WorldSeed", f"a seed text, or a whole number from {MIN_NUMBER} to {MAX_NUMBER}")


def _version(document: Document) -> str | int | None:
    version = document.fields.get("WorldVersion")
    if version is None:
        return None
    if isinstance(version, str) and version.isprintable() and len(version) <= _MAX_VERSION_LENGTH:
        return version
    if isinstance(version, int) and not isinstance(version, bool) and 0 <= version <= MAX_NUMBER:
        return version
    raise document.invalid_field(
        "WorldVersion", f"a text of at most {_MAX_VERSION_LENGTH} characters, or a whole number from 0 to {MAX_NUMBER}"
    )


def _tiling(document: Document) -> _Tiling:
    counts = [document.whole_number(key, 1, MAX_TILE_SAMPLES) for key in ("TileRowCount", "TileSideCount")]
    width_m = document.meters("WorldWidth", _MAX_WIDTH_M)
    tile_side = document.meters("TileSize", _MAX_WIDTH_M)
    name = _tile_folder(document.path.parent)
    folder = document.path.parent / name
    tiles = _tiles_along_side(folder)
    if tiles not in counts:
        raise ExtractionError(
            f"{folder} has tiles for {tiles} along a side, but {DOCUMENT} states {counts[0]} and {counts[1]} as "
            f"TileRowCount and TileSideCount. Add the missing tiles, or remove those of another export."
        )
    counts.remove(tiles)
    (samples,) = counts
    tiling = _Tiling(name, tiles, samples, _step(tiles, samples), width_m)
    if not MIN_SIZE <= tiling.size <= MAX_SIZE:
        raise ExtractionError(
            f"{document.path}: {tiles} tiles of {samples} samples are {tiling.size} along a side, but the limits are "
            f"{MIN_SIZE} and {MAX_SIZE}. Export the world at a size between these."
        )
    if not np.isclose(tile_side, [samples, width_m / tiles]).any():
        expected = f"{samples} samples or {width_m / tiles:g} m, to match the other fields"
        raise document.invalid_field("TileSize", expected)
    return tiling


def _step(tiles: int, samples: int) -> int:
    """Return the smallest divisor of a tile's samples that thins the map to at most :data:`MAX_SIZE` a side."""
    return next(step for step in range(1, samples + 1) if samples % step == 0 and (samples // step) * tiles <= MAX_SIZE)


def _tile_folder(folder: Path) -> str:
    """Return the name of the folder that has the tiles; empty if they are beside the document."""
    within = folder / TILE_FOLDER
    if not (within.is_dir() and _tile_names(within)):
        return ""
    if _tile_names(folder):
        raise ExtractionError(
            f"{folder} has tiles beside {DOCUMENT} and in {TILE_FOLDER}. Keep only those of this export."
        )
    return TILE_FOLDER


def _tile_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if _TILE_NAME.fullmatch(path.name)}


def _tiles_along_side(folder: Path) -> int:
    """Return one more than the highest number in the names of the tiles.

    Raises:
        ExtractionError: the folder has no tiles, or some are missing.
    """
    names = _tile_names(folder)
    if not names:
        raise ExtractionError(f"{folder} has no tiles like 00-00.bin.gz. Add them, or export the world again.")
    tiles = 1 + max(int(number) for name in names for number in _TILE_NAME.findall(name)[0])
    missing = sorted({tile_name(x, z) for x in range(tiles) for z in range(tiles)} - names)
    if missing:
        raise ExtractionError(
            f"{folder} lacks {len(missing)} of its {tiles} x {tiles} tiles: {', '.join(missing[:5])}"
            f"{' and others' if missing[5:] else ''}. Add them, or export the world again."
        )
    return tiles


def tile_name(x: int, z: int) -> str:
    """Return the name of the file of a tile, counted from the south-west."""
    return f"{x:02}-{z:02}.bin.gz"


def _planes(source: SourceFolder, tiling: _Tiling) -> _Planes:
    """Read all tiles, one at a time, and keep the samples that the step selects."""
    shape = (tiling.size, tiling.size)
    planes = _Planes(np.empty(shape, np.uint16), np.empty(shape, np.float32), np.empty(shape, np.float32))
    side, kept = tiling.samples, tiling.kept
    selected = slice(tiling.step // 2, None, tiling.step)
    for x in range(tiling.tiles):
        for z in range(tiling.tiles):
            samples = _tile(source, str(PurePosixPath(tiling.folder, tile_name(x, z))), side)
            tile = samples[selected, selected].T
            place = np.s_[z * kept : (z + 1) * kept, x * kept : (x + 1) * kept]
            planes.flags[place] = tile["biome"]
            planes.height[place] = tile["height"]
            planes.forest[place] = tile["forest"]
    return planes


def _tile(source: SourceFolder, name: str, side: int) -> npt.NDArray[np.void]:
    """Return the samples of a tile, :data:`SAMPLE` ``[x, z]``."""
    tile_bytes = side * side * SAMPLE.itemsize
    content = source.read(name, tile_bytes)
    if len(content) != tile_bytes:
        raise ExtractionError(
            f"{source.path / name} holds {len(content)} bytes, but a tile of {side} x {side} samples holds "
            f"{tile_bytes}. Export the world again."
        )
    return np.frombuffer(content, SAMPLE).reshape(side, side)


def _placed(document: Document, tiling: _Tiling, forest: npt.NDArray[np.float32]) -> Grid:
    """Return the grid, from cell centers or cell corners, whose forest factor matches that of the tiles."""
    size = tiling.size
    cell_m = tiling.width_m / size
    source_cell_m = cell_m / tiling.step
    corner_m = (0 - size / 2) * cell_m + tiling.step // 2 * source_cell_m
    grids = [Grid(size, cell_m, first_m) for first_m in (corner_m + source_cell_m / 2, corner_m)]
    probed = slice(None, None, max(1, size // _PROBED_ROWS))
    wrong = [np.count_nonzero(_differs(forest, grid, probed)) for grid in grids]
    grid = grids[int(np.argmin(wrong))]
    if min(wrong) > forest[probed].size / 2:
        raise ExtractionError(
            f"The forest factors in {document.path.parent} match those of the game neither at the corners nor at the "
            f"centers of {tiling.tiles * tiling.samples} x {tiling.tiles * tiling.samples} cells over a WorldWidth of "
            f"{tiling.width_m:g} m. Check WorldWidth, and export the world again without mods that change the terrain."
        )
    differs = np.empty(forest.shape, np.bool_)
    for rows in _bands(size):
        differs[rows] = _differs(forest, grid, rows)
    check_cells("forest", forest, differs, grid, "is not the game's forest factor there")
    return grid


def _differs(forest: npt.NDArray[np.float32], grid: Grid, rows: slice) -> npt.NDArray[np.bool_]:
    """Return a mask of the samples in these rows whose forest factor differs from the game's on a grid."""
    along = grid.coordinates()
    expected = forest_plane(along, np.ascontiguousarray(along[rows]))
    differs: npt.NDArray[np.bool_] = ~(np.abs(forest[rows] - expected) <= _FOREST_TOLERANCE)
    return differs


def _bands(size: int) -> Iterator[slice]:
    """Yield all rows in bands, because the comparison of a band needs memory for several planes of it."""
    for row in range(0, size, _ROWS_PER_BLOCK):
        yield slice(row, row + _ROWS_PER_BLOCK)
