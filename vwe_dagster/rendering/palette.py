"""Colors: the inks of the printed map, the nine biomes, and perceptually uniform ramps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.biomes import Biome

Rgb = tuple[int, int, int]

PAPER: Rgb = (240, 229, 203)
PAPER_SHADE: Rgb = (222, 206, 172)
INK: Rgb = (74, 58, 42)
INK_SOFT: Rgb = (98, 80, 58)
INK_FAINT: Rgb = (138, 118, 90)
COAST_INK: Rgb = (62, 62, 60)
WATER_INK: Rgb = (70, 104, 120)
RIVER: Rgb = (112, 142, 150)
FOREST_INK: Rgb = (46, 58, 40)
ROCK: Rgb = (168, 156, 140)
MIST: Rgb = (206, 200, 206)
EMBER: Rgb = (190, 92, 50)
LIT: Rgb = (255, 249, 228)
DEEP: Rgb = (88, 104, 108)
POOL: Rgb = (172, 190, 182)
ASHEN_SEA: Rgb = (150, 134, 120)
ICY_SEA: Rgb = (206, 216, 214)
EMBER_CORE: Rgb = (240, 160, 84)
BOSS: Rgb = (146, 48, 38)
TRADER: Rgb = (34, 78, 104)
CUT_SEA: tuple[Rgb, Rgb] = ((150, 176, 178), (84, 112, 124))
CUT_ROCK: tuple[Rgb, Rgb] = ((176, 150, 116), (122, 98, 74))

SHADE_STRENGTH = (0.95, 0.9, 0.78)
"""Factors by which hillshade darkens red, green and blue."""

BIOME_COLORS: Mapping[Biome, Rgb] = {
    Biome.NONE: PAPER,
    Biome.MEADOWS: (158, 168, 108),
    Biome.SWAMP: (164, 134, 104),
    Biome.MOUNTAIN: (244, 239, 228),
    Biome.BLACK_FOREST: (88, 112, 80),
    Biome.PLAINS: (226, 198, 134),
    Biome.ASHLANDS: (116, 66, 56),
    Biome.DEEP_NORTH: (196, 212, 222),
    Biome.OCEAN: (162, 182, 182),
    Biome.MISTLANDS: (134, 124, 148),
}
"""Color by biome: the game's hues, muted, with different lightness for color-blind people."""

SEA_STOPS: Sequence[tuple[float, Rgb]] = (
    (0.0, (220, 220, 198)),
    (3.0, (206, 213, 196)),
    (12.0, (184, 200, 192)),
    (30.0, (162, 182, 182)),
    (70.0, (122, 146, 152)),
)
"""Sea color by depth in meters."""

HEIGHT_STOPS: Sequence[tuple[float, Rgb]] = (
    (-50.0, (38, 50, 72)),
    (0.0, (76, 106, 128)),
    (22.0, (128, 160, 168)),
    (30.0, (186, 203, 194)),
    (30.0, (94, 112, 80)),
    (60.0, (152, 152, 92)),
    (110.0, (204, 178, 124)),
    (200.0, (228, 208, 180)),
    (450.0, (252, 250, 246)),
)
"""Color by height in meters: lightness rises to the shore, starts again on land, and rises to the peaks."""

FOREST_STOPS: Sequence[tuple[float, Rgb]] = (
    (0.0, (232, 224, 202)),
    (0.3, (182, 196, 138)),
    (0.6, (112, 146, 92)),
    (1.0, (38, 74, 50)),
)
"""Color by the density of the forest, from bare land to darker and darker green."""

FOREST_SEA: Rgb = (196, 208, 208)

# Bjoern Ottosson, "A perceptual color space for image processing", 2020: linear sRGB to cone responses, and those,
# after a cube root, to lightness and two opponent axes.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def hex_code(color: Rgb) -> str:
    """Return a color in the notation of CSS and SVG."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def linear_from_srgb(rgb: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return light intensities, 0 to 1, of sRGB colors, 0 to 255; the last axis is the channel (IEC 61966-2-1)."""
    value = np.asarray(rgb, dtype=np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(light: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Invert :func:`linear_from_srgb`, clipped and rounded to uint8."""
    value = np.clip(np.asarray(light, dtype=np.float64), 0, 1)
    encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * 255), dtype=np.uint8)


def oklab_from_linear(light: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return Oklab lightness (0 to 1) and opponent axes of light intensities; distances are perceptually uniform."""
    return np.asarray(np.cbrt(np.clip(light, 0, None) @ _TO_CONES.T) @ _TO_LAB.T)


def linear_from_oklab(lab: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Invert :func:`oklab_from_linear`."""
    cones = (np.asarray(lab) @ np.linalg.inv(_TO_LAB).T) ** 3
    return np.asarray(cones @ np.linalg.inv(_TO_CONES).T)


def ramp(stops: Sequence[tuple[float, Rgb]], values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Return the colors at ``values``, interpolated between ``stops`` in Oklab.

    Args:
        stops: values in rising order with their colors; a value given twice is a sharp edge, which belongs to the
            second color.
        values: any shape; values beyond the stops have the outermost colors.

    Returns:
        uint8, the shape of ``values`` and a last axis of three channels.
    """
    at = np.array([value for value, _ in stops])
    lab = oklab_from_linear(linear_from_srgb([color for _, color in stops]))
    mixed = np.stack([np.interp(values, at, lab[:, axis]) for axis in range(3)], axis=-1)
    return srgb_from_linear(linear_from_oklab(mixed))


def biome_table() -> npt.NDArray[np.uint8]:
    """Return :data:`BIOME_COLORS` by biome index, ``[256, 3]``; unknown indices are paper."""
    table = np.full((256, 3), PAPER, dtype=np.uint8)
    for biome, color in BIOME_COLORS.items():
        table[biome] = color
    return table
