"""The files of each stage: write a world to them, and read it back with every hash checked.

This module defines the name, format and units of each file. The modules that compute planes and tables define their
meaning.
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

from vwe_dagster.analysis.biomes import BIOME_COLUMNS
from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.engine.messages import NATIVE, Line, WorldExport
from vwe_dagster.extraction.engine_export import forest_of, parse_lines
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.tiles import TILE_PIXELS, Tile
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, FileEntry, Manifest, Stage, StoreError, WorldStore
from vwe_dagster.store.arrays import ARRAY_SUFFIX, UnpackedArrays
from vwe_dagster.store.manifest import STATISTICS
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, Grid
from vwe_dagster.worldgen import World

PLANE_UNITS = {"biome": "biome index", "height": "m", "forest": "forest factor", "lava": "share", "water": "mask"}
"""The units of each plane; the stage ``raw`` has biome flags instead of biome indices."""

LOCATION_TABLE_FILE = "location_table.json"
"""The user's location table in the stage ``raw``, if locations were placed by one."""

LOCATIONS_FILE = "locations.parquet"
"""The table of locations in the stage ``extracted``, if the engine exported them."""

PLACES_FILE = "places.parquet"
"""The table of places in the stage ``processed``, if the world has locations."""

_UNPACKED = UnpackedArrays()

_UNIT_OF_SUFFIX = {"m": "m", "km": "km", "km2": "km²", "deg": "degrees"}


def write_raw(draft: Draft, export: WorldExport) -> None:
    """Write an engine's export unchanged: planes as arrays, lines as JSON Lines."""
    for name, plane in export.planes.items():
        draft.array(plane_file(name), plane, units="biome flag" if name == "biome" else PLANE_UNITS[name])
    for name, lines in export.lines.items():
        draft.path(f"{name}.jsonl").write_bytes(b"".join(pydantic_core.to_json(line) + b"\n" for line in lines))
        draft.file(f"{name}.jsonl", shape=(len(lines),), axes="line", units="m")
    if export.request.location_table is not None:
        document = LocationTableDocument.of(export.request.location_table)
        draft.path(LOCATION_TABLE_FILE).write_text(document.text(), encoding="utf-8")
        draft.file(LOCATION_TABLE_FILE)


def read_raw(store: WorldStore, manifest: Manifest) -> tuple[dict[str, npt.NDArray[Any]], dict[str, list[Line]]]:
    """Return the planes ``[z, x]`` and the lines of a stage ``raw``, by layer name.

    Raises:
        StoreError: a file is damaged.
        ExtractionError: a file of lines is not JSON.
    """
    planes = {name: read_plane(store, manifest, name) for name in plane_names(manifest)}
    lines: dict[str, list[Line]] = {}
    for name in manifest.files.keys() - {LOCATION_TABLE_FILE, *map(plane_file, planes)}:
        origin = store.folder(manifest.seed, manifest.stage) / name
        lines[name.partition(".")[0]] = parse_lines(store.read(manifest, name).getvalue(), origin)
    return planes, lines


def write_extracted(draft: Draft, world: CanonicalWorld, same: Mapping[str, tuple[Path, FileEntry]]) -> None:
    """Write a canonical world: planes as arrays, tables as Parquet.

    Data that the source lacks has no file. The forest factor has no file if it is the one that all worlds share.

    Args:
        draft: the draft to write to.
        world: the world.
        same: identical files of another stage, by name: their paths and their entries in its manifest.
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
    """Return the canonical world of a stage ``extracted``.

    Raises:
        StoreError: a file is damaged, or the manifest has no grid.
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
    """Write the tables of an analysis as Parquet and its statistics as JSON."""
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
    """Return the analysis of a stage ``processed``; columns that a stage of former code lacks are null.

    Raises:
        StoreError: a file is damaged.
    """
    return WorldAnalysis(
        biomes=_read_heights(store, manifest, "biomes.parquet").reindex(columns=BIOME_COLUMNS),
        islands=_read_heights(store, manifest, "islands.parquet"),
        peaks=_read_heights(store, manifest, "peaks.parquet"),
        places=read_table(store, manifest, PLACES_FILE) if PLACES_FILE in manifest.files else None,
        statistics=_present_statistics(json.load(store.read(manifest, STATISTICS))),
    )


