"""Light and water: slopes, hillshade from the north-west, the antialiased shore, and the distance from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.ndimage
from PIL import Image

from vwe_dagster.grid import SEA_LEVEL_M

Plane = npt.NDArray[np.float32]

LIGHT_EAST, LIGHT_NORTH, LIGHT_UP = np.float32(-0.5), np.float32(0.5), np.float32(0.70710678)
"""Unit vector towards the light: north-west, 45 degrees above the horizon."""


def softened(plane: Plane) -> Plane:
    """The binomial mean of every 3 x 3 samples (1 2 1 both ways); one sample smaller on each side."""
    across = plane[:, :-2] + plane[:, 2:]
    across += plane[:, 1:-1]
    across += plane[:, 1:-1]
    mean = across[:-2] + across[2:]
    mean += across[1:-1]
    mean += across[1:-1]
    mean *= np.float32(1 / 16)
    return mean


def slopes(height: Plane, pixel_m: float) -> tuple[Plane, Plane]:
    """Rise per metre towards the east and towards the north, row 0 north; one sample smaller on each side.

    Horn's third-order differences (Proc. IEEE 69, 1981, p. 14), known as Sobel's operator.
    """
    scale = np.float32(1 / (8 * pixel_m))
    across = height[:, 2:] - height[:, :-2]
    east = across[:-2] + across[2:]
    east += across[1:-1]
    east += across[1:-1]
    east *= scale
    up = height[:-2] - height[2:]
    north = up[:, :-2] + up[:, 2:]
    north += up[:, 1:-1]
    north += up[:, 1:-1]
    north *= scale
    return east, north


def hillshade(east: Plane, north: Plane) -> Plane:
    """Lambert's light on slopes, less that on level ground: down to -1 in full shade, up to 0.29 facing the light."""
    light = LIGHT_EAST * east
    light += LIGHT_NORTH * north
    np.subtract(LIGHT_UP, light, out=light)
    length = np.square(east)
    length += np.square(north)
    length += np.float32(1)
    light /= np.sqrt(length, out=length)
    light -= LIGHT_UP
    return light


def shore_distance(height: Plane, east: Plane, north: Plane, pixel_m: float) -> Plane:
    """Pixels from the shore, positive on land: height above the sea over the slope there, true close to the shore."""
    rise = np.square(east)
    rise += np.square(north)
    np.sqrt(rise, out=rise)
    rise *= np.float32(pixel_m)
    np.maximum(rise, np.float32(0.35), out=rise)
    distance = height - np.float32(SEA_LEVEL_M)
    distance /= rise
    return distance


def resized(plane: Plane, pixels: int) -> Plane:
    """A square plane at another resolution: the mean where it shrinks, bicubic where it grows."""
    resampling = Image.Resampling.BOX if pixels < len(plane) else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(plane).resize((pixels, pixels), resampling))


def offshore_distance(height: Plane) -> Plane:
    """Pixels from every point of the sea to the nearest land, smooth; 0 on land. Measured at half resolution."""
    half = max(1, len(height) // 2)
    sea = resized(height, half) < np.float32(SEA_LEVEL_M)
    if sea.all():
        return np.full(height.shape, len(height), dtype=np.float32)
    distance = scipy.ndimage.distance_transform_edt(sea).astype(np.float32)
    distance *= np.float32(len(height) / half)
    return resized(distance, len(height))
