"""The poster: a sheet to print, with the map at double resolution, the relief, and the figures of the world.

Positions and sizes are in units of two pixels. Every paper has the same map. A higher paper has more space between the
parts.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Self, cast

import pandas as pd
from PIL import Image

from vwe_dagster.analysis import column_texts
from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.analysis.peaks import PEAK_COUNT
from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering import ground, lettering, palette
from vwe_dagster.rendering.circles import draw_circles
from vwe_dagster.rendering.layout import COMPASS, CORNER, Legend
from vwe_dagster.rendering.legend import BIOME_ORDER, biome_entries, sign_entries
from vwe_dagster.rendering.map import highest_peaks
from vwe_dagster.rendering.map_marks import draw_map_marks, draw_place_legends
from vwe_dagster.rendering.paper import print_on_paper
from vwe_dagster.rendering.place_marks import sites_of
from vwe_dagster.rendering.plates import (
    LEGEND_ROW,
    draw_compass,
    draw_legend,
    draw_scale_bar,
)
from vwe_dagster.rendering.relief import EXAGGERATION, RELIEF_SIZE, Scene
from vwe_dagster.rendering.shading import resized
from vwe_dagster.rendering.sheet import Sheet
from vwe_dagster.rendering.view import MapPlanes, MapView
from vwe_dagster.rendering.waterways import river_ink
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld

SCALE = 2
"""Pixels of the poster per unit of its sheet."""

POSTER_WIDTH = 4096
"""Width in pixels on every paper. The map has 6 m per pixel, which is the finest grid that is sampled for it."""

_VIEW = MapView(1832, 1832 * 12.0)
_LEFT = (POSTER_WIDTH // SCALE - _VIEW.pixels) // 2
_GROUND = MapView(_VIEW.pixels * SCALE, _VIEW.width_m).disc()

_FACTS, _RELIEF = 806, 1232
"""Left edges of the second and the third panel, from the left edge of the map."""

_BAR_WIDTH = 190
_SEPARATOR = " \N{MIDDLE DOT} "
_MM_PER_INCH = 25.4
_POINTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


class Paper(enum.StrEnum):
    """A size of paper. Values are names for options and addresses."""

    CM_30X40 = "30x40"
    A2 = "a2"
    TWO_TO_THREE = "2x3"

    @property
    def size_mm(self) -> tuple[int, int]:
        """Width and height in millimeters; 2 to 3 is printed at 40 x 60 cm or at 24 x 36 inches."""
        return {Paper.CM_30X40: (300, 400), Paper.A2: (420, 594), Paper.TWO_TO_THREE: (400, 600)}[self]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the poster in pixels."""
        width, height = self.size_mm
        return POSTER_WIDTH, SCALE * round(POSTER_WIDTH * height / width / SCALE)

    @property
    def dpi(self) -> float:
        """Pixels per inch of the poster on this paper."""
        return POSTER_WIDTH / self.size_mm[0] * _MM_PER_INCH