def _read_heights(store: WorldStore, manifest: Manifest, name: str) -> pd.DataFrame:
    """Read a table; a stage of analysis version 4 or older has the game's heights, with the sea at 30 m."""
    table = read_table(store, manifest, name)
    former = [column for column in table.columns if column.endswith("height_m")]
    return table.assign(**{column: table[column] - SEA_LEVEL_M for column in former}).rename(
        columns=lambda column: column.removesuffix("height_m") + "above_sea_m" if column in former else column
    )


def _present_statistics(statistics: dict[str, Any]) -> dict[str, object]:
    """Return the statistics; those of analysis version 4 or older have no row, and the game's heights."""
    former_m = statistics.pop("highest_peak_height_m", None)
    above_sea_m = None if former_m is None else former_m - SEA_LEVEL_M
    return {"columns": {}, "highest_peak_above_sea_m": above_sea_m, **statistics}


def write_picture(draft: Draft, name: str, picture: Image.Image) -> None:
    """Write a picture as PNG."""
    draft.path(name).write_bytes(png_bytes(picture))
    draft.file(name, dtype=picture.mode, shape=(picture.height, picture.width), axes="y,x north up")


@dataclasses.dataclass(frozen=True)
class TileChoice:
    """The tiles of a stage, from its recipe.

    Attributes:
        styles: the styles of the tiles.
        max_zoom: the last zoom level; the stage has all levels from 0.
    """

    styles: tuple[str, ...]
    max_zoom: int

    def inputs(self) -> dict[str, JsonValue]:
        """Return the recipe's inputs for these tiles."""
        return {"styles": list(self.styles), "max_zoom": self.max_zoom}

    def files(self) -> set[str]:
        """Return the names of the tile files."""
        return {
            tile_file(style, zoom, x, y)
            for style in self.styles
            for zoom in range(self.max_zoom + 1)
            for x, y in itertools.product(range(1 << zoom), repeat=2)
        }


def tile_choice(manifest: Manifest) -> TileChoice:
    """Return the tiles of a stage ``tiles``."""
    inputs = manifest.recipe.inputs
    return TileChoice(tuple(cast("list[str]", inputs["styles"])), cast("int", inputs["max_zoom"]))


def tile_file(style: str, zoom: int, x: int, y: int) -> str:
    """Return the file name of a tile."""
    return f"{style}/{zoom}/{x}/{y}.webp"


def write_tile(draft: Draft, style: str, tile: Tile) -> None:
    """Write a tile."""
    zoom, x, y, content = tile
    name = tile_file(style, zoom, x, y)
    draft.path(name).write_bytes(content)
    draft.file(name, shape=(TILE_PIXELS, TILE_PIXELS), axes="y,x north up")


def read_plane(store: WorldStore, manifest: Manifest, name: str) -> npt.NDArray[Any]:
    """Return a plane of a stage as a read-only array.

    Raises:
        StoreError: the file of the plane is damaged.
    """
    file = plane_file(name)
    return _UNPACKED.unpacked(store.read(manifest, file).getbuffer(), manifest.files[file].sha256)


def plane_file(name: str) -> str:
    """Return the file name of a plane."""
    return name + ARRAY_SUFFIX


def plane_names(manifest: Manifest) -> list[str]:
    """Return the names of a stage's planes."""
    return [name.removesuffix(ARRAY_SUFFIX) for name in manifest.files if name.endswith(ARRAY_SUFFIX)]


