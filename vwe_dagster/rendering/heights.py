"""The picture of the heights alone, in colors that can be read off a scale."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

from vwe_dagster.rendering import palette
from vwe_dagster.rendering.blank import blank_sheet, set_ground
from vwe_dagster.rendering.layout import Layout, Spot
from vwe_dagster.rendering.paper import cut_out
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.plates import draw_color_bar, draw_compass, draw_scale_bar, draw_title
from vwe_dagster.rendering.sheet import Sheet
from vwe_dagster.rendering.view import GridWindow
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M

LOWEST_M, HIGHEST_M = -50.0, 450.0
"""The ends of the scale, the same for all worlds; values beyond have the color of the end."""

TICKS_M = (0, 100, 200, 300, 400)

_STEPS_PER_M = 4
_BAR = (430, 34)


def render_heights(world: CanonicalWorld, *, title: str, size: PictureSize | None = None) -> Image.Image:
    """Draw the heights of a world in a perceptually uniform color map, with its scale.

    Args:
        world: a world on any grid; resampled to the pixels of the map.
        title: text above the scale; ASCII.
        size: size of the picture; by default that of the grid.

    Returns:
        RGB, 2176 x 2176 for 2048 pixels of map; north up, in a frame.
    """
    size = size or PictureSize.of_grid(world.grid)
    window = GridWindow(world.grid, size.ground)
    steps = np.clip(window.heights(world.height), LOWEST_M, HIGHEST_M)
    steps -= np.float32(LOWEST_M)
    steps *= np.float32(_STEPS_PER_M)
    colors = palette.ramp(palette.HEIGHT_STOPS, np.arange(LOWEST_M, HIGHEST_M + 1, 1 / _STEPS_PER_M))
    colored = Image.fromarray(np.take(colors, steps.astype(np.int16), axis=0))
    sheet = set_ground(_blank(size), cut_out(colored, window.inside()), size, rings=palette.PAPER)
    facts = ["Meters; sea level is 30"]
    draw_title(sheet, title, Layout.of_map(size.view.pixels), above="Heights", facts=facts)
    return sheet.image


@functools.lru_cache(maxsize=1)
def _blank(size: PictureSize) -> Image.Image:
    """Draw the sheet without a ground and a title."""
    layout = Layout.of_map(size.view.pixels)
    sheet = blank_sheet(size, layout, rings=palette.PAPER)
    draw_compass(sheet, layout.compass)
    _draw_scale(sheet, layout.biomes.at)
    draw_scale_bar(sheet, layout.scale_bar)
    return sheet.image


def _draw_scale(sheet: Sheet, at: Spot) -> None:
    width, height = (round(side * sheet.scale) for side in _BAR)
    colors = palette.ramp(palette.HEIGHT_STOPS, np.linspace(LOWEST_M, HIGHEST_M, width))
    bar = Image.fromarray(np.broadcast_to(colors, (height, *colors.shape)).copy())
    ticks = [((tick - LOWEST_M) / (HIGHEST_M - LOWEST_M), str(tick)) for tick in TICKS_M]
    ticks.append(((SEA_LEVEL_M - LOWEST_M) / (HIGHEST_M - LOWEST_M), ""))
    draw_color_bar(sheet, bar, ticks, at=(at[0], at[1] - 30))
