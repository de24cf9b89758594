"""The relief: a world as a raised block that floats on paper, seen from the south."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering import lettering, palette
from vwe_dagster.rendering.block import Block, Camera, cast_shadows, draw_block, shaded
from vwe_dagster.rendering.free_space import Box, FreeSpace
from vwe_dagster.rendering.map import figure_lines, highest_peaks, paint_ground
from vwe_dagster.rendering.palette import Rgb
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.place_marks import Site, sites_of
from vwe_dagster.rendering.relief_marks import draw_relief_marks, with_legend
from vwe_dagster.rendering.shading import Plane
from vwe_dagster.rendering.stencil import Stencil
from vwe_dagster.rendering.view import GridWindow, MapView
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M

RELIEF_SIZE = (1760, 1244)
"""Width and height of the picture in pixels, at scale 1: a peak of 500 m at the northern rim has room for its label."""

EXAGGERATION = 3.0
"""Factor by which heights are enlarged, because a world is 50 times as wide as its mountains are high."""

LABELED_PEAKS = 5
"""Number of peaks with a label, the highest ones."""

_CUT_M = WORLD_RADIUS_M - 40
"""Radius of the cut: a little inside the edge of the world, where the ground falls into the void."""

_BASE_M = -120.0
_DISTANCE, _EYE = 4.2, 2.5
"""Distance of the camera south of the world's center, and its height, in radii of the world."""

_SUN_SLOPE, _PENUMBRA_M = 0.75, 6.0
"""Fall of the sun's rays per meter, and the height over which a shadow's edge fades."""

_SHADOW = (0.36, 0.32, 0.25)
"""Shares of red, green and blue that a shadow removes."""

_HAZE = 0.16
"""Share of the air's color at the northern rim."""

_OVERSAMPLING = 2


def render_relief(
    world: CanonicalWorld,
    *,
    title: str,
    size: PictureSize | None = None,
    analysis: WorldAnalysis | None = None,
    painted: Image.Image | None = None,
) -> Image.Image:
    """Draw a world as a raised block, seen from the south: the ground of the map, with heights three times enlarged.

    The light comes from the north-west and casts shadows. On the southern side, the cut shows the sea and its bed.

    Args:
        world: a world on any grid; resampled to the pixels of the map.
        title: text in the upper left corner; ASCII.
        size: size of the pictures of the world; by default that of the grid.
        analysis: analysis of the same world, for the labels of its highest peaks and its figures.
        painted: the ground of the same world in the same size, from :func:`vwe_dagster.rendering.map.paint_ground`;
            by default painted here.

    Returns:
        RGB, 1760 x 1244 for 2048 pixels of map, higher by the legend if places are known; the same pixels for the
        same input.
    """
    size = size or PictureSize.of_grid(world.grid)
    heights = GridWindow(world.grid, size.ground).heights(world.height)
    scene = Scene.of_size(*(round(side * size.scale) for side in RELIEF_SIZE))
    picture = scene.draw(painted or paint_ground(world, size), heights, size.ground.pixel_m)
    space = FreeSpace()
    space.take(_letter_title(picture, title, () if analysis is None else figure_lines(analysis), size.scale))
    space.take(*scene.draw_directions(picture))
    if analysis is None:
        return picture
    sites = sites_of(analysis.places)
    pinned = [(site, scene.to_pixel(site.x_m, site.z_m, _height_at(heights, size.ground, site))) for site in sites]
    labels = scene.place_peak_labels(highest_peaks(analysis, LABELED_PEAKS), space)
    draw_relief_marks(picture, pinned, space, size.scale)
    scene.draw_peak_labels(picture, labels)
    return with_legend(picture, sites, size.scale) if sites else picture


def _height_at(heights: Plane, view: MapView, site: Site) -> float:
    """Return the height of the surface at a site."""
    column, row = (min(max(int(place), 0), len(heights) - 1) for place in view.to_pixel(site.x_m, site.z_m))
    return max(float(heights[row, column]), SEA_LEVEL_M)


