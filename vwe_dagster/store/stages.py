"""The files of each stage: how a world is laid down in them and read back, with every hash checked.

What a plane or a table means is decided where it is made; the name, format and units of its file are decided here.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pydantic_core
from PIL import Image
from pydantic import JsonValue

from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.engine.messages import NATIVE, Line, WorldExport
from vwe_dagster.extraction.engine_export import forest_of, parse_lines
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.tiles import TILE_PIXELS, Tile
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, FileFacts, Manifest, StoreError, WorldStore
from vwe_dagster.store.arrays import ARRAY_SUFFIX, UnpackedArrays
from vwe_dagster.store.manifest import STATISTICS
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World

PLANE_UNITS = {"biome": "biome index", "height": "m", "forest": "forest factor", "lava": "share", "water": "mask"}
"""What the numbers of each plane are, except that the raw stage has biome flags."""

"""The file of the sums of a world."""

LOCATIONS_FILE = "locations.parquet"
"""The table of locations in the stage ``extracted``, where an engine told of them."""

PLACES_FILE = "places.parquet"
"""The table of places in the stage ``processed``, where the source of the world has locations."""

_UNPACKED = UnpackedArrays()

_UNIT_OF_SUFFIX = {"m": "m", "km": "km", "km2": "km²", "deg": "degrees"}


def write_raw(draft: Draft, export: WorldExport) -> None:
    """Writes an engine's answer as it is: planes as arrays, lines as JSON lines."""
    for name, plane in export.planes.items():
        draft.array(plane_file(name), plane, units="biome flag" if name == "biome" else PLANE_UNITS[name])
    for name, lines in export.lines.items():
        draft.path(f"{name}.jsonl").write_bytes(b"".join(pydantic_core.to_json(line) + b"\n" for line in lines))
        draft.file(f"{name}.jsonl", shape=(len(lines),), axes="line", units="m")


def read_raw(store: WorldStore, manifest: Manifest) -> tuple[dict[str, npt.NDArray[Any]], dict[str, list[Line]]]:
    """Reads the planes ``[z, x]`` and the lines of a raw stage, by layer name.

    Raises:
        StoreError: a file is damaged.
        ExtractionError: a file of lines is no JSON.
    """
    planes = {name: read_plane(store, manifest, name) for name in plane_names(manifest)}
    lines: dict[str, list[Line]] = {}
    for name in manifest.files.keys() - set(map(plane_file, planes)):
        origin = store.folder(manifest.seed, manifest.stage) / name
        lines[name.partition(".")[0]] = parse_lines(store.read(manifest, name).getvalue(), origin)
    return planes, lines


def write_extracted(draft: Draft, world: CanonicalWorld, same: Mapping[str, tuple[Path, FileFacts]]) -> None:
    """Writes a canonical world: planes as arrays, tables as Parquet.

    What the source does not tell has no file, nor has the forest factor that is the same in every world.

    Args:
        draft: where to.
        world: what to write.
        same: the files that another stage has already, by name: where, and what its manifest says of them.
    """
    forest_is_known = np.array_equal(world.forest, forest_of(world.grid))
    planes: dict[str, npt.NDArray[Any] | None] = {
        "biome": world.biome,
        "height": world.height,
        "forest": None if forest_is_known else world.forest,
        "lava": world.lava,
        "water": world.water,
    }
    for plane_name, plane in planes.items():
        name = plane_file(plane_name)
        if name in same:
            draft.link(name, *same[name])
        elif plane is not None:
            draft.array(name, plane, units=PLANE_UNITS[plane_name])
    for name, table in {"rivers": world.rivers, "lakes": world.lakes, "locations": world.locations}.items():
        if table is not None:
            draft.table(f"{name}.parquet", table, units=_column_units(table))


def read_extracted(store: WorldStore, manifest: Manifest) -> CanonicalWorld:
    """Reads the canonical world of a stage ``extracted``.

    Raises:
        StoreError: a file is damaged, or the manifest does not say where the samples are.
    """
    grid = grid_of(manifest)
    files, planes = manifest.files, plane_names(manifest)
    return CanonicalWorld(
        grid=grid,
        biome=read_plane(store, manifest, "biome"),
        height=read_plane(store, manifest, "height"),
        forest=read_plane(store, manifest, "forest") if "forest" in planes else forest_of(grid),
        lava=read_plane(store, manifest, "lava") if "lava" in planes else None,
        rivers=read_table(store, manifest, "rivers.parquet") if "rivers.parquet" in files else None,
        lakes=read_table(store, manifest, "lakes.parquet") if "lakes.parquet" in files else None,
        locations=read_table(store, manifest, LOCATIONS_FILE) if LOCATIONS_FILE in files else None,
    )


def write_processed(draft: Draft, analysis: WorldAnalysis) -> None:
    """Writes the tables of an analysis as Parquet and its statistics as JSON."""
    tables = {
        "biomes": analysis.biomes,
        "islands": analysis.islands,
        "peaks": analysis.peaks,
        "places": analysis.places,
    }
    for name, table in tables.items():
        if table is None:
            continue
        draft.table(f"{name}.parquet", table, units=_column_units(table))
    draft.json(STATISTICS, cast("JsonValue", analysis.statistics))


