"""Timing of the terrain kernels, in one process, alternating with the plain transcription.

``vwe bench engine`` runs this module with the number of rounds in a process of its own, on one core.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from vwe_dagster.bench.location_figures import location_figures
from vwe_dagster.kernels.vectors import instruction_set
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster.worldgen.biome_survey import BiomeSurvey
from vwe_dagster.worldgen.digest import KNOWN_DIGESTS, terrain_digest
from vwe_dagster.worldgen.plain_points import plain_biomes, plain_heights
from vwe_dagster.worldgen.planes import fill_planes
from vwe_dagster.worldgen.pregeneration import pregenerate

SEED = 75539276
"""The measured world, seed text ``ClaudeTest``."""
SIZE = 2048
EVERY = 8
"""The plain transcription computes every eighth row and column of the grid."""
POINTS, WORLDS = 50_000, 100

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Work:
    """A computation to time; ``plain`` computes the same point by point, or the fraction ``part`` of it."""

    name: str
    fast: Callable[[], object]
    scale: float = 1.0
    plain: Callable[[], object] | None = None
    part: float = 1.0

    def time(self) -> tuple[float, float | None]:
        """Return the processor time of the fast and the plain computation, in the unit of the name."""
        fast = _cpu_seconds(self.fast) * self.scale
        return fast, None if self.plain is None else _cpu_seconds(self.plain) / self.part * self.scale


def _works(world: World) -> list[Work]:
    c, seeds, rivers = world.constants, world._river_seeds, world._waters.field  # noqa: SLF001
    all_x = Grid.of_world(SIZE).coordinates()
    some = np.ascontiguousarray(all_x[::EVERY])
    x, z = (plane.ravel() for plane in np.meshgrid(some, some))
    px, pz = _scattered_points()
    whole, disc = BiomeSurvey(all_x, all_x), BiomeSurvey.of_disc(0, 0, 1000)
    dx, dz = (plane[disc.inside] for plane in np.meshgrid(disc.x, disc.z))
    part = (some.size / all_x.size) ** 2
    return [
        Work("world of 2048 (CPU s)", lambda: World(SEED).grid(SIZE)),
        Work("pregeneration (CPU s)", lambda: pregenerate(c, seeds)),
        Work(
            "grid of 2048 (CPU s)",
            lambda: fill_planes(c, lambda: rivers, all_x, all_x),
            plain=lambda: plain_heights(c, rivers, x, z),
            part=part,
        ),
        Work(
            "base and biome of 2048 (CPU s)",
            lambda: whole.biomes(world),
            plain=lambda: plain_biomes(c, x, z),
            part=part,
        ),
        Work(
            "height of a point (CPU µs)",
            lambda: world.height(px, pz),
            1e6 / POINTS,
            lambda: plain_heights(c, rivers, px, pz),
        ),
        Work(
            "biomes of a 1 km disc (CPU ms)",
            lambda: [disc.biomes(world) for _ in range(WORLDS)],
            1e3 / WORLDS,
            lambda: plain_biomes(c, dx, dz),
            1 / WORLDS,
        ),
    ]


def _scattered_points() -> tuple[Floats, Floats]:
    """Return points anywhere in the world, x and z in meters."""
    random = np.random.default_rng(1)
    bearing, far = random.uniform(0, 2 * np.pi, POINTS), 10500 * np.sqrt(random.random(POINTS))
    return (far * np.cos(bearing)).astype(np.float32), (far * np.sin(bearing)).astype(np.float32)


def _cpu_seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _main(rounds: int) -> None:
    world = World(SEED)
    if terrain_digest(world.grid(SIZE)) != KNOWN_DIGESTS[SEED]:
        sys.exit(f"The digest of the world of seed {SEED} differs from the game's; the engine is wrong.")
    works = _works(world)
    for work in works:
        work.time()
    timed = [[work.time() for work in works] for _ in range(rounds)]
    figures: dict[str, dict[str, list[Any]]] = {
        work.name: {"fast": [times[i][0] for times in timed], "plain": [times[i][1] for times in timed if work.plain]}
        for i, work in enumerate(works)
    }
    figures |= location_figures(rounds)
    print(json.dumps({"instruction_set": instruction_set(), "figures": figures}))  # noqa: T201


if __name__ == "__main__":
    _main(int(sys.argv[1]))