@dataclasses.dataclass(frozen=True)
class Scene:
    """A block and its camera for a picture of some size.

    Attributes:
        width: width of the picture in pixels.
        height: height of the picture in pixels.
        camera: the camera, for a picture without oversampling.
    """

    width: int
    height: int
    camera: Camera

    @classmethod
    def of_size(cls, width: int, height: int) -> Scene:
        """Return a scene with the block in the middle: nine tenths of the width, its underside near the lower edge."""
        distance_m, eye_m = _DISTANCE * WORLD_RADIUS_M, _EYE * WORLD_RADIUS_M
        focal = 0.45 * width * math.sqrt(distance_m**2 - _CUT_M**2) / _CUT_M
        lowest = focal * (eye_m - _BASE_M * EXAGGERATION) / (distance_m - _CUT_M)
        return cls(width, height, Camera(width, focal, 0.92 * height - lowest, distance_m, eye_m, EXAGGERATION))

    def draw(self, painted: Image.Image, heights: Plane, pixel_m: float) -> Image.Image:
        """Draw the block on paper.

        Args:
            painted: the ground seen from above: RGB, square, north up.
            heights: float32 meters, one sample per pixel of ``painted``.
            pixel_m: ground along the side of such a pixel.
        """
        surface = np.maximum(heights, np.float32(SEA_LEVEL_M))
        drop_m = pixel_m * math.sqrt(2) * _SUN_SLOPE / EXAGGERATION
        shade = cast_shadows(surface, drop_m, _PENUMBRA_M)
        block = Block(
            surface=surface,
            bed=np.ascontiguousarray(heights),
            color=shaded(np.array(painted), shade, np.array(_SHADOW, np.float32)),
            pixel_m=pixel_m,
            radius_m=_CUT_M,
            base_m=_BASE_M,
            sea=np.array(palette.CUT_SEA, np.float32),
            rock=np.array(palette.CUT_ROCK, np.float32),
        )
        camera = self.camera._replace(
            width=self.width * _OVERSAMPLING,
            focal=self.camera.focal * _OVERSAMPLING,
            horizon=self.camera.horizon * _OVERSAMPLING,
        )
        canvas = _paper(self).copy()
        draw_block(block, camera, np.array([*palette.PAPER, _HAZE], np.float32), canvas)
        return Image.fromarray(canvas).reduce(_OVERSAMPLING)

    def to_pixel(self, x_m: float, z_m: float, height_m: float = SEA_LEVEL_M) -> tuple[float, float]:
        """Return the column and row of a point of the world, whether hidden or not."""
        scale = self.camera.focal / (z_m + self.camera.distance_m)
        drop_m = self.camera.eye_m - height_m * self.camera.exaggeration
        return self.width / 2 + scale * x_m, self.camera.horizon + scale * drop_m

    def draw_directions(self, picture: Image.Image) -> list[Box]:
        """Draw the directions of the compass around the rim; return their boxes."""
        size, boxes = self.width / 82, []
        for name, east, north in (("N", 0, 1), ("E", 1, 0), ("S", 0, -1), ("W", -1, 0)):
            x, y = self.to_pixel(
                east * 1.045 * WORLD_RADIUS_M,
                (1.09 if north > 0 else 1.04) * north * WORLD_RADIUS_M,
                min(north, 0) * -_BASE_M,
            )
            lettering.letter(picture, (x, y), name, size, anchor="mm", color=palette.INK_SOFT)
            boxes.append((x - size / 2, y - size / 2, x + size / 2, y + size / 2))
        return boxes

    def place_peak_labels(self, peaks: Sequence[tuple[float, float, float]], space: FreeSpace) -> list[PeakLabel]:
        """Place the heights of peaks above them without overlaps, and mark their boxes as taken.

        A label without room is tried on a longer line; one without room there is left out.

        Args:
            peaks: x, z and height above the sea in meters, in the order in which they choose.
            space: free space of the picture.
        """
        labels, size = [], max(self.width / 106, lettering.MIN_TYPE)
        for x_m, z_m, above_sea_m in peaks:
            x, y = (round(place) for place in self.to_pixel(x_m, z_m, above_sea_m + SEA_LEVEL_M))
            text = f"{above_sea_m:.0f}"
            half = lettering.width(text, size) / 2 + 3
            for lines in (1, 1.8, 2.6):
                row = max(round(y - lines * self.width / 90), math.ceil(size) + 6)
                if space.take_if_free([(x - half, row - 8 - size, x + half, max(y, row))]):
                    labels.append(PeakLabel((x, y), row, text))
                    break
        return labels

    def draw_peak_labels(self, picture: Image.Image, labels: Sequence[PeakLabel]) -> None:
        """Draw the heights of peaks, each on a line above its peak."""
        for label in labels:
            x, y = label.peak
            line = Stencil(6, max(1, y - label.row))
            line.rectangle((2.25, 0), (3.75, y - label.row))
            picture.paste(palette.INK, (x - 3, label.row), line.coverage())
            size = self.width / 106
            lettering.letter(picture, (x, label.row - 5), label.text, size, anchor="ms", halo=palette.PAPER)


