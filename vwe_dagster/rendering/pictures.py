"""The pictures of a world by file name."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping

from PIL import Image

from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering.biome_map import render_biomes
from vwe_dagster.rendering.heights import render_heights
from vwe_dagster.rendering.map import paint_ground, render_map
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.relief import render_relief
from vwe_dagster.rendering.thumbnail import render_thumbnail
from vwe_dagster.world.canonical import CanonicalWorld

THUMBNAIL = "thumbnail.png"
MAP = "map.png"
"""Names of pictures that other parts of the project use."""


def pictures(
    world: CanonicalWorld, analysis: WorldAnalysis, title: str, size: PictureSize | None = None
) -> Mapping[str, Callable[[], Image.Image]]:
    """Return a function for each picture of a world that draws it; several can run concurrently.

    Args:
        world: a world on any grid.
        analysis: analysis of the same world.
        title: text on the sheets; ASCII.
        size: size of the pictures; by default that of the grid.
    """
    fitting = size or PictureSize.of_grid(world.grid)
    paint, painting = functools.cache(lambda: paint_ground(world, fitting)), threading.Lock()

    def painted() -> Image.Image:
        with painting:
            return paint()

    return {
        MAP: lambda: render_map(world, title=title, size=fitting, analysis=analysis, painted=painted()),
        "biomes.png": lambda: render_biomes(world, title=title, size=fitting),
        "heights.png": lambda: render_heights(world, title=title, size=fitting),
        "relief.png": lambda: render_relief(world, title=title, size=fitting, analysis=analysis, painted=painted()),
        THUMBNAIL: lambda: render_thumbnail(world),
    }
