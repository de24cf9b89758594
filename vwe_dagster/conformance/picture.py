"""A picture of the differences between two worlds: pale biomes, and every differing cell in red."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vwe_dagster.rendering import palette
from vwe_dagster.world.biomes import BIOMES

SEEN_PIXELS = 5
"""Side of the square for a cell, so that a single one is visible."""

_RED = (214, 24, 40)
_PALE = 0.7


def difference_picture(flags: npt.NDArray[np.generic], differing: npt.NDArray[np.bool_]) -> Image.Image:
    """Return a picture of the cells in which two worlds differ.

    Args:
        flags: the game's biome flags, ``[z, x]``, south first.
        differing: mask of the differing cells, ``[z, x]``, south first.

    Returns:
        RGB, north up, one pixel per cell.
    """
    colors = np.full((max(biome.flag for biome in BIOMES) + 1, 3), palette.PAPER, np.float32)
    for biome in BIOMES:
        colors[biome.flag] = palette.BIOME_COLORS[biome]
    pale = (colors + (np.float32(255) - colors) * np.float32(_PALE)).astype(np.uint8)
    picture = Image.fromarray(pale.take(flags[::-1].astype(np.intp), axis=0, mode="clip"))
    mask = Image.fromarray(differing[::-1].view(np.uint8) * np.uint8(255)).filter(ImageFilter.MaxFilter(SEEN_PIXELS))
    picture.paste(_RED, mask=mask)
    return picture
