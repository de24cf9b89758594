"""Writers of the two foreign formats, written from their descriptions, and a helper that reads either."""

from __future__ import annotations

import dataclasses
import gzip
import json
import struct
from typing import TYPE_CHECKING

import numpy as np

from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import MAP_WIDTH_M, Grid
from vwe_dagster_tests.worlds import SEED_TEXT, native_world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vwe_dagster.extraction.foreign_source import ForeignExport
    from vwe_dagster.world.canonical import CanonicalWorld


def plugin_documents(world: CanonicalWorld) -> dict[str, dict[str, object]]:
    """Return the two JSON objects that the older plugin writes for a world whose grid starts at a corner."""
    radius = -world.grid.first_m
    head = {
        "resolution": world.grid.size,
        "world_radius": radius,
        "world_diameter": world.grid.cell_m * world.grid.size,
    }
    return {
        "biomes.json": {**head, "biome_map": [[Biome(b).flag for b in column] for column in world.biome.T]},
        "heightmap.json": {
            **head,
            "height_map": [[_rounded_like_mono(h) for h in column] for column in world.height.T],
        },
    }


def _rounded_like_mono(height: np.float32) -> float:
    """Return a float32 rounded to 7 significant digits if they restore it, else to 9."""
    seven = float(f"{height:.7g}")
    return seven if np.float32(seven) == height else float(f"{height:.9g}")


def write_plugin_json(folder: Path, documents: Mapping[str, object], *, suffix: str) -> None:
    """Write the objects like the plugin, or compressed with the suffix ``.gz``."""
    for name, document in documents.items():
        content = json.dumps(document, indent=2).encode()
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(content, 1) if suffix else content)


def tile_files(world: CanonicalWorld, tiles: int) -> dict[str, bytes]:
    """Return the tiles of a world, ``tiles`` x ``tiles`` of them, uncompressed and by file name."""
    side = world.grid.size // tiles
    return {
        f"{tile_x:02}-{tile_z:02}.bin.gz": b"".join(
            struct.pack("<Hff", Biome(world.biome[z, x]).flag, world.height[z, x], world.forest[z, x])
            for x in range(tile_x * side, (tile_x + 1) * side)
            for z in range(tile_z * side, (tile_z + 1) * side)
        )
        for tile_x in range(tiles)
        for tile_z in range(tiles)
    }


@dataclasses.dataclass
class TileExport:
    """The content of ``map.json``, and the uncompressed tiles by file name; tests may change either."""

    document: dict[str, object]
    files: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Write all files, the tiles compressed."""
        (folder / "map.json").write_text(json.dumps(self.document), encoding="utf-8")
        for name, content in self.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(gzip.compress(content, 1))


def map_world_export(tiles: int, samples: int) -> TileExport:
    """Return the export of a world in the layout of valheim-map.world.

    Args:
        tiles: along a side of the map, 16 in the program's files.
        samples: along a side of a tile, 1024 in the program's files.
    """
    size = tiles * samples
    world = native_world(Grid(size, MAP_WIDTH_M / size, -MAP_WIDTH_M / 2))
    document: dict[str, object] = {
        "WorldName": "A world",
        "WorldSeed": SEED_TEXT,
        "WorldVersion": "0.221.4",
        "TileRowCount": samples,
        "TileSize": MAP_WIDTH_M / tiles,
        "TileSideCount": tiles,
        "WorldWidth": MAP_WIDTH_M,
    }
    return TileExport(document, {f"tiles/{name}": content for name, content in tile_files(world, tiles).items()})


def tile_export(world: CanonicalWorld, tiles: int, seed: str | int) -> TileExport:
    """Return the export of a world in ``tiles`` x ``tiles`` tiles."""
    width_m = world.grid.cell_m * world.grid.size
    document: dict[str, object] = {
        "WorldName": "A world",
        "WorldSeed": seed,
        "WorldVersion": 36,
        "TileRowCount": world.grid.size // tiles,
        "TileSize": width_m / tiles,
        "TileSideCount": tiles,
        "WorldWidth": width_m,
    }
    return TileExport(document, tile_files(world, tiles))


def read_or_error(folder: Path) -> ForeignExport | str:
    """Return the export that was read, or the message of the error."""
    try:
        return read_foreign(folder)
    except ExtractionError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    return sentence
