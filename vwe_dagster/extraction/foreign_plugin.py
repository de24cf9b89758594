"""The JSON export of the older plugin: ``biomes.json`` and ``heightmap.json``, or both names with ``.gz``.

Each file is an object with ``resolution``, ``world_radius``, ``world_diameter`` and one map, ``biome_map`` or
``height_map``: a list over x, west to east, of lists over z, south to north. Sample ``i`` of either axis is at
``i * world_diameter / resolution - world_radius`` meters, the corner of its cell, so the last sample is one step short
of the far edge. Biomes are the game's flags. Their names in ``biome_names`` are mostly wrong and are ignored. Heights
are float32 in 7 or 9 significant digits, enough to restore the same float32. The files do not state the seed.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vwe_dagster.extraction.engine_export import biome_indices, forest_of
from vwe_dagster.extraction.foreign_source import Document, ForeignExport, SourceFolder
from vwe_dagster.extraction.validate import ExtractionError, validate
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, MIN_SIZE, Grid

if TYPE_CHECKING:
    from pathlib import Path

STEMS = ("biomes.json", "heightmap.json")
"""The names of the two files, without ``.gz``."""

MAX_RESOLUTION = 2048
"""Maximum of samples along a side; the plugin writes about 70 MB of heights for a world of that size."""

MAX_BYTES = 128 * 2**20
"""Maximum length of a file after decompression."""

_MAX_VALUES = MAX_RESOLUTION**2 + 1000
"""A map of the largest resolution, and the fields beside it."""


def read_plugin_json(folder: Path) -> ForeignExport:
    """Read an export of the older plugin; the forest factor is the same in every world and is computed.

    Raises:
        ExtractionError: a file is missing, damaged or of another format, the two disagree, or the world is invalid.
    """
    source = SourceFolder(folder)
    biomes, heights = (source.read_document(_file_name(folder, stem), MAX_BYTES, _MAX_VALUES) for stem in STEMS)
    grid = _grid(biomes)
    if _grid(heights) != grid:
        raise ExtractionError(
            f"{biomes.path} and {heights.path} differ in resolution or world_radius, so they belong to different "
            f"exports. Put the two files of the same export into the folder."
        )
    flags = _plane(biomes, "biome_map", grid, (int,))
    with np.errstate(over="ignore"):
        height = _plane(heights, "height_map", grid, (int, float)).astype(np.float32)
    world = CanonicalWorld(grid=grid, biome=biome_indices(flags, grid), height=height, forest=forest_of(grid))
    validate(world)
    return ForeignExport(
        world=world, kind="plugin_json", seed_text=None, seed_number=None, world_version=None, sha256=source.sha256
    )


def _file_name(folder: Path, stem: str) -> str:
    zipped = f"{stem}.gz"
    if (folder / stem).exists() and (folder / zipped).exists():
        raise ExtractionError(f"{folder} has both {stem} and {zipped}. Keep the one that belongs to the export.")
    return zipped if (folder / zipped).exists() else stem


def _grid(document: Document) -> Grid:
    resolution = document.whole_number("resolution", MIN_SIZE, MAX_RESOLUTION)
    radius_m = document.meters("world_radius", MAP_WIDTH_M)
    diameter_m = document.meters("world_diameter", 2 * MAP_WIDTH_M)
    if not math.isclose(diameter_m, 2 * radius_m):
        raise document.invalid_field("world_diameter", f"twice the world_radius of {radius_m:g} m")
    return Grid(resolution, diameter_m / resolution, -radius_m)


def _plane(document: Document, key: str, grid: Grid, types: tuple[type, ...]) -> npt.NDArray[np.generic]:
    """Return a map of the file as a plane ``[z, x]``."""
    rows = document.fields.get(key)
    expected = f"{grid.size} lists of {grid.size} {' or '.join(t.__name__ for t in types)} numbers"
    if not isinstance(rows, list) or len(rows) != grid.size:
        raise document.invalid_field(key, expected)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != grid.size:
            raise document.invalid_field(key, f"{expected}, all of that length; list {number} is not")
    if not {type(value) for value in itertools.chain.from_iterable(rows)} <= set(types):
        raise document.invalid_field(key, expected)
    plane = np.array(rows)
    if plane.dtype.kind not in "iuf":
        raise document.invalid_field(key, f"{expected} that fit into 64 bits")
    return np.ascontiguousarray(plane.T)
