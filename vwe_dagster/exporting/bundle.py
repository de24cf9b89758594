"""The format ``numpy``: one ``.npz`` file with planes, coordinates and metadata, without pickled objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vwe_dagster.exporting.source import ExportOptions, ExportSource


def write(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write the arrays ``biome``, ``height``, ``forest`` and, if known, ``lava``, each ``[z, x]`` with south first.

    ``x`` and ``z`` are the coordinates of columns and rows in meters; ``metadata`` is a string with a JSON object.
    """
    world = source.world
    coordinates = world.grid.coordinates()
    arrays: dict[str, npt.NDArray[Any]] = {
        "biome": world.biome,
        "height": world.height,
        "forest": world.forest,
        "x": coordinates,
        "z": coordinates,
        "metadata": np.array(json.dumps(source.metadata)),
    }
    if world.lava is not None:
        arrays["lava"] = world.lava
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
