"""The format ``game-cache``: the map that the game caches between two starts, in four gzip files.

Each plane has 2048 x 2048 cells of 12 m, row 0 southernmost, row-major over z then x:

- ``cacheMinimapBiome``: the color of the biome, four bytes RGBA.
- ``cacheMinimapMask``: red 255 where the map shows trees, green the mist of the Mistlands, blue the lava of the
  Ashlands, alpha 0; all are 0 below sea level.
- ``cacheMinimapHeight``: the height as binary16, little-endian, ties rounded away from zero.
- ``cacheMinimapMeta``: int32 seed and int32 1, little-endian.

Verified against the game's own files: names, sizes, compression, colors and rounding, and for one world the counts of
cells with red and with full green. Unverified: that blue is lava, that alpha is 255 for biomes and 0 in the mask, and
which folder the game reads.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.text.commands import vwe_command
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M, Grid

GAME_GRID = Grid.of_world(2048)
"""The grid of the game's own map."""

COLORS = {
    Biome.MEADOWS: (146, 167, 92),
    Biome.BLACK_FOREST: (107, 116, 63),
    Biome.SWAMP: (163, 114, 88),
    Biome.PLAINS: (231, 171, 120),
    Biome.MISTLANDS: (51, 51, 51),
    Biome.ASHLANDS: (123, 32, 32),
    Biome.OCEAN: (255, 255, 255),
    Biome.MOUNTAIN: (255, 255, 255),
    Biome.DEEP_NORTH: (255, 255, 255),
}
"""The color of each biome in the file. Three are white; the game distinguishes them by other means."""

FORMAT_VERSION = 1

_FOREST_BELOW = {Biome.MEADOWS: 1.15, Biome.PLAINS: 0.8, Biome.BLACK_FOREST: np.inf}
_MIST_FROM, _MIST_TO = np.float32(1.1), np.float32(1.3)
_COMPRESSION = 6

_Plane = npt.NDArray[np.float32]
_Biomes = npt.NDArray[np.uint8]


def write(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write the four files into the folder.

    If the grid differs from the game's, the native engine samples the world again, provided that it generated it.

    Raises:
        ExportError: another engine generated the world, and its grid differs or its lava is unknown.
    """
    biome, height, forest, lava = _planes(source)
    contents = {
        "cacheMinimapBiome": biome_colors(biome).tobytes(),
        "cacheMinimapMask": mask_colors(biome, height, forest, lava).tobytes(),
        "cacheMinimapHeight": half_floats(height).astype("<u2").tobytes(),
        "cacheMinimapMeta": struct.pack("<ii", source.seed.number, FORMAT_VERSION),
    }
    for name, content in contents.items():
        (path / name).write_bytes(gzip.compress(content, _COMPRESSION, mtime=0))


def biome_colors(biome: _Biomes) -> npt.NDArray[np.uint8]:
    """Return the color of each cell: RGBA, ``[z, x, 4]``."""
    palette = np.zeros((len(Biome), 4), np.uint8)
    for each, color in COLORS.items():
        palette[each] = (*color, 255)
    return palette[biome]


def mask_colors(biome: _Biomes, height: _Plane, forest: _Plane, lava: _Plane) -> npt.NDArray[np.uint8]:
    """Return the mask of each cell: RGBA, ``[z, x, 4]``.

    Args:
        biome: indices, ``[z, x]``.
        height: heights in meters, ``[z, x]``.
        forest: forest factors, ``[z, x]``.
        lava: from 0, none, to 1, full; ``[z, x]``.
    """
    mask = np.zeros((*biome.shape, 4), np.uint8)
    land = height >= np.float32(SEA_LEVEL_M)
    for each, limit in _FOREST_BELOW.items():
        mask[land & (biome == each) & (forest < np.float32(limit)), 0] = 255
    misty = land & (biome == Biome.MISTLANDS)
    share = np.clip((forest[misty] - _MIST_FROM) / (_MIST_TO - _MIST_FROM), 0, 1, dtype=np.float32)
    mask[misty, 1] = _byte(1 - share * share * (3 - 2 * share))
    ashen = land & (biome == Biome.ASHLANDS)
    mask[ashen, 2] = _byte(lava[ashen])
    return mask


def half_floats(values: _Plane) -> npt.NDArray[np.uint16]:
    """Return the bits of numbers as binary16, rounded to nearest with ties away from zero; overflow is not handled.

    NumPy rounds ties to even, so an exact tie is replaced by the neighbor of greater magnitude.
    """
    even = values.astype(np.float16)
    codes = even.view(np.uint16)
    magnitude = np.abs(values.astype(np.float64))
    short = np.abs(even.astype(np.float64)) < magnitude
    next_code = (codes + short).astype(np.uint16)
    above = np.abs(next_code.view(np.float16).astype(np.float64))
    below = np.abs(even.astype(np.float64))
    tie = short & (above - magnitude == magnitude - below)
    return np.where(tie, next_code, codes).astype(np.uint16)


def _planes(source: ExportSource) -> tuple[_Biomes, _Plane, _Plane, _Plane]:
    if source.terrain is not None and source.grid != GAME_GRID:
        terrain = source.terrain.grid(GAME_GRID.size)
        return terrain.biome, terrain.height, terrain.forest, terrain.lava
    world = source.world
    if source.grid != GAME_GRID:
        raise ExportError(
            f"The game's map has 2048 cells a side, sampled at their centers, but the world of {source.seed.key} has "
            f"{source.grid.size}, and the native engine did not generate it; rebuild it with that engine first: "
            f"{_rebuild(source.seed)}"
        )
    if world.lava is None:
        raise ExportError(
            f"The game's map shows lava, but the world of {source.seed.key} has no lava plane, because the native "
            f"engine did not generate it; rebuild it with that engine first: {_rebuild(source.seed)}"
        )
    return world.biome, world.height, world.forest, world.lava


def _rebuild(seed: Seed) -> str:
    return vwe_command("world", "--force", "--engine", "native", operands=[seed.key])


def _byte(share: _Plane) -> npt.NDArray[np.uint8]:
    whole: npt.NDArray[np.uint8] = np.rint(np.clip(share, 0, 1) * np.float32(255)).astype(np.uint8)
    return whole
