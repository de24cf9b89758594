"""The format ``numpy``: one ``.npz`` of every plane, the coordinates and the facts, with no pickled object in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vwe_dagster.exporting.facts import ExportOptions, WorldFacts


def write(path: Path, facts: WorldFacts, _options: ExportOptions) -> None:
    """Writes ``biome``, ``height``, ``forest`` and, where known, ``lava``, each ``[z, x]`` and south first.

    ``x`` and ``z`` are the coordinates of columns and rows in metres; ``metadata`` is a JSON object as a text.
    """
    world = facts.world
    coordinates = world.grid.coordinates()
    arrays: dict[str, npt.NDArray[Any]] = {
        "biome": world.biome,
        "height": world.height,
        "forest": world.forest,
        "x": coordinates,
        "z": coordinates,
        "metadata": np.array(json.dumps(facts.metadata)),
    }
    if world.lava is not None:
        arrays["lava"] = world.lava
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