@dataclasses.dataclass(frozen=True)
class PeakLabel:
    """The height of a peak on the picture.

    Attributes:
        peak: column and row of the peak.
        row: row at which the line from the peak ends; the text is above it.
        text: the height in meters.
    """

    peak: tuple[int, int]
    row: int
    text: str


@functools.lru_cache(maxsize=2)
def _paper(scene: Scene) -> npt.NDArray[np.uint8]:
    """Return the paper with the shadow of the block, oversampled and read-only."""
    angles = np.linspace(0, 2 * np.pi, 240)
    rim = zip(_CUT_M * np.cos(angles) + 450, _CUT_M * np.sin(angles) - 450, strict=True)
    shadow = Image.new("L", (scene.width, scene.height))
    ImageDraw.Draw(shadow).polygon([scene.to_pixel(x, z, 1.5 * _BASE_M) for x, z in rim], fill=150)
    shadow = shadow.filter(ImageFilter.GaussianBlur(scene.width / 60))
    paper = Image.new("RGB", shadow.size, palette.PAPER)
    paper.paste(palette.INK_FAINT, (0, 0), shadow)
    size = (scene.width * _OVERSAMPLING, scene.height * _OVERSAMPLING)
    oversampled = np.array(paper.resize(size, Image.Resampling.BILINEAR))
    oversampled.flags.writeable = False
    return oversampled


def _letter_title(picture: Image.Image, title: str, facts: Sequence[str], scale: float) -> Box:
    """Draw the title and the lines below it; positions and sizes are those of a picture at scale 1. Return its box."""

    def letter(at: tuple[float, float], text: str, size: float, spacing: float, color: Rgb) -> None:
        place = (at[0] * scale, at[1] * scale)
        lettering.letter(picture, place, text, size * scale, spacing=spacing * scale, color=color)

    left, top, room = 52, 60, 0.2 * RELIEF_SIZE[0]
    size = min(56.0, 56 * room / lettering.width(title, 56, 2))
    letter((left, top), "THE TENTH WORLD", 16, 6, palette.INK_FAINT)
    letter((left - 2, top + 62), title, size, size / 28, palette.INK)
    for row, fact in enumerate(facts):
        letter((left, top + 102 + 26 * row), fact, 18, 0.5, palette.INK_SOFT)
    remark = f"Seen from the south, heights {EXAGGERATION:g} times enlarged"
    letter((left, RELIEF_SIZE[1] - 44), remark, 18, 0.5, palette.INK_SOFT)
    bottom = top + 74 + (14 + 26 * len(facts) if facts else 0)
    return 0, 0, (left + room) * scale, bottom * scale
