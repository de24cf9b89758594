"""The format ``csv``: a row per cell inside the edge of the world.

The columns are ``x`` and ``z`` in meters, ``biome`` with the game's name, and ``height`` in meters with enough digits
to restore the float32. Rows are ordered from south to north, then from west to east. The void beyond the edge of the
world, 43 percent of the map, is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from isal import igzip

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.exporting.void import inside
from vwe_dagster.world.biomes import Biome

_NAMES = pa.array([biome.game_name for biome in Biome])


def write(path: Path, source: ExportSource, options: ExportOptions) -> None:
    """Write the table, compressed if the name ends in ``.gz``.

    Args:
        path: the file.
        source: the world.
        options: a ``stride`` of n exports every n-th row and column, from the south-west corner of the map.

    Raises:
        ExportError: the stride is out of range, or no sample is left.
    """
    world, stride = source.world, 1 if options.stride is None else options.stride
    if not 1 <= stride <= world.grid.size:
        raise ExportError(f"Invalid stride {stride}; choose a whole number from 1 to {world.grid.size}.")
    along = world.grid.coordinates()[::stride]
    row, column = np.nonzero(inside(world)[::stride, ::stride])
    if not row.size:
        raise ExportError(f"A stride of {stride} leaves no sample inside the edge of the world; choose a smaller one.")
    biome = world.biome[::stride, ::stride][row, column]
    table = pa.table(
        {
            "x": along[column],
            "z": along[row],
            "biome": pa.DictionaryArray.from_arrays(pa.array(biome.astype(np.int8)), _NAMES).cast(pa.string()),
            "height": world.height[::stride, ::stride][row, column],
        }
    )
    layout = pyarrow.csv.WriteOptions(quoting_header="none", quoting_style="none")
    file: Any = igzip.IGzipFile(path, "wb") if path.suffix == ".gz" else path.open("wb")  # type: ignore[no-untyped-call]
    with file:
        pyarrow.csv.write_csv(table, file, layout)