def read_table(store: WorldStore, manifest: Manifest, name: str) -> pd.DataFrame:
    """Return the table of a Parquet file of a stage.

    Raises:
        StoreError: the file is damaged.
    """
    # Arrow's threads may release a buffer during the shutdown of the interpreter. If the buffer were a Python object,
    # the process would abort.
    with pa.BufferOutputStream() as arrow_memory:
        arrow_memory.write(store.read(manifest, name).getbuffer())
        return pd.read_parquet(pa.BufferReader(arrow_memory.getvalue()))


def grid_of(manifest: Manifest) -> Grid:
    """Return the grid of a stage's planes.

    Raises:
        StoreError: the manifest has no grid.
    """
    if manifest.recipe.grid is None:
        raise StoreError(
            f"The manifest of the stage {manifest.stage} of {manifest.seed.key} has no grid; build the stage again."
        )
    return manifest.recipe.grid


def built_stages(store: WorldStore, seed: Seed) -> tuple[Manifest, Manifest] | None:
    """Return the stages ``extracted`` and ``processed`` of a world; None unless both exist and match.

    Raises:
        StoreError: the data folder cannot be read.
    """
    extracted, processed = store.manifest(seed, "extracted"), store.manifest(seed, "processed")
    if extracted is None or processed is None or not processed.is_built_from(extracted):
        return None
    return extracted, processed


def drawn_stage(store: WorldStore, extracted: Manifest, stage: Stage) -> Manifest | None:
    """Return a stage of pictures or tiles; None unless it exists and was drawn from these planes.

    Args:
        store: the store of the stages.
        extracted: the stage with the planes.
        stage: ``renders`` or ``tiles``.

    Raises:
        StoreError: the data folder cannot be read.
    """
    drawn = store.manifest(extracted.seed, stage)
    return drawn if drawn is not None and drawn.is_built_from(extracted) else None


def world_gen_version(extracted: Manifest, raw: Manifest | None) -> int | None:
    """Return the world-gen version of a world; None if it is unknown.

    It is unknown if another program generated the world, or if ``raw`` was rebuilt after ``extracted``.

    Args:
        extracted: the stage ``extracted`` of the world.
        raw: the present stage ``raw`` of the same seed; None if it does not exist.
    """
    if raw is None or not extracted.is_built_from(raw):
        return None
    version = raw.recipe.inputs.get("world_gen_version")
    return version if isinstance(version, int) else None


def own_location_table(store: WorldStore, extracted: Manifest, raw: Manifest | None) -> LocationTable | None:
    """Return the user's location table that the locations of a world were placed by; None if it was not one.

    Args:
        store: the store of both stages.
        extracted: the stage that holds the world.
        raw: the stage of the same seed as it now is; None if it does not exist.

    Raises:
        StoreError: the file is damaged.
    """
    if raw is None or LOCATION_TABLE_FILE not in raw.files or not extracted.is_built_from(raw):
        return None
    content = store.read(raw, LOCATION_TABLE_FILE).getvalue()
    return LocationTableDocument.model_validate_json(content).table(LOCATION_TABLE_FILE)


def native_terrain(extracted: Manifest, raw: Manifest | None) -> World | None:
    """Return the native terrain of a stage ``extracted``, which can be sampled finer than the stage's grid.

    Return None if another engine or program generated the world, or if :func:`world_gen_version` returns None.
    """
    version = world_gen_version(extracted, raw)
    if version is None or extracted.recipe.made_by.get("kind") != NATIVE.kind:
        return None
    return World(extracted.seed.number, version)


def _column_units(table: pd.DataFrame) -> dict[str, str]:
    """Return the units of columns whose name ends with a unit, such as ``area_km2``."""
    suffixes = {str(column): str(column).rpartition("_")[2] for column in table.columns if "_" in str(column)}
    return {column: _UNIT_OF_SUFFIX[suffix] for column, suffix in suffixes.items() if suffix in _UNIT_OF_SUFFIX}
