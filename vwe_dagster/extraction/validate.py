"""Validation of worlds from any source, before anything is computed from them.

Checks that apply to one source only belong to the module that reads that source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.canonical import LOCATION_COLUMNS, RIVER_COLUMNS, CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, VOID_M, Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

LOWEST_M, HIGHEST_M = -1000.0, 1000.0
"""Limits of the ground's height in meters: the void is at -400 m, the highest peaks stay below 500 m."""

ASHLANDS_CELLS = 1_361_539
"""AshLands cells on ``Grid.of_world(2048)``: the biome's border uses no noise, so every seed has the same count."""

VOID_CELLS = 1_788_980
"""Cells of exactly -400 m on ``Grid.of_world(2048)``: those beyond the edge of the world, the same for every seed."""

LAKE_COLUMNS = {"x_m": "float32", "z_m": "float32"}
"""Columns of the table of lakes."""

_EDGE_M = MAP_WIDTH_M / 2
_ON_THE_MAP = {"x_m", "z_m"}
_FEWEST_VERTICES = 2
_REMEDY = "Export the world again; if the result is the same, the program that exported it has a bug."


class ExtractionError(ValueError):
    """An invalid world; the message has the reason, the place and what to do."""


def validate(world: CanonicalWorld) -> None:
    """Check that the game can have generated a world.

    Every plane has the grid's shape and its dtype; biomes are the game's nine; heights are finite and within
    -1000 to 1000 m, forest factors finite, lava 0 to 1; lines have at least two vertices; vertices, lakes and
    locations are finite and on the map. On the game's own grid, ``Grid.of_world(2048)``, the counts must equal
    :data:`ASHLANDS_CELLS` and :data:`VOID_CELLS`.

    Raises:
        ExtractionError: a check failed; the message describes the first failure.
    """
    grid = world.grid
    check_plane("biome", world.biome, "uint8", grid)
    check_plane("height", world.height, "float32", grid)
    check_plane("forest", world.forest, "float32", grid)
    _check_range("biome", world.biome, min(BIOMES), max(BIOMES), grid, complaint="is not the index of a biome")
    _check_heights(world.height, grid)
    _check_finite("forest", world.forest, grid, "is not a forest factor")
    if world.lava is not None:
        check_plane("lava", world.lava, "float32", grid)
        _check_range("lava", world.lava, 0, 1, grid, complaint="is not a share from 0 to 1")
    if world.rivers is not None:
        _check_rivers(world.rivers)
    if world.lakes is not None:
        _check_table("lakes", world.lakes, LAKE_COLUMNS)
    if world.locations is not None:
        _check_table("locations", world.locations, LOCATION_COLUMNS)
    if grid == Grid.of_world(2048):
        _check_counts(world)


def check_plane(name: str, plane: npt.NDArray[np.generic], dtype: str, grid: Grid) -> None:
    """Check the dtype and the shape of a plane.

    Raises:
        ExtractionError: the dtype is another, or the shape is not ``[grid.size, grid.size]``.
    """
    if plane.dtype != np.dtype(dtype):
        raise ExtractionError(f"The {name} plane holds {plane.dtype}, but must hold {dtype}. {_REMEDY}")
    if plane.shape != (grid.size, grid.size):
        shape = " x ".join(map(str, plane.shape)) or "a single number"
        raise ExtractionError(
            f"The {name} plane is {shape}, but its grid has {grid.size} x {grid.size} cells. "
            f"Pass the grid on which it was sampled, or export the world again on this grid."
        )


def check_cells(
    name: str, plane: npt.NDArray[np.generic], wrong: npt.NDArray[np.bool_], grid: Grid, complaint: str
) -> None:
    """Raise an error for the first marked cell of a plane, counted from the south-west, if there is one.

    Args:
        name: the plane's name.
        plane: ``[z, x]``, the values.
        wrong: ``[z, x]``, true for invalid cells.
        grid: the grid of the cells.
        complaint: the end of the sentence "The plane holds X at ..., which ...".

    Raises:
        ExtractionError: a cell is marked.
    """
    if not wrong.any():
        return
    row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
    coordinates = grid.coordinates()
    raise ExtractionError(
        f"The {name} plane holds {plane[row, column]} at row {row}, column {column} "
        f"(x = {coordinates[column]:g} m, z = {coordinates[row]:g} m), which {complaint}; "
        f"cells like this: {np.count_nonzero(wrong)} of {wrong.size}. {_REMEDY}"
    )


