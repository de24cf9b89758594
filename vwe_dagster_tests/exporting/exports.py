"""Helpers that write exports like the command, and points at which a rotated plane is detected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vwe_dagster.exporting.formats import FORMATS
from vwe_dagster.exporting.output import atomic_output
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.worlds import SEED_NUMBER

GRID = Grid.of_world(128)
PLACES = ((79, 26), (57, 87), (70, 90), (62, 16))
"""Columns and rows of :data:`GRID`, in different quarters of the map and at different distances from its axes."""


def write(path: Path, name: str, source: ExportSource, **options: Any) -> Path:
    """Write an export of a world, like the command."""
    with atomic_output(path, FORMATS[name], force=False) as draft:
        FORMATS[name].write(draft, source, ExportOptions(**options))
    return path


def check_places(at: Callable[[float, float], tuple[str, float]], grid: Grid = GRID) -> None:
    """Compare an export with the native engine at :data:`PLACES`.

    Args:
        at: returns the game's name of the biome and the height in meters of the export, at x and z in meters.
        grid: the grid of the places' cells.
    """
    world = World(SEED_NUMBER)
    along = grid.coordinates()
    seen = []
    for column, row in PLACES:
        x, z = float(along[column]), float(along[row])
        biome = world.biome(x, z)
        assert not isinstance(biome, np.ndarray)
        expected = biome.game_name, world.height(x, z)
        turned = [world.height(*point) for point in ((z, x), (-x, z), (x, -z), (-z, -x))]
        assert expected[1] not in turned, "the height differs from that of the rotated planes"
        assert at(x, z) == expected
        seen.append(biome)
    assert len(set(seen)) == len(PLACES), "the places are of different biomes"
