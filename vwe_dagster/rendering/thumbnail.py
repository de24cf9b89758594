"""The thumbnail of a world: vivid flat colors and a coast line, so that worlds differ at 160 pixels."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vwe_dagster.rendering import palette
from vwe_dagster.rendering.ground import with_raised_swamps
from vwe_dagster.rendering.paper import cut_out
from vwe_dagster.rendering.view import THUMBNAIL_PIXELS, THUMBNAIL_WIDTH_M, MapPlanes, MapView
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M

_OVERSAMPLING = 2
_CHROMA, _CONTRAST, _MIDDLE = 1.5, 1.2, 0.68
"""Factors of the colorfulness and of the distance from a middle lightness, in Oklab."""

_SEA_STOPS: tuple[tuple[float, palette.Rgb], ...] = (
    (0.0, (214, 220, 200)),
    (12.0, (186, 202, 196)),
    (40.0, (156, 180, 184)),
)
"""Color of the sea by depth in meters; paler than on the map, so that land stands out."""

_COAST = 0.7
"""Strength of the coast line."""


def render_thumbnail(world: CanonicalWorld) -> Image.Image:
    """Draw the disc of a world without text, north up: RGB, 256 x 256.

    Land has the hues of the map in stronger colors, without hillshade. The coast is a dark line.
    """
    planes = MapPlanes.of(world, MapView(_OVERSAMPLING * THUMBNAIL_PIXELS, THUMBNAIL_WIDTH_M))
    above_sea = with_raised_swamps(planes) - np.float32(SEA_LEVEL_M)
    land = np.clip(above_sea + np.float32(0.5), 0, 1)
    picture = palette.ramp(_SEA_STOPS, -above_sea).astype(np.float32)
    _mix(picture, _vivid_colors()[planes.biome], land)
    _mix(picture, np.array(palette.COAST_INK, np.float32), _coast(land))
    return cut_out(Image.fromarray(np.rint(picture).astype(np.uint8)), planes.inside).reduce(_OVERSAMPLING)


def _mix(picture: npt.NDArray[np.float32], color: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> None:
    """Mix a share of a color, 0 to 1 at each pixel, into a picture."""
    picture += (color - picture) * share[..., None]


def _coast(land: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the ink of the line around land: the sea within a pixel of it."""
    mask = Image.fromarray((land * np.float32(255)).astype(np.uint8))
    grown = np.asarray(mask.filter(ImageFilter.MaxFilter(3)), np.float32) / np.float32(255)
    return np.asarray(np.clip(grown - land, 0, 1) * np.float32(_COAST))


@functools.cache
def _vivid_colors() -> npt.NDArray[np.float32]:
    """Return the colors of biomes by index, more colorful and with more contrast than on the map: ``[256, 3]``."""
    lab = palette.oklab_from_linear(palette.linear_from_srgb(palette.biome_table()))
    lab[:, 0] = _MIDDLE + (lab[:, 0] - _MIDDLE) * _CONTRAST
    lab[:, 1:] *= _CHROMA
    colors = palette.srgb_from_linear(palette.linear_from_oklab(lab)).astype(np.float32)
    colors[Biome.MOUNTAIN] = 255
    return colors
