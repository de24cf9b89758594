"""Conversion of an engine's export to the canonical form: biome flags to indices, JSON lines to tables."""

from __future__ import annotations

import functools
import reprlib
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pydantic_core

from vwe_dagster.engine.messages import ESSENTIAL, LANDMARKS, LOCATIONS, MAX_NAME_LENGTH, PLANES, Line
from vwe_dagster.extraction.validate import LAKE_COLUMNS, ExtractionError, check_cells, check_plane, validate
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.canonical import LOCATION_COLUMNS, RIVER_COLUMNS, CanonicalWorld
from vwe_dagster.worldgen import forest_plane

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from vwe_dagster.world.grid import Grid

_VALUE_KINDS: Mapping[str, tuple[type, ...]] = {"str": (str,), "float32": (int, float), "bool": (bool,)}
_KINDS = {"rivers": "river", "streams": "stream"}
# The first and the last entry are 0, which stands for no biome; flags beyond the table are clipped to these.
_INDEX_OF_FLAG = np.zeros(max(biome.flag for biome in BIOMES) + 2, np.uint8)
for _biome in BIOMES:
    _INDEX_OF_FLAG[_biome.flag] = _biome


def canonical_world(
    planes: Mapping[str, npt.NDArray[np.generic]], lines: Mapping[str, Sequence[Line]], grid: Grid
) -> CanonicalWorld:
    """Convert an engine's export to the canonical form and validate it.

    Args:
        planes: by layer name, ``[z, x]``, south first, with the dtypes of :data:`vwe_dagster.engine.messages.PLANES`;
            ``biome`` and ``height`` are required. The forest factor is the same in every world and computed if missing.
        lines: by layer name, as :data:`vwe_dagster.engine.messages.LINES` describes; any may be missing.
        grid: the grid on which the planes were sampled.

    Raises:
        ExtractionError: a layer is missing or malformed, or the world is invalid.
    """
    for name in ESSENTIAL:
        if name not in planes:
            raise ExtractionError(f"The export has no {name} plane. Request the layer {name!r} from the engine.")
    for name, plane in planes.items():
        if name in PLANES:
            check_plane(name, plane, PLANES[name], grid)
    world = CanonicalWorld(
        grid=grid,
        biome=biome_indices(planes["biome"], grid),
        height=planes["height"].astype(np.float32, copy=False),
        forest=planes["forest"].astype(np.float32, copy=False) if "forest" in planes else forest_of(grid),
        lava=planes["lava"].astype(np.float32, copy=False) if "lava" in planes else None,
        rivers=_river_table(lines),
        lakes=_lake_table(lines["lakes"]) if "lakes" in lines else None,
        locations=next((location_table(lines[layer]) for layer in (LOCATIONS, LANDMARKS) if layer in lines), None),
    )
    validate(world)
    return world


def biome_indices(flags: npt.NDArray[np.generic], grid: Grid) -> npt.NDArray[np.uint8]:
    """Convert the game's biome flags to indices.

    Args:
        flags: ``[z, x]``, one flag of :class:`vwe_dagster.world.biomes.Biome` per cell, any integer dtype.
        grid: the grid of the cells.

    Returns:
        uint8 ``[z, x]``.

    Raises:
        ExtractionError: a cell holds anything but the flag of one biome.
    """
    indices = _INDEX_OF_FLAG.take(cast("npt.NDArray[np.integer]", flags), mode="clip")
    if not indices.all():
        check_cells("biome", flags, indices == Biome.NONE, grid, "is not the flag of a biome")
    return indices


@functools.lru_cache(maxsize=1)
def forest_of(grid: Grid) -> npt.NDArray[np.float32]:
    """Return the forest factor, which is the same in every world: the worlds of a batch share the read-only plane."""
    plane = forest_plane(grid)
    plane.flags.writeable = False
    return plane


def parse_lines(content: bytes, path: Path) -> list[Line]:
    """Parse JSON lines, the form in which the raw stage stores rivers, streams and lakes.

    Args:
        content: the content of the file.
        path: the file, for messages.

    Raises:
        ExtractionError: a line is not a JSON object.
    """
    lines: list[Line] = []
    for number, text in enumerate(content.splitlines(), start=1):
        try:
            line = pydantic_core.from_json(text)
        except ValueError as error:
            raise ExtractionError(f"Line {number} of {path} is not JSON: {error}. Rebuild the raw stage.") from error
        if not isinstance(line, dict):
            raise ExtractionError(f"Line {number} of {path} is not a JSON object. Rebuild the raw stage.")
        lines.append(line)
    return lines