@dataclasses.dataclass(frozen=True)
class PosterText:
    """The text that identifies a world on its poster.

    Attributes:
        title: text at the top, the seed; ASCII.
        number: the integer of the seed.
        typed_in_game: a text of the same world for the game's seed box; None for none.
        versions: versions of the game, the terrain and this program, for the lower edge; ASCII.
    """

    title: str
    number: int
    typed_in_game: str | None = None
    versions: tuple[str, ...] = ()

    @property
    def above(self) -> str:
        """The line above the title."""
        typed = () if self.typed_in_game is None else (f"IN THE GAME {self.typed_in_game}",)
        return _SEPARATOR.join(("THE TENTH WORLD", f"SEED NUMBER {self.number}", *typed))


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Rows of the parts of a poster in units.

    Attributes:
        top: upper edge of the map, from that of the sheet.
        panel: headings of the panels below the map, from its upper edge.
        step: from one entry of a panel to the next.
        foot: last line of text, from the upper edge of the map.
    """

    top: int
    panel: float
    step: float
    foot: float

    @classmethod
    def on(cls, paper: Paper) -> Self:
        """Return the rows on a paper: space that 30 x 40 cm does not have is distributed."""
        height = paper.size[1] // SCALE
        more = height - Paper.CM_30X40.size[1] // SCALE
        top = round(292 + 0.27 * more)
        foot = height - top - 44 - 0.16 * more
        return cls(top, _VIEW.pixels + 72 + 0.14 * more, LEGEND_ROW - 1 + 0.022 * more, foot)


def render_poster(
    world: CanonicalWorld, text: PosterText, *, analysis: WorldAnalysis, paper: Paper = Paper.CM_30X40
) -> Image.Image:
    """Draw the poster of a world.

    The map has 6 m per pixel, the cells of a grid of 4096; worlds on other grids are resampled.

    Args:
        world: a world on any grid; unknown layers are not drawn.
        text: the text that identifies the world.
        analysis: analysis of the same world, on any grid.
        paper: size of the paper.

    Returns:
        RGB, in the size of the paper; the same pixels for the same input.
    """
    planes, rows = MapPlanes.of(world, _GROUND), _Rows.on(paper)
    painted = ground.paint(planes, None if world.rivers is None else river_ink(world.rivers, _GROUND))
    sheet = Sheet(Image.new("RGB", paper.size, palette.PAPER), _VIEW, (_LEFT, rows.top), SCALE)
    sheet.frame(painted)
    draw_circles(sheet)
    sites = sites_of(analysis.places)
    draw_map_marks(sheet, sites, highest_peaks(analysis, PEAK_COUNT))
    draw_compass(sheet, (_VIEW.pixels - CORNER - COMPASS, CORNER + 22))
    signs = sign_entries(SCALE, rivers=world.rivers is not None, lava=world.lava is not None)
    draw_legend(sheet, "Signs", signs, Legend((CORNER, _VIEW.pixels - CORNER), rows=len(signs)))
    draw_place_legends(sheet, sites, (CORNER, CORNER), (_VIEW.pixels - CORNER - 190, _VIEW.pixels - CORNER - 218))
    draw_scale_bar(sheet, (_VIEW.pixels - CORNER,) * 2)
    _draw_heading(sheet, text, analysis)
    _draw_biomes(sheet, analysis, rows)
    _draw_facts(sheet, analysis, rows)
    _draw_relief(sheet, painted, planes, rows)
    versions = _SEPARATOR.join(text.versions)
    sheet.letter((0, rows.foot), versions, 19, spacing=0.6, color=palette.INK_SOFT)
    return print_on_paper(sheet.image)


def _draw_heading(sheet: Sheet, text: PosterText, analysis: WorldAnalysis) -> None:
    """Draw the title on the left, and the main figures on the right."""
    statistics = analysis.statistics
    figures = [(f"{statistics['land_area_km2']:.0f}", "sq km of land"), (f"{statistics['island_count']}", "islands")]
    if statistics["highest_peak_above_sea_m"] is not None:
        figures.append((f"{statistics['highest_peak_above_sea_m']:.0f} m", "highest peak above the sea"))
    right = float(_VIEW.pixels)
    for number, name in reversed(figures):
        sheet.letter((right, -112), number, 76, anchor="rs")
        sheet.letter((right, -70), name.upper(), 19, anchor="rs", spacing=4, color=palette.INK_FAINT)
        right -= 56 + max(lettering.width(number, 76), lettering.width(name.upper(), 19, 4))
    size = min(150.0, 150 * (right - 40) / lettering.width(text.title, 150, 5))
    sheet.letter((0, -224), text.above, 26, spacing=9, color=palette.INK_FAINT)
    sheet.letter((-4, -76), text.title, size, spacing=size / 30)


def _draw_biomes(sheet: Sheet, analysis: WorldAnalysis, rows: _Rows) -> None:
    """Draw the legend of the biomes, with the share of the world of each and the way to its first patch."""
    _draw_panel_heading(sheet, 0, rows, "Biomes", "share of the world, first patch from the center")
    measures = {row["biome"]: row for row in analysis.biomes.fillna({"share_of_disc": 0.0}).to_dict("records")}
    largest = max(1e-9, *(row["share_of_disc"] for row in measures.values()))
    for number, (biome, (swatch, name)) in enumerate(zip(BIOME_ORDER, biome_entries(SCALE), strict=True)):
        row = measures[biome.game_name]
        top = rows.panel + 30 + number * rows.step
        middle, share = top + 18, float(row["share_of_disc"])
        sheet.paste_swatch((0, top), swatch)
        sheet.letter((82, middle), name, 22, spacing=0.4, anchor="lm")
        bar = sheet.stencil(_BAR_WIDTH, 14)
        bar.rectangle((0, 0), (max(2.0, _BAR_WIDTH * share / largest), 14), corner=2)
        sheet.ink((262, middle - 7), _bar_color(biome), bar.coverage())
        sheet.letter((528, middle), f"{100 * share:.1f} %", 21, anchor="rm")
        if pd.notna(row["first_m"]):
            where = _whereabouts(row["first_m"], row["first_bearing_deg"])
            sheet.letter((560, middle), where, 21, anchor="lm", color=palette.INK_SOFT)


def _bar_color(biome: Biome) -> palette.Rgb:
    """Return the color of a biome, darker if it is invisible on paper."""
    color = palette.BIOME_COLORS[biome]
    return (176, 172, 164) if biome is Biome.MOUNTAIN else color


def _whereabouts(distance_m: float, bearing_deg: float) -> str:
    return "at the center" if distance_m < 50 else f"{distance_m / 1000:.1f} km {compass_point(bearing_deg)}"


def compass_point(bearing_deg: float) -> str:
    """Return the nearest of the eight points of the compass: N, NE and so on."""
    return _POINTS[round(bearing_deg / 45) % 8]


def _draw_facts(sheet: Sheet, analysis: WorldAnalysis, rows: _Rows) -> None:
    """Draw the figures of the world and of the land on which players start."""
    _draw_panel_heading(sheet, _FACTS, rows, "The world")
    step = rows.step - 10
    y = _draw_table(sheet, rows.panel + 48, step, _world_facts(analysis))
    start = _start_facts(cast("Mapping[str, object]", analysis.statistics["columns"]))
    if start:
        sheet.letter((_FACTS, y + 28), "START LAND", 19, spacing=5, color=palette.INK_FAINT)
        _draw_table(sheet, y + 66, step, start)


def _world_facts(analysis: WorldAnalysis) -> list[tuple[str, str]]:
    known = {key: value for key, value in analysis.statistics.items() if isinstance(value, (int, float))}
    facts: dict[str, tuple[str, Callable[[float], str]]] = {
        "Land": ("land_share_of_disc", lambda share: f"{100 * share:.0f} % of the world"),
        "Largest island": ("largest_island_area_km2", lambda area: f"{area:.1f} sq km"),
        "Shores": ("shoreline_km", lambda length: f"{length:,.0f} km"),
        "Rivers": ("river_length_km", lambda length: f"{known['river_count']} \N{MIDDLE DOT} {length:,.0f} km"),
        "Streams": ("stream_length_km", lambda length: f"{known['stream_count']:,} \N{MIDDLE DOT} {length:,.0f} km"),
    }
    return [(name, text_of(known[key])) for name, (key, text_of) in facts.items() if key in known]


_START_FACTS = {
    "start_land_km2": "Area",
    "start_land_highest_above_sea_m": "Highest above the sea",
    "start_land_biomes": "Biomes",
    "start_land_bosses": "Bosses",
}
"""Labels of columns below the heading of the start land."""


def _start_facts(row: Mapping[str, object]) -> list[tuple[str, str]]:
    values = ((label, COLUMNS[name], row.get(name)) for name, label in _START_FACTS.items())
    return [
        (label, column_texts.text_of(column, value, "sq km"))
        for label, column, value in values
        if isinstance(value, (int, float))
    ]


def _draw_table(sheet: Sheet, y: float, step: float, facts: Sequence[tuple[str, str]]) -> float:
    """Draw names and values from a row on; return the row after the last."""
    for name, value in facts:
        sheet.letter((_FACTS, y), name, 22, color=palette.INK_SOFT)
        sheet.letter((_RELIEF - 72, y), value, 22, anchor="rs")
        y += step
    return y


def _draw_relief(sheet: Sheet, painted: Image.Image, planes: MapPlanes, rows: _Rows) -> None:
    """Draw the relief, on paper that extends a little beyond its panel."""
    remark = f"from the south, heights {EXAGGERATION:g} times enlarged"
    _draw_panel_heading(sheet, _RELIEF, rows, "Relief", remark)
    left, width = _RELIEF - 40, _VIEW.pixels - _RELIEF + 80
    scene = Scene.of_size(width * SCALE, round(width * RELIEF_SIZE[1] / RELIEF_SIZE[0]) * SCALE)
    side = painted.width // SCALE
    picture = scene.draw(painted.reduce(SCALE), resized(planes.height, side), planes.pixel_m * SCALE)
    top = round(sheet.origin[1] + rows.panel + 6)
    sheet.image.paste(picture, ((sheet.origin[0] + left) * SCALE, top * SCALE))


def _draw_panel_heading(sheet: Sheet, left: int, rows: _Rows, heading: str, remark: str = "") -> None:
    sheet.letter((left, rows.panel), heading.upper(), 19, spacing=5, color=palette.INK_FAINT)
    after = left + lettering.width(heading.upper(), 19, 5) + 20
    sheet.letter((after, rows.panel), remark, 18, spacing=0.4, color=palette.INK_FAINT)
