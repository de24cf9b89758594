"""Marks of places on pictures: icons in badges that do not hide each other, with labels and a legend.

A full badge is a place of the game. A hollow badge is a candidate: one of several places of which the game keeps one.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd
from PIL import Image, ImageDraw

from vwe_dagster.locations.kinds import LocationGroup, kind_of
from vwe_dagster.rendering import palette
from vwe_dagster.rendering.free_space import Box, FreeSpace
from vwe_dagster.rendering.icons import icon_mask
from vwe_dagster.rendering.palette import Rgb

_GROUPS = (LocationGroup.BOSS, LocationGroup.TRADER)
_START = "spawn"
"""Kind and icon of the start."""

BADGE, MIN_BADGE = 30.0, 17
"""Width of a badge in units, and of the smallest one in pixels."""

_GLYPH_SHARE, _HOLLOW_GLYPH_SHARE = 0.68, 0.56
"""Width of the icon in a badge."""

_HALO_SHARE, _LINE_SHARE = 0.08, 0.06
_OVERSAMPLING = 4

_MAX_COVERED = 0.12
"""Maximum share of a picture's ground that badges cover; the farthest places of each kind are left out first."""

_SHIFTS = tuple(
    (reach * math.sin(turn * math.pi / 6), -reach * math.cos(turn * math.pi / 6))
    for reach in (0.0, 0.6, 0.9, 1.2, 1.6, 2.0)
    for turn in range(12 if reach else 1)
)
"""Offsets from its place at which a badge is tried, in badge widths."""

_COLORS: dict[LocationGroup, Rgb] = {LocationGroup.BOSS: palette.BOSS, LocationGroup.TRADER: palette.TRADER}


@dataclasses.dataclass(frozen=True)
class Site:
    """A place to be marked.

    Attributes:
        x_m, z_m: coordinates in meters.
        icon: name of its icon, see :data:`vwe_dagster.rendering.icon_shapes.SHAPES`.
        group: bosses, traders, or other for the start.
        name: name for people.
        count: number of such places in the world.
        is_candidate: whether the game keeps only one of several.
    """

    x_m: float
    z_m: float
    icon: str
    group: LocationGroup
    name: str
    count: int
    is_candidate: bool

    @property
    def is_start(self) -> bool:
        """True if players begin at this place."""
        return self.icon == _START

    @property
    def badge(self) -> Badge:
        """The badge of the place."""
        return Badge(self.icon, self.group, is_hollow=self.is_candidate)

    @property
    def title(self) -> str:
        """Name of the place in a legend."""
        if self.is_start:
            return "Start"
        return f"{self.name} (1 of {self.count})" if self.is_candidate else self.name


@dataclasses.dataclass(frozen=True)
class Badge:
    """An icon in a disc, or in a rounded square for traders.

    Attributes:
        icon: name of the icon.
        group: group of the place.
        is_hollow: whether only outline and icon are colored.
    """

    icon: str
    group: LocationGroup
    is_hollow: bool


@dataclasses.dataclass(frozen=True)
class Mark:
    """A site with the place of its badge.

    Attributes:
        site: the site.
        at: middle of the badge.
        place: place of the site itself.
    """

    site: Site
    at: tuple[float, float]
    place: tuple[float, float]


def sites_of(places: pd.DataFrame | None) -> list[Site]:
    """Return the sites of a world in the order in which they are placed.

    The start is first. The nearest place of each kind follows, then the second of each and so on.

    Args:
        places: see :data:`vwe_dagster.analysis.places.PLACE_COLUMNS`, the nearest of each kind first; None for none.
    """
    if places is None:
        return []
    groups = [group.value for group in _GROUPS]
    marked = places[places["group"].isin(groups) | (places["kind"] == _START)]
    rows = marked[["x_m", "z_m", "group", "label", "prefab", "candidate"]].to_numpy()
    counts, met = Counter(row[4] for row in rows), Counter[str]()
    ranked = []
    for x, z, group, label, prefab, is_candidate in rows:
        site = Site(
            float(x), float(z), kind_of(prefab).icon, LocationGroup(group), label, counts[prefab], bool(is_candidate)
        )
        ranked.append(((not site.is_start, met[prefab], site.is_candidate), site))
        met[prefab] += 1
    return [site for _, site in sorted(ranked, key=lambda entry: entry[0])]