def _river_table(lines: Mapping[str, Sequence[Line]]) -> pd.DataFrame | None:
    present = [layer for layer in _KINDS if layer in lines]
    if not present:
        return None
    kinds, polylines = [], []
    for layer in present:
        kinds += [_KINDS[layer]] * len(lines[layer])
        polylines += _polylines(layer, lines[layer])
    lengths = np.array([len(polyline) for polyline in polylines], np.int64)
    points = np.concatenate([np.empty((0, 3), np.float32), *polylines])
    table = pd.DataFrame(
        {
            "kind": pd.Categorical(np.repeat(np.array(kinds, object), lengths), categories=list(_KINDS.values())),
            "line": np.repeat(np.arange(len(lengths)), lengths),
            "vertex": np.arange(len(points)) - np.repeat(np.cumsum(lengths) - lengths, lengths),
            "x_m": points[:, 0],
            "z_m": points[:, 1],
            "width_m": points[:, 2],
        }
    )
    return table.astype(RIVER_COLUMNS)


def _lake_table(lakes: Sequence[Line]) -> pd.DataFrame:
    centers = np.concatenate([np.empty((0, 3), np.float32), *_polylines("lakes", lakes)])
    if len(centers) != len(lakes):
        raise ExtractionError(
            f"The layer lakes has {len(lakes)} lakes with {len(centers)} points, but each lake needs one point."
        )
    return pd.DataFrame({"x_m": centers[:, 0], "z_m": centers[:, 1]}).astype(LAKE_COLUMNS)


def location_table(locations: Sequence[Line]) -> pd.DataFrame:
    """Return the table of locations, see :data:`vwe_dagster.world.canonical.LOCATION_COLUMNS`.

    Args:
        locations: the lines of the layer ``locations`` or ``landmarks``.

    Raises:
        ExtractionError: a location lacks a column or has an invalid value.
    """
    try:
        rows = [tuple(location[column] for column in LOCATION_COLUMNS) for location in locations]
    except KeyError as error:
        raise ExtractionError(
            f"A location of the layer {LOCATIONS} has no {error}. Export the world again with the current plugin."
        ) from error
    for number, row in enumerate(rows):
        for (column, dtype), value in zip(LOCATION_COLUMNS.items(), row, strict=True):
            _check_of_location(number, column, dtype, value)
    try:
        with np.errstate(over="ignore"):
            return pd.DataFrame(rows, columns=list(LOCATION_COLUMNS)).astype(LOCATION_COLUMNS)
    except OverflowError as error:
        raise ExtractionError(
            f"A location of the layer {LOCATIONS} has a number that is too large ({error}). Export the world again."
        ) from error


def _check_of_location(number: int, column: str, dtype: str, value: object) -> None:
    kinds = _VALUE_KINDS[dtype]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ExtractionError(
            f"Location {number} of the layer {LOCATIONS} has {reprlib.repr(value)} as {column}. Export the world again."
        )
    if column == "prefab" and not value:
        raise ExtractionError(f"Location {number} of the layer {LOCATIONS} has no name. Export the world again.")
    if isinstance(value, str) and len(value) > MAX_NAME_LENGTH:
        raise ExtractionError(
            f"Location {number} of the layer {LOCATIONS} has a {column} of {len(value)} characters, more than "
            f"{MAX_NAME_LENGTH}. Export the world again, without mods of the game."
        )


def _polylines(layer: str, lines: Iterable[Line]) -> list[npt.NDArray[np.float32]]:
    """Return the points of each line of a layer, float32 ``[vertex, 3]``: x, z and width in meters."""
    polylines = []
    for number, line in enumerate(lines):
        try:
            points = np.array(line["points"])
        except (KeyError, TypeError, ValueError):
            points = np.empty(0)
        if points.dtype.kind not in "iuf" or points.ndim != 2 or points.shape[1] != 3:
            raise ExtractionError(
                f"Line {number} of the layer {layer} must have points, a list of one or more [x, z, width] in meters, "
                f"but is {reprlib.repr(line)}. Export the world again."
            )
        with np.errstate(over="ignore"):
            polylines.append(points.astype(np.float32))
    return polylines
