"""The map, the main picture of a world."""

from __future__ import annotations

import functools

from PIL import Image

from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering import ground
from vwe_dagster.rendering.blank import blank_sheet, set_ground
from vwe_dagster.rendering.layout import Layout
from vwe_dagster.rendering.legend import biome_entries, sign_entries
from vwe_dagster.rendering.map_marks import draw_map_marks, draw_place_legends
from vwe_dagster.rendering.paper import print_on_paper
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.place_marks import sites_of
from vwe_dagster.rendering.plates import (
    draw_compass,
    draw_legend,
    draw_scale_bar,
    draw_title,
)
from vwe_dagster.rendering.view import MapPlanes
from vwe_dagster.rendering.waterways import river_ink
from vwe_dagster.world.canonical import CanonicalWorld

LABELED_PEAKS = 12
"""Number of marked peaks, the highest ones."""


def paint_ground(world: CanonicalWorld, size: PictureSize) -> Image.Image:
    """Paint the ground of the map: RGB, the pixels of :attr:`PictureSize.ground`."""
    view = size.ground
    rivers = None if world.rivers is None else river_ink(world.rivers, view)
    return ground.paint(MapPlanes.of(world, view), rivers, detailed=size.is_detailed)


def render_map(
    world: CanonicalWorld,
    *,
    title: str,
    size: PictureSize | None = None,
    analysis: WorldAnalysis | None = None,
    painted: Image.Image | None = None,
) -> Image.Image:
    """Draw the map of a world, north up, in a frame, with its plates.

    Args:
        world: a world on any grid; resampled to the pixels of the map. Layers that it lacks are not drawn.
        title: text above the map's figures; ASCII.
        size: size of the picture; by default that of the grid.
        analysis: analysis of the same world, for its highest peaks, places, land area and islands.
        painted: the ground of the same world in the same size, from :func:`paint_ground`; by default painted here.

    Returns:
        RGB, 2176 x 2176 for 2048 pixels of map; the same pixels for the same input.
    """
    size = size or PictureSize.of_grid(world.grid)
    sites = [] if analysis is None else sites_of(analysis.places)
    layout = Layout.of_map(size.view.pixels, has_places=bool(sites))
    blank = _blank(size, bool(sites), world.rivers is not None, world.lava is not None)
    sheet = set_ground(blank, painted or paint_ground(world, size), size)
    draw_map_marks(sheet, sites, [] if analysis is None else highest_peaks(analysis, LABELED_PEAKS))
    facts = () if analysis is None else figure_lines(analysis)
    draw_title(sheet, title, layout, above="The tenth world", facts=facts)
    draw_place_legends(sheet, sites, layout.bosses, layout.places)
    return print_on_paper(sheet.image)


@functools.lru_cache(maxsize=1)
def _blank(size: PictureSize, has_places: bool, rivers: bool, lava: bool) -> Image.Image:  # noqa: FBT001  keys of a cache
    """Draw the sheet without a ground, a title and places."""
    layout = Layout.of_map(size.view.pixels, has_places=has_places)
    sheet = blank_sheet(size, layout)
    draw_compass(sheet, layout.compass)
    draw_legend(sheet, "Biomes", biome_entries(sheet.scale, detailed=size.is_detailed), layout.biomes)
    signs = sign_entries(sheet.scale, detailed=size.is_detailed, rivers=rivers, lava=lava)
    draw_legend(sheet, "Signs", signs, layout.signs)
    draw_scale_bar(sheet, layout.scale_bar)
    return sheet.image


def highest_peaks(analysis: WorldAnalysis, count: int) -> list[tuple[float, float, float]]:
    """Return x, z and height above the sea of the highest peaks in meters, ``count`` at most."""
    highest = analysis.peaks.nlargest(count, "above_sea_m")
    return [(float(x), float(z), float(h)) for x, z, h in highest[["x_m", "z_m", "above_sea_m"]].to_numpy()]


def figure_lines(analysis: WorldAnalysis) -> list[str]:
    """Return the lines of figures that a picture shows below its title."""
    statistics = analysis.statistics
    facts = [f"Land {statistics['land_area_km2']:.0f} sq km", f"{statistics['island_count']} islands"]
    if statistics["highest_peak_above_sea_m"] is not None:
        facts.append(f"Highest peak {statistics['highest_peak_above_sea_m']:.0f} m above the sea")
    return facts