def _check_heights(height: npt.NDArray[np.float32], grid: Grid) -> None:
    _check_finite("height", height, grid, "is not a height")
    complaint = f"is outside the {LOWEST_M:g} to {HIGHEST_M:g} m of the game"
    _check_range("height", height, LOWEST_M, HIGHEST_M, grid, complaint=complaint)


def _check_finite(name: str, plane: npt.NDArray[np.float32], grid: Grid, complaint: str) -> None:
    if not np.isfinite([plane.min(), plane.max()]).all():
        check_cells(name, plane, ~np.isfinite(plane), grid, complaint)


def _check_range(
    name: str, plane: npt.NDArray[np.uint8 | np.float32], lowest: float, highest: float, grid: Grid, *, complaint: str
) -> None:
    # The extremes are NaN if a cell is. They prove a valid plane in a tenth of the time that marking cells takes.
    if not (plane.min() >= lowest and plane.max() <= highest):
        check_cells(name, plane, ~((plane >= lowest) & (plane <= highest)), grid, complaint)


def _check_counts(world: CanonicalWorld) -> None:
    found = {
        f"{Biome.ASHLANDS.game_name} cells": (np.count_nonzero(world.biome == Biome.ASHLANDS), ASHLANDS_CELLS),
        f"cells of {VOID_M:g} m": (np.count_nonzero(world.height == np.float32(VOID_M)), VOID_CELLS),
    }
    for what, (count, expected) in found.items():
        if count != expected:
            raise ExtractionError(
                f"The world has {count} {what}, but every world of the current game has {expected} of them on the "
                f"grid of 2048 cells of 12 m. Export the world again with the current game, without mods that change "
                f"the terrain, and check that its rows run from south to north."
            )


def _check_rivers(rivers: pd.DataFrame) -> None:
    _check_table("rivers", rivers, RIVER_COLUMNS)
    if not rivers["kind"].isin(["river", "stream"]).all():
        raise ExtractionError(f"The rivers table has lines that are neither river nor stream. {_REMEDY}")
    vertices = rivers.groupby("line").size()
    short = vertices[vertices < _FEWEST_VERTICES]
    if not short.empty:
        raise ExtractionError(
            f"Line {short.index[0]} of the rivers table has {short.iloc[0]} vertex, but a line has at least "
            f"{_FEWEST_VERTICES}; lines like this: {len(short)}. {_REMEDY}"
        )


def _check_table(name: str, table: pd.DataFrame, columns: Mapping[str, str]) -> None:
    found = {str(column): str(dtype) for column, dtype in table.dtypes.items()}
    if found != dict(columns):
        raise ExtractionError(f"The {name} table has the columns {found}, but must have {dict(columns)}.")
    for column, dtype in columns.items():
        if dtype != "float32":
            continue
        meters = table[column].to_numpy()
        _check_rows(name, column, meters, ~np.isfinite(meters), "is not a number of meters")
        if column in _ON_THE_MAP:
            _check_rows(name, column, meters, np.abs(meters) > _EDGE_M, f"is beyond the {_EDGE_M:g} m of the map")


def _check_rows(
    table: str, column: str, meters: npt.NDArray[np.float32], wrong: npt.NDArray[np.bool_], complaint: str
) -> None:
    if not wrong.any():
        return
    row = int(wrong.argmax())
    raise ExtractionError(
        f"The {table} table holds {meters[row]} as {column} in row {row}, which {complaint}; "
        f"rows like this: {np.count_nonzero(wrong)} of {wrong.size}. {_REMEDY}"
    )