def read_processed(store: WorldStore, manifest: Manifest) -> WorldAnalysis:
    """Reads the analysis of a stage ``processed``.

    Raises:
        StoreError: a file is damaged.
    """
    return WorldAnalysis(
        biomes=read_table(store, manifest, "biomes.parquet"),
        islands=read_table(store, manifest, "islands.parquet"),
        peaks=read_table(store, manifest, "peaks.parquet"),
        places=read_table(store, manifest, PLACES_FILE) if PLACES_FILE in manifest.files else None,
        statistics=json.load(store.read(manifest, STATISTICS)),
    )


def write_picture(draft: Draft, name: str, picture: Image.Image) -> None:
    """Writes a picture as PNG."""
    draft.path(name).write_bytes(png_bytes(picture))
    draft.file(name, dtype=picture.mode, shape=(picture.height, picture.width), axes="y,x north up")


@dataclasses.dataclass(frozen=True)
class TileChoice:
    """Which tiles a stage holds, as its recipe says.

    Attributes:
        styles: their styles.
        max_zoom: the last zoom; all before it are there, too.
    """

    styles: tuple[str, ...]
    max_zoom: int

    def inputs(self) -> dict[str, JsonValue]:
        """What the recipe says of them."""
        return {"styles": list(self.styles), "max_zoom": self.max_zoom}

    def files(self) -> set[str]:
        """The names of their files."""
        return {
            tile_file(style, zoom, x, y)
            for style in self.styles
            for zoom in range(self.max_zoom + 1)
            for x, y in itertools.product(range(1 << zoom), repeat=2)
        }


def tile_choice(manifest: Manifest) -> TileChoice:
    """Which tiles a stage ``tiles`` holds."""
    inputs = manifest.recipe.inputs
    return TileChoice(tuple(cast("list[str]", inputs["styles"])), cast("int", inputs["max_zoom"]))


def tile_file(style: str, zoom: int, x: int, y: int) -> str:
    """The name of the file of a tile."""
    return f"{style}/{zoom}/{x}/{y}.webp"


def write_tile(draft: Draft, style: str, tile: Tile) -> None:
    """Writes a tile."""
    zoom, x, y, content = tile
    name = tile_file(style, zoom, x, y)
    draft.path(name).write_bytes(content)
    draft.file(name, shape=(TILE_PIXELS, TILE_PIXELS), axes="y,x north up")


def read_plane(store: WorldStore, manifest: Manifest, name: str) -> npt.NDArray[Any]:
    """Reads a plane of a stage, to be looked at and not written to.

    Raises:
        StoreError: its file is damaged.
    """
    file = plane_file(name)
    return _UNPACKED.unpacked(store.read(manifest, file).getbuffer(), manifest.files[file].sha256)


def plane_file(name: str) -> str:
    """The name of the file of a plane."""
    return name + ARRAY_SUFFIX


def plane_names(manifest: Manifest) -> list[str]:
    """The planes of a stage."""
    return [name.removesuffix(ARRAY_SUFFIX) for name in manifest.files if name.endswith(ARRAY_SUFFIX)]


def read_table(store: WorldStore, manifest: Manifest, name: str) -> pd.DataFrame:
    """Reads a Parquet file of a stage.

    Raises:
        StoreError: the file is damaged.
    """
    # Arrow's threads may let go of a buffer after the interpreter has begun to end: were it Python's own, the process
    # would abort.
    with pa.BufferOutputStream() as arrow_memory:
        arrow_memory.write(store.read(manifest, name).getbuffer())
        return pd.read_parquet(pa.BufferReader(arrow_memory.getvalue()))


def grid_of(manifest: Manifest) -> Grid:
    """The grid of a stage's planes.

    Raises:
        StoreError: the manifest does not say.
    """
    if manifest.recipe.grid is None:
        raise StoreError(f"The stage {manifest.stage} of {manifest.seed.key} does not say its grid; make it again.")
    return manifest.recipe.grid


def made_stages(store: WorldStore, seed: Seed) -> tuple[Manifest, Manifest] | None:
    """The stages ``extracted`` and ``processed`` of a world; None unless both are there, the one made of the other.

    Raises:
        StoreError: the data folder cannot be read.
    """
    extracted, processed = store.manifest(seed, "extracted"), store.manifest(seed, "processed")
    if extracted is None or processed is None or not processed.is_made_of(extracted):
        return None
    return extracted, processed


def world_gen_version(extracted: Manifest, raw: Manifest | None) -> int | None:
    """The world-gen version of a world; None where it is not known.

    It is not where another program made the world, nor where ``raw`` was made anew and ``extracted`` of it not yet.

    Args:
        extracted: the stage that holds the world.
        raw: the stage of the same seed as it now is; None where there is none.
    """
    if raw is None or not extracted.is_made_of(raw):
        return None
    version = raw.recipe.inputs.get("world_gen_version")
    return version if isinstance(version, int) else None


def native_terrain(extracted: Manifest, raw: Manifest | None) -> World | None:
    """The terrain library's own world of a stage ``extracted``, which can be sampled finer than its grid.

    None where another engine or program made it, or its version is not known; see :func:`world_gen_version`.
    """
    version = world_gen_version(extracted, raw)
    if version is None or extracted.recipe.made_by.get("kind") != NATIVE.kind:
        return None
    return World(extracted.seed.number, version)


def _column_units(table: pd.DataFrame) -> dict[str, str]:
    """The units of the columns that end in one, as ``area_km2`` does."""
    suffixes = {str(column): str(column).rpartition("_")[2] for column in table.columns if "_" in str(column)}
    return {column: _UNIT_OF_SUFFIX[suffix] for column, suffix in suffixes.items() if suffix in _UNIT_OF_SUFFIX}
