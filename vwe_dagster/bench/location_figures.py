"""Figures of ``vwe bench engine`` for placing locations: processor time of one core, given the grid."""

from __future__ import annotations

import time
from collections.abc import Callable

from vwe_dagster.bench.figures import BenchError
from vwe_dagster.locations import placement, plain
from vwe_dagster.locations.instances import Instances
from vwe_dagster.locations.locations_digest import KNOWN_DIGESTS, locations_digest
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.worldgen import World

SEED = 75539276
LANDMARKS = 23
"""Number of prioritized types, among them all bosses and traders."""

Place = Callable[..., Instances]


def location_figures(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure the placement of locations in the calling process, after a first run that compiles its kernels.

    Returns:
        By the name of the figure with its unit: one value for each round under ``fast``, and one value of the plain
        transcription under ``plain``.

    Raises:
        BenchError: the locations have another digest than the game's.
    """
    world, table = World(SEED), shipped_table()
    grid = world.grid()
    if locations_digest(world.locations(grid=grid)) != KNOWN_DIGESTS[SEED]:
        raise BenchError(f"The digest of the locations of seed {SEED} differs from the game's; the engine is wrong.")

    def seconds(place: Place, count: int) -> float:
        before = time.process_time()
        place(world.constants, world._waters.field, SEED, grid.biome, grid.height, table, count)  # noqa: SLF001
        return time.process_time() - before

    every = len(table.types)
    seconds(plain.place, 1)
    return {
        f"{name} (CPU s)": {
            "fast": [seconds(placement.place, count) for _ in range(rounds)],
            "plain": [seconds(plain.place, count)],
        }
        for name, count in {"bosses and traders, 23 types": LANDMARKS, "all locations, 183 types": every}.items()
    }
