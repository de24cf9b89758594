"""The poster of a world as a file, for the page of the world and for the export of the same name."""

from __future__ import annotations

import dataclasses

from pydantic import JsonValue

from vwe_dagster import __version__
from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.poster import Paper, PosterText, render_poster
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.seeds.typable import typable_key
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World

MAP_CELLS = 4096
"""Cells a side of the grid of the poster's map: one sample per pixel, every 6 m."""


@dataclasses.dataclass(frozen=True)
class Versions:
    """The versions that, with the seed, determine the pixels of a poster.

    Attributes:
        world_gen: the world-gen version; None if it is unknown.
        game: the version of the game that generated the terrain; None if it is unknown.
        location_table: name, game versions and hash of the location table; None without locations from a table.
    """

    world_gen: int | None
    game: str | None
    location_table: JsonValue = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The versions as text: the game's, the terrain's and this program's."""
        table = self.location_table if isinstance(self.location_table, dict) else {}
        known = table.get("game_versions")
        games = [str(version) for version in known] if isinstance(known, list) else [self.game] if self.game else []
        return (
            *([f"Valheim {', '.join(games)}"] if games else []),
            *([] if self.world_gen is None else [f"World generation {self.world_gen}"]),
            f"VWE {__version__}",
        )


def poster_png(
    seed: Seed,
    world: CanonicalWorld,
    analysis: WorldAnalysis,
    *,
    terrain: World | None,
    versions: Versions,
    paper: Paper = Paper.CM_30X40,
) -> bytes:
    """Return the poster of a world as PNG with the resolution for its paper.

    Args:
        seed: the seed of the world.
        world: the world on any grid.
        analysis: the analysis of the same world.
        terrain: the world as a function of any point, which is then sampled every 6 m; None if it is unknown.
        versions: the versions for the lower edge.
        paper: the size of the paper.
    """
    text = PosterText(seed.key, seed.number, typable_key(seed), versions.lines)
    picture = render_poster(_finely_sampled(world, terrain), text, analysis=analysis, paper=paper)
    return png_bytes(picture, dpi=paper.dpi)


def _finely_sampled(world: CanonicalWorld, terrain: World | None) -> CanonicalWorld:
    if terrain is None or world.grid.size >= MAP_CELLS:
        return world
    sampled = terrain.grid(MAP_CELLS)
    return dataclasses.replace(
        world,
        grid=Grid.of_world(MAP_CELLS),
        biome=sampled.biome,
        height=sampled.height,
        forest=sampled.forest,
        lava=sampled.lava,
    )
