"""The planes for parts of a world at any zoom: the world's own, or new samples of the engine at finer zooms.

All values at a place depend on the place alone, so that parts painted separately join without a seam.
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
"""Side of the picture of the climates of the whole map: 192 m per pixel."""

_CLIMATE_BLUR = 2

_CLIMATE_EDGE = 16
"""Pixels of that picture around the map, enough for the margin of a tile that shows the whole world."""

_INKED_NEARBY = 0.6
"""Share of a river's width that is inked where the engine's samples show its bed."""


class TileGround:
    """The ground of one world; threads can use it concurrently."""

    def __init__(self, world: CanonicalWorld, terrain: World | None, native_m: float) -> None:
        """Store the world; planes are resampled on demand.

        Args:
            world: a world on any grid.
            terrain: the engine's world, if it generated this one.
            native_m: the smallest size of a pixel, in meters, for which the planes of ``world`` are used.
        """
        self._world = world
        self._terrain = terrain
        self._native_m = native_m
        self._lock = threading.Lock()

    def planes(self, view: MapView) -> MapPlanes:
        """Return the planes at the pixels of a view."""
        if self._terrain is None or view.pixel_m >= self._native_m:
            return MapPlanes.of(self._world, view)
        with self._lock:
            # The rivers of a world are computed once, which takes longer than many tiles.
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
        """Return the rivers of a view from :func:`vwe_dagster.rendering.waterways.river_ink`, or None if unknown."""
        if self._world.rivers is None:
            return None
        is_native = self._terrain is None or view.pixel_m >= self._native_m
        return river_ink(self._world.rivers, view, inked_share=INKED_SHARE if is_native else _INKED_NEARBY)

    def climates(self, view: MapView) -> Climates:
        """Return the climates at the pixels of a view."""
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
        """Return the climates of the whole map, with a few more pixels around it."""
        window = GridWindow(self._world.grid, MapView(_CLIMATE_PIXELS))

        def climate(kind: Biome) -> Image.Image:
            share = window.values((self._world.biome == kind).astype(np.float32))
            mask = np.pad((np.clip(share, 0, 1) * np.float32(255)).astype(np.uint8), _CLIMATE_EDGE, mode="edge")
            return Image.fromarray(mask).filter(ImageFilter.BoxBlur(_CLIMATE_BLUR))

        return climate(Biome.ASHLANDS), climate(Biome.DEEP_NORTH)