def badge_size(scale: float) -> int:
    """Return the width of a badge in pixels on a picture of a scale."""
    return max(round(BADGE * scale), MIN_BADGE)


def arrange(
    sites: Sequence[tuple[Site, tuple[float, float]]], width: float, ground_area: float, space: FreeSpace
) -> list[Mark]:
    """Place badges without overlaps, and mark their boxes as taken.

    A badge without room at its place moves up to two badges away; one without room there is left out.

    Args:
        sites: in the order in which they choose, each with its place on the picture.
        width: width of a badge.
        ground_area: area of the ground that the picture shows, in the square of the same unit.
        space: free space of the picture.
    """
    most = int(_MAX_COVERED * ground_area / width**2)
    marks: list[Mark] = []
    for site, (x, y) in sites:
        if len(marks) == most:
            break
        for across, down in _SHIFTS:
            at = (x + across * width, y + down * width)
            if space.take_if_free([around(at, width)]):
                marks.append(Mark(site, at, (x, y)))
                break
    return marks


def around(at: tuple[float, float], width: float) -> Box:
    """Return the box that a badge takes."""
    reach = width / 2
    return at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach


def label_spots(at: tuple[float, float], width: float, text_width: float, size: float) -> Iterator[tuple[Box, str]]:
    """Yield the places that the label of a badge can have: box and anchor, the best first.

    Args:
        at: middle of the badge.
        width: width of the badge.
        text_width: width of the label.
        size: size of its type.
    """
    (x, y), reach, half = at, width / 2 + 2, text_width / 2
    yield (x - half, y + reach, x + half, y + reach + size), "mm"
    yield (x + reach, y - size / 2, x + reach + text_width, y + size / 2), "lm"
    yield (x - half, y - reach - size, x + half, y - reach), "mm"
    yield (x - reach - text_width, y - size / 2, x - reach, y + size / 2), "lm"


@functools.cache
def badge_picture(badge: Badge, pixels: int) -> Image.Image:
    """Draw a badge with its halo: RGBA, ``pixels`` wide and high; the picture is shared and must not be drawn on."""
    side, color = pixels * _OVERSAMPLING, _COLORS.get(badge.group, palette.INK)
    rim = _HALO_SHARE * side
    line = rim + max(_LINE_SHARE * side, _OVERSAMPLING)
    alpha, inside, middle = (Image.new("L", (side, side)) for _ in range(3))
    for mask, inset in ((alpha, 0.0), (inside, rim), (middle, line)):
        draw, box = ImageDraw.Draw(mask), (inset, inset, side - 1 - inset, side - 1 - inset)
        if badge.group is LocationGroup.TRADER:
            draw.rounded_rectangle(box, 0.24 * side - inset / 2, fill=255)
        else:
            draw.ellipse(box, fill=255)
    picture = Image.new("RGB", (pixels, pixels), palette.PAPER)
    picture.paste(color, (0, 0), inside.reduce(_OVERSAMPLING))
    if badge.is_hollow:
        picture.paste(palette.PAPER, (0, 0), middle.reduce(_OVERSAMPLING))
    glyph = round(pixels * (_HOLLOW_GLYPH_SHARE if badge.is_hollow else _GLYPH_SHARE))
    glyph += (pixels - glyph) % 2
    corner = (pixels - glyph) // 2
    picture.paste(color if badge.is_hollow else palette.PAPER, (corner, corner), icon_mask(badge.icon, glyph))
    picture.putalpha(alpha.reduce(_OVERSAMPLING))
    return picture
