"""The format ``plugin-json``: ``biomes.json`` and ``heightmap.json`` in the layout of the older export plugin.

:mod:`vwe_dagster.extraction.foreign_plugin` describes the layout. It has samples at the corners of cells. A world that
is sampled at the centers of its cells is therefore cut to the square of its own samples that just covers the edge of
the world, without the last row and column; no sample is computed again. ``biome_names`` has the correct names. The
metadata are in ``biomes.json``, after the keys of the layout.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.grid import MIN_SIZE, WORLD_RADIUS_M, Grid

_FLAGS = np.array([biome.flag for biome in Biome], np.uint16)


def write(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write the two files into the folder.

    Raises:
        ExportError: the world has too few samples, or its samples are at positions that the layout cannot describe.
    """
    part, radius_m = _corners(source.grid)
    biome, height = source.world.biome[part, part].T, source.world.height[part, part].T
    head = {
        "resolution": len(height),
        "world_radius": radius_m,
        "world_diameter": 2 * radius_m,
    }
    now = {"export_timestamp": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"}
    names = {"biome_names": {str(each.flag): each.game_name for each in BIOMES}}
    extremes = {
        "min_height": _as_double(height.min()),
        "max_height": _as_double(height.max()),
        "avg_height": _as_double(height.mean(dtype=np.float64)),
    }
    flags = pa.array(_FLAGS[biome].reshape(-1)).cast(pa.string())
    _write_document(path / "biomes.json", head, "biome_map", flags, {**names, **now, "world": source.metadata})
    meters = _with_point(pa.array(height.reshape(-1)).cast(pa.string()))
    _write_document(path / "heightmap.json", head, "height_map", meters, {**extremes, **now})


def _corners(grid: Grid) -> tuple[slice, float]:
    """Return the rows and columns to write, so that the first is at minus a radius, and that radius in meters."""
    if math.isclose(grid.first_m, -grid.size * grid.cell_m / 2):
        return slice(None), -grid.first_m
    if not math.isclose(grid.first_m, -(grid.size - 1) * grid.cell_m / 2):
        raise ExportError(
            f"The format needs samples that are symmetric about the center of the world, but they start at "
            f"{grid.first_m:g} m; rebuild the world with the native engine."
        )
    margin = max(0, math.floor((-grid.first_m - WORLD_RADIUS_M) / grid.cell_m))
    part = slice(margin, grid.size - 1 - margin)
    if part.stop - part.start < MIN_SIZE:
        raise ExportError(
            f"The format needs {MIN_SIZE} samples a side or more, but this world has {part.stop - part.start} within "
            f"its edge; rebuild it on a finer grid, for example with --size 2048 --force."
        )
    return part, -grid.first_m - margin * grid.cell_m


def _with_point(numbers: pa.StringArray) -> pa.StringArray:
    """Return numbers in the notation of the plugin: whole ones with ``.0``."""
    whole = pc.invert(pc.match_substring_regex(numbers, "[.e]"))
    return pc.if_else(whole, pc.binary_join_element_wise(numbers, ".0", ""), numbers)


def _write_document(
    path: Path, head: Mapping[str, object], key: str, numbers: pa.StringArray, tail: Mapping[str, object]
) -> None:
    """Write a JSON object with a map in it, each row of the map on a line of its own."""
    size = math.isqrt(len(numbers))
    offsets = pa.array(np.arange(0, size * size + 1, size, dtype=np.int32))
    lines = pc.binary_join(pa.ListArray.from_arrays(offsets, numbers), ",").to_pylist()
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{json.dumps(head, indent=2)[:-2]},\n  {json.dumps(key)}: [\n    [")
        file.write("],\n    [".join(lines))
        file.write(f"]\n  ],{json.dumps(tail, indent=2)[1:]}\n")


def _as_double(height: npt.NDArray[np.float32] | np.floating) -> float:
    return float(f"{float(height):.9g}")
