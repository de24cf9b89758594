"""The format ``valheim-map``: ``map.json`` and tiles as valheim-map.world exports them.

The form is described where it is read, in :mod:`vwe_dagster.extraction.foreign_tiles`. ``map.json`` has keys of ours
besides, after those that the format knows. ``locations.json`` is not written: its form is not known.
"""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.facts import ExportOptions, WorldFacts
from vwe_dagster.extraction.foreign_tiles import DOCUMENT, MOST_TILE_SAMPLES, SAMPLE
from vwe_dagster.formats.fwl import WRITTEN
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.world.biomes import Biome

MOST_TILES = 16
"""Tiles along a side: 1536 m each on a grid of 2048 cells."""

_COMPRESSION = 4
_FLAGS = np.array([biome.flag for biome in Biome], np.uint16)


def write(path: Path, facts: WorldFacts, _options: ExportOptions) -> None:
    """Writes the tiles into the folder, then the document.

    Raises:
        ExportError: the cells of the world cannot be shared out among tiles.
    """
    grid = facts.grid
    tiles = max(count for count in range(1, MOST_TILES + 1) if grid.size % count == 0)
    side = grid.size // tiles
    if side > MOST_TILE_SAMPLES:
        raise ExportError(
            f"A tile has {MOST_TILE_SAMPLES} samples a side at most, and {grid.size} cells cannot be shared out among "
            f"{MOST_TILES} tiles or fewer so; make the world on another grid, such as --size 2048 --force."
        )
    samples = np.empty((grid.size, grid.size), SAMPLE)  # [x, z], as tiles have it
    samples["biome"] = _FLAGS[facts.world.biome.T]
    samples["height"] = facts.world.height.T
    samples["forest"] = facts.world.forest.T

    def write_tile(number: int) -> None:
        x, z = divmod(number, tiles)
        tile = samples[x * side : (x + 1) * side, z * side : (z + 1) * side]
        content = gzip.compress(tile.tobytes(), _COMPRESSION, mtime=0)
        (path / f"{x:02}-{z:02}.bin.gz").write_bytes(content)

    with ThreadPoolExecutor(usable_cores()) as threads:
        list(threads.map(write_tile, range(tiles * tiles)))
    (path / DOCUMENT).write_text(json.dumps(_document(facts, tiles), indent=2) + "\n", encoding="utf-8")


def _document(facts: WorldFacts, tiles: int) -> dict[str, object]:
    grid, seed = facts.grid, facts.seed
    width_m = grid.cell_m * grid.size
    return {
        "WorldSeed": seed.number if seed.key.startswith("@") else seed.key,
        "WorldVersion": WRITTEN,
        "TileRowCount": grid.size // tiles,
        "TileSize": width_m / tiles,
        "TileSideCount": tiles,
        "WorldWidth": width_m,
        **facts.metadata,
    }
