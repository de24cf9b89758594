"""The picture of the biomes alone, in flat colors, and a quick thumbnail of a plane of biomes."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from vwe_dagster.rendering import palette
from vwe_dagster.rendering.blank import blank_sheet, set_ground
from vwe_dagster.rendering.layout import Layout
from vwe_dagster.rendering.legend import BIOME_ORDER, swatch_pixels
from vwe_dagster.rendering.paper import cut_out
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.plates import Entry, draw_compass, draw_legend, draw_scale_bar, draw_title
from vwe_dagster.rendering.view import THUMBNAIL_PIXELS, THUMBNAIL_WIDTH_M, GridWindow, MapView
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, Grid

UNDERWATER = 128
"""Added to the index of a biome under water."""

_DROWNED_SHARE = 0.55
"""Share of the sea's color in the color of a biome under water."""


def render_biomes(world: CanonicalWorld, *, title: str, size: PictureSize | None = None) -> Image.Image:
    """Draw the biomes of a world in the flat colors of the legend, paler where they are under water.

    Args:
        world: a world on any grid; resampled to the pixels of the map.
        title: text above the legend; ASCII.
        size: size of the picture; by default that of the grid.

    Returns:
        RGB, 2176 x 2176 for 2048 pixels of map; north up, in a frame.
    """
    size = size or PictureSize.of_grid(world.grid)
    window = GridWindow(world.grid, size.ground)
    drowned = (window.heights(world.height) < np.float32(SEA_LEVEL_M)).view(np.uint8) * np.uint8(UNDERWATER)
    flat = _colored(window.classes(world.biome) | drowned)
    sheet = set_ground(_blank(size), cut_out(flat, window.inside()), size)
    facts = ["Paler where under water"]
    draw_title(sheet, title, Layout.of_map(size.view.pixels), above="Biomes", facts=facts)
    return sheet.image


@functools.lru_cache(maxsize=1)
def _blank(size: PictureSize) -> Image.Image:
    """Draw the sheet without a ground and a title."""
    layout = Layout.of_map(size.view.pixels)
    sheet = blank_sheet(size, layout)
    draw_compass(sheet, layout.compass)
    draw_legend(sheet, "Biomes", _entries(sheet.scale), layout.biomes)
    draw_scale_bar(sheet, layout.scale_bar)
    return sheet.image


def biome_thumbnail(biome: npt.NDArray[np.uint8], grid: Grid | None = None) -> Image.Image:
    """Draw a plane of biome indices in flat colors, north up, quickly and without text.

    Args:
        biome: uint8, ``[z, x]``, south first.
        grid: the grid of the samples; by default the whole map.

    Returns:
        RGB, 256 x 256; paper beyond the edge of the world and where there are no samples.

    Raises:
        GridError: ``grid`` is missing, and the plane's size is not valid for a grid of the whole map.
    """
    view = MapView(2 * THUMBNAIL_PIXELS, THUMBNAIL_WIDTH_M)
    window = GridWindow(grid or Grid.of_world(len(biome)), view)
    flat = _colored(window.classes(biome))
    return cut_out(flat, window.inside()).reduce(2)


def _colored(indices: npt.NDArray[np.uint8]) -> Image.Image:
    flat = Image.fromarray(indices).convert("P")
    flat.putpalette(underwater_table().tobytes())
    return flat.convert("RGB")


def underwater_table() -> npt.NDArray[np.uint8]:
    """Return the colors by biome index, and under water by biome index plus 128: ``[256, 3]``."""
    table = palette.biome_table().astype(np.float64)
    sea = table[Biome.OCEAN]
    table[UNDERWATER:] = table[:UNDERWATER] + (sea - table[:UNDERWATER]) * _DROWNED_SHARE
    return np.rint(table).astype(np.uint8)


def _entries(scale: float) -> list[Entry]:
    table, (width, height) = underwater_table(), swatch_pixels(scale)
    entries = []
    for biome in BIOME_ORDER:
        swatch = Image.new("RGB", (width, height), tuple(table[biome].tolist()))
        swatch.paste(tuple(table[biome + UNDERWATER].tolist()), (width * 2 // 3, 0, width, height))
        entries.append((swatch, biome.title))
    return entries
