"""Map symbols scattered over the land: trees, reeds, grass, ash and ice, where biome and forest allow them."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from vwe_dagster.rendering.stencil import Point, Stencil
from vwe_dagster.rendering.view import MapPlanes
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M

SPACING = 9
"""Pixels between neighboring places of the lattice on which symbols are drawn."""

MEADOWS_FOREST, PLAINS_FOREST = 1.15, 0.8
"""Limits of the forest factor below which forest grows; in the Black Forest it grows everywhere."""

_JITTER = 2

Outline = tuple[Point, ...]


@dataclasses.dataclass(frozen=True)
class Symbol:
    """A small drawing, positioned by the middle of its lower edge; lengths in pixels.

    Attributes:
        size: width and height.
        bodies: outlines filled with ink.
        strokes: lines of ink.
        lights: outlines lit from the north-west, inside bodies.
    """

    size: tuple[int, int]
    bodies: tuple[Outline, ...] = ()
    strokes: tuple[Outline, ...] = ()
    lights: tuple[Outline, ...] = ()

    def tones(self) -> npt.NDArray[np.int16]:
        """Return the drawing, ``[height, width]``: negative is ink, down to -255, positive is light, up to 255."""
        ink, light = Stencil(*self.size), Stencil(*self.size)
        for outline in self.bodies:
            ink.polygon(outline)
        for stroke in self.strokes:
            ink.line(stroke)
        for outline in self.lights:
            light.polygon(outline)
        inked, lit = (np.asarray(stencil.coverage(), dtype=np.int16) for stencil in (ink, light))
        return np.where(lit > 0, lit, -inked)


def _round(x: float, y: float, radius: float) -> Outline:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return tuple((x + radius * float(np.cos(angle)), y + radius * float(np.sin(angle))) for angle in angles)


FIR = Symbol(
    (9, 11),
    bodies=(((4.5, 0.3), (8.0, 9.0), (1.0, 9.0)),),
    strokes=(((4.5, 9.0), (4.5, 10.8)),),
    lights=(((4.2, 1.8), (3.6, 8.2), (1.9, 8.2)),),
)
SMALL_FIR = Symbol(
    (7, 9),
    bodies=(((3.5, 0.5), (6.2, 7.3), (0.8, 7.3)),),
    strokes=(((3.5, 7.0), (3.5, 8.6)),),
    lights=(((3.2, 2.0), (2.8, 6.6), (1.6, 6.6)),),
)
OAK = Symbol(
    (9, 9), bodies=(_round(4.5, 3.8, 3.3),), strokes=(((4.5, 6.5), (4.5, 8.8)),), lights=(_round(3.8, 3.1, 2.0),)
)
REEDS = Symbol(
    (11, 7),
    strokes=(((0.5, 5.6), (10.5, 5.6)), ((3, 5.4), (2.4, 1.6)), ((5.5, 5.4), (5.5, 0.6)), ((8, 5.4), (8.6, 1.6))),
)
GRASS = Symbol((7, 5), strokes=(((1.0, 1.2), (3.5, 4.8), (6.0, 1.2)), ((3.5, 4.8), (3.5, 0.3))))
SWIRL = Symbol((11, 5), strokes=(((0.6, 3.4), (3.0, 1.4), (6.5, 3.4), (10.2, 1.4)),))
CINDER = Symbol((5, 5), bodies=(((2.5, 0.6), (4.4, 4.0), (0.6, 4.0)),))
ICE = Symbol((9, 6), strokes=(((0.6, 5.2), (3.6, 0.8), (5.6, 5.2)), ((5.4, 4.0), (6.8, 2.2), (8.4, 5.2))))


def draw_symbols(planes: MapPlanes) -> npt.NDArray[np.int16]:
    """Draw the symbols for the ground of a picture.

    Places are a jittered lattice over the whole map, the same for every world. The symbol at a place depends only on
    the planes there. There are none close to the rim of a picture, so that none is cut.

    Returns:
        int16, the shape of the planes: negative is ink, down to -255, positive is light, up to 255.
    """
    biome, height, forest = planes.biome, planes.height, planes.forest
    rows, columns, chance = _lattice(height.shape, planes.first_pixel)
    where, factor = biome[rows, columns], forest[rows, columns]
    dry = height[rows, columns] > np.float32(SEA_LEVEL_M + 0.6)
    marsh = height[rows, columns] > np.float32(SEA_LEVEL_M - 0.6)

    def at(kind: Biome, share: float) -> npt.NDArray[np.bool_]:
        return np.asarray((where == kind) & dry & (chance < share))

    black = at(Biome.BLACK_FOREST, 0.86)
    wooded = (at(Biome.MEADOWS, 0.62) & (factor < MEADOWS_FOREST)) | (at(Biome.PLAINS, 0.8) & (factor < PLAINS_FOREST))
    places = (
        (OAK, wooded),
        (FIR, black & (chance < 0.5)),
        (SMALL_FIR, black & (chance >= 0.5)),
        (REEDS, (where == Biome.SWAMP) & marsh & (chance < 0.32)),
        (GRASS, at(Biome.PLAINS, 0.2) & ~wooded),
        (SWIRL, at(Biome.MISTLANDS, 0.22)),
        (CINDER, at(Biome.ASHLANDS, 0.22)),
        (ICE, at(Biome.DEEP_NORTH, 0.12)),
    )
    strewn = np.zeros(height.shape, dtype=np.int16)
    for symbol, chosen in places:
        _stamp(strewn, symbol, rows[chosen], columns[chosen])
    return strewn


def _lattice(
    shape: tuple[int, ...], first_pixel: tuple[int, int]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Return rows, columns and a random number from 0 to 1 of every place, away from the rim of the picture."""
    margin = SPACING + 2 * _JITTER
    (north, west), (rows, columns) = first_pixel, shape
    down = np.arange((north + margin) // SPACING, (north + rows) // SPACING + 1)
    across = np.arange((west + margin) // SPACING, (west + columns) // SPACING + 1)
    down, across = (numbers.ravel() for numbers in np.meshgrid(down, across, indexing="ij"))
    random = _mixed(_mixed(down) ^ across)
    row = down * SPACING - north + _jitter(random)
    column = across * SPACING - west - down % 2 * (SPACING // 2) + _jitter(random >> np.uint32(8))
    kept = (row >= margin) & (row < rows - margin) & (column >= margin) & (column < columns - margin)
    chance = (random >> np.uint32(16)).astype(np.float32) / np.float32(1 << 16)
    return row[kept], column[kept], chance[kept]


def _jitter(random: npt.NDArray[np.uint32]) -> npt.NDArray[np.intp]:
    return (random & np.uint32(255)).astype(np.intp) * (2 * _JITTER + 1) // 256 - _JITTER


def _mixed(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
    """Return hashes of numbers: ``lowbias32`` of Chris Wellons, 2018."""
    mixed = numbers.astype(np.uint32)
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x7FEB352D)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x846CA68B)
    mixed ^= mixed >> np.uint32(16)
    return mixed


def _stamp(
    plane: npt.NDArray[np.int16], symbol: Symbol, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> None:
    """Draw a symbol at places; where two overlap, light covers ink, and the darker ink shows."""
    tones = symbol.tones()
    height, width = tones.shape
    for y, x in zip(*np.nonzero(tones), strict=True):
        at = (rows - height + 1 + y, columns - width // 2 + x)
        tone = tones[y, x]
        plane[at] = tone if tone > 0 else np.minimum(plane[at], tone)
