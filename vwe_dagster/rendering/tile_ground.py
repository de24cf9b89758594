"""What a part of a world is painted from at any zoom: its own planes, or samples of the engine beyond their detail.

Whatever is told of a place depends on the place alone, so that parts which are painted by themselves join.
"""

from __future__ import annotations

import functools
import threading

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vwe_dagster.rendering.ground import Climates
from vwe_dagster.rendering.view import FLOOR_M, GridWindow, MapPlanes, MapView
from vwe_dagster.rendering.waterways import INKED_SHARE, river_ink
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.worldgen import World

_CLIMATE_PIXELS = 128
"""Side of the picture of the climates of the whole map: 192 m a pixel."""

_CLIMATE_BLUR = 2

_CLIMATE_EDGE = 16
"""Its pixels around the map: as far as the margin of a tile that shows the whole world reaches."""

_INKED_NEARBY = 0.6
"""How much of a river's width is inked where the engine's samples show its bed."""


class TileGround:
    """The ground of one world, for any number of threads at once."""

    def __init__(self, world: CanonicalWorld, terrain: World | None, native_m: float) -> None:
        """The ground of a world.

        Args:
            world: its planes, on any grid.
            terrain: the engine's world, where there is one.
            native_m: the ground of a pixel down to which the planes are used.
        """
        self._world = world
        self._terrain = terrain
        self._native_m = native_m
        self._lock = threading.Lock()

    def planes(self, view: MapView) -> MapPlanes:
        """The planes at the pixels of a view."""
        if self._terrain is None or view.pixel_m >= self._native_m:
            return MapPlanes.of(self._world, view)
        with self._lock:
            # The rivers of a world are laid out once, and take longer than many tiles.
            self._terrain.height(0, 0)
        sampled = self._terrain.sample(view.centers(), view.row_centers()[::-1])
        return MapPlanes(
            pixel_m=view.pixel_m,
            biome=sampled.biome[::-1],
            height=np.maximum(sampled.height[::-1], np.float32(FLOOR_M)),
            forest=sampled.forest[::-1],
            lava=sampled.lava[::-1] if (sampled.biome == Biome.ASHLANDS).any() else None,
            radius=view.radius(),
            inside=view.inside(),
            first_pixel=view.first_pixel(),
        )

    def rivers(self, view: MapView) -> npt.NDArray[np.uint8] | None:
        """The rivers of a view, see :func:`vwe_dagster.rendering.waterways.river_ink`; None where none are known."""
        if self._world.rivers is None:
            return None
        is_native = self._terrain is None or view.pixel_m >= self._native_m
        return river_ink(self._world.rivers, view, inked_share=INKED_SHARE if is_native else _INKED_NEARBY)

    def climates(self, view: MapView) -> Climates:
        """The climates at the pixels of a view."""
        whole = MapView(_CLIMATE_PIXELS)
        column, row = whole.to_pixel(view.east_m, view.north_m)
        reach = view.width_m / whole.pixel_m / 2
        box = tuple(edge + _CLIMATE_EDGE for edge in (column - reach, row - reach, column + reach, row + reach))
        size = (view.pixels, view.pixels)
        ashen, icy = (
            np.asarray(climate.resize(size, Image.Resampling.BILINEAR, box=box))  # type: ignore[arg-type]
            for climate in self._climates
        )
        return ashen, icy

    @functools.cached_property
    def _climates(self) -> tuple[Image.Image, Image.Image]:
        """The climates of the whole map, with a few pixels more around it."""
        window = GridWindow(self._world.grid, MapView(_CLIMATE_PIXELS))

        def climate(kind: Biome) -> Image.Image:
            share = window.values((self._world.biome == kind).astype(np.float32))
            mask = np.pad((np.clip(share, 0, 1) * np.float32(255)).astype(np.uint8), _CLIMATE_EDGE, mode="edge")
            return Image.fromarray(mask).filter(ImageFilter.BoxBlur(_CLIMATE_BLUR))

        return climate(Biome.ASHLANDS), climate(Biome.DEEP_NORTH)
