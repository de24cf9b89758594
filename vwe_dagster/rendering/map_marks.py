"""Marks on a map: peaks, the center, and the places of the world with their legend."""

from __future__ import annotations

from collections.abc import Sequence

from vwe_dagster.locations.kinds import LocationGroup
from vwe_dagster.rendering import palette
from vwe_dagster.rendering.circles import circle_boxes
from vwe_dagster.rendering.free_space import FreeSpace
from vwe_dagster.rendering.layout import Spot
from vwe_dagster.rendering.place_marks import Mark, Site, arrange, badge_picture, badge_size, label_spots
from vwe_dagster.rendering.plates import center_boxes, draw_center, draw_peaks
from vwe_dagster.rendering.sheet import Sheet

_LABEL_SIZE, _LEGEND_SIZE = 16, 19
_LEGEND_ROW, _LEGEND_BADGE = 31, 26


def draw_map_marks(sheet: Sheet, sites: Sequence[Site], peaks: Sequence[tuple[float, float, float]]) -> None:
    """Mark the peaks, the places and the center of a map without overlaps.

    Args:
        sheet: the sheet, changed in place.
        sites: places, see :func:`vwe_dagster.rendering.place_marks.sites_of`; the start takes the place of the center.
        peaks: x, z and height in meters, the highest first.
    """
    space, has_start = FreeSpace(), any(site.is_start for site in sites)
    if sites or sheet.scale < 1:
        space.take(*circle_boxes(sheet), *([] if has_start else center_boxes(sheet)))
    width = badge_size(sheet.scale) / sheet.scale
    placed = [(site, sheet.nearest_place(site.x_m, site.z_m)) for site in sites]
    marks = arrange(placed, width, sheet.view.disc().pixels ** 2, space)
    draw_peaks(sheet, peaks, space)
    _draw_labels(sheet, marks, width, space)
    for mark in marks:
        _draw_leader(sheet, mark)
    for mark in marks:
        sheet.paste_centered(mark.at, badge_picture(mark.site.badge, badge_size(sheet.scale)))
    if not has_start:
        draw_center(sheet)


def _draw_labels(sheet: Sheet, marks: Sequence[Mark], width: float, space: FreeSpace) -> None:
    """Draw the names of places, except candidates, where there is room."""
    for mark in marks:
        if mark.site.is_candidate:
            continue
        text_width = sheet.width(mark.site.name, _LABEL_SIZE) + 4
        for box, anchor in label_spots(mark.at, width, text_width, sheet.type_size(_LABEL_SIZE) + 2):
            if sheet.shows(box) and space.take_if_free([box]):
                at = ((box[0] + box[2]) / 2 if anchor == "mm" else box[0] + 2, (box[1] + box[3]) / 2)
                sheet.letter(at, mark.site.name, _LABEL_SIZE, anchor=anchor, halo=palette.PAPER)
                break


def _draw_leader(sheet: Sheet, mark: Mark) -> None:
    """Draw a line from a badge to its place if the badge is elsewhere."""
    if mark.at != mark.place:
        sheet.line(mark.at, mark.place, palette.PAPER, 4)
        sheet.line(mark.at, mark.place, palette.INK, 1.6)


def draw_place_legends(sheet: Sheet, sites: Sequence[Site], bosses: Spot, others: Spot) -> None:
    """Draw the legends of the places of a map, each from its upper left corner."""
    for heading, at, shown in (
        ("Bosses", bosses, [site for site in sites if site.group is LocationGroup.BOSS]),
        ("Places", others, [site for site in sites if site.group is not LocationGroup.BOSS]),
    ):
        if shown:
            _draw_legend(sheet, heading, shown, at)


def _draw_legend(sheet: Sheet, heading: str, sites: Sequence[Site], at: Spot) -> None:
    badge = max(round(_LEGEND_BADGE * sheet.scale), 16)
    row = max(_LEGEND_ROW, (badge + 2) / sheet.scale)
    left, top = at
    sheet.letter((left, top + 14), heading.upper(), 19, spacing=5, color=palette.INK_FAINT)
    for number, site in enumerate({site.icon: site for site in sites}.values()):
        middle = top + 30 + (number + 0.5) * row
        sheet.paste_centered((left + badge / sheet.scale / 2, middle), badge_picture(site.badge, badge))
        sheet.letter((left + badge / sheet.scale + 10, middle), site.title, _LEGEND_SIZE, anchor="lm")
