"""The formats ``contours-geojson``, for mapping programs, and ``contours-svg``, for browsers and drawing programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pydantic_core

from vwe_dagster.analysis.contours import INTERVAL_M, Contour, ContourError, Contours, Points, trace_contours
from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.rendering import palette
from vwe_dagster.rendering.palette import Rgb, hex_code
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M

DECIMALS = 1
"""Decimals of coordinates in meters. Rounding moves a point by at most a twentieth of the usual tolerance."""

COORDINATE_SYSTEM = {
    "type": "local",
    "unit": "metre",
    "axes": ["x: meters east of the center of the world", "z: meters north of the center of the world"],
    "heights": f"meters; sea level is {SEA_LEVEL_M:g}",
    "remark": "Coordinates are in meters, not in degrees of WGS 84 as RFC 7946 requires.",
}
"""Description of the coordinates in a GeoJSON file: its member ``coordinate_system``."""

SVG_HALF_SIDE_M = 11_400
"""Half the side of the SVG in meters: the world and a margin around it."""

_WIDTHS_M = {"sea": (7, 14), "shore": (11, 11), "land": (8, 16)}
_INKS: dict[str, Rgb] = {"sea": palette.WATER_INK, "shore": palette.COAST_INK, "land": (150, 112, 74)}
"""By kind of contour: widths in meters of plain and of index contours, and the color of the lines."""

_LAND: Rgb = (246, 240, 222)


def write_geojson(path: Path, source: ExportSource, options: ExportOptions) -> None:
    """Write the contours of a world, spaced by ``options.interval`` or 25 m; see :func:`write_contours_geojson`.

    Raises:
        ExportError: the interval is too small or invalid.
    """
    write_contours_geojson(path, _traced(source, options), title=source.seed.key)


def write_svg(path: Path, source: ExportSource, options: ExportOptions) -> None:
    """Write the contours of a world, spaced by ``options.interval`` or 25 m; see :func:`write_contours_svg`.

    Raises:
        ExportError: the interval is too small or invalid.
    """
    write_contours_svg(path, _traced(source, options), title=source.seed.key)


def write_contours_geojson(path: Path, contours: Contours, *, title: str) -> None:
    """Write contours as GeoJSON: one feature per height, a MultiLineString with coordinates in meters.

    Coordinates are ``[x, z]`` of the world, rounded to a decimeter; see :data:`COORDINATE_SYSTEM`. A feature has the
    properties ``height_m``; ``depth_m`` below sea level, negative on land; ``kind``: ``sea``, ``shore`` or ``land``;
    and ``index``: true for an index contour. The last position of a closed ring equals the first.

    Args:
        path: the file.
        contours: the contours to write.
        title: the name of the collection.

    Raises:
        OSError: the file cannot be written.
    """
    head = {
        "type": "FeatureCollection",
        "name": title,
        "coordinate_system": COORDINATE_SYSTEM,
        "interval_m": contours.interval_m,
        "tolerance_m": contours.tolerance_m,
    }
    with path.open("wb") as file:
        file.write(pydantic_core.to_json(head)[:-1] + b',"features":[')
        for number, contour in enumerate(contours.contours):
            file.write((b",\n" if number else b"\n") + pydantic_core.to_json(_feature(contour)))
        file.write(b"\n]}\n")


def write_contours_svg(path: Path, contours: Contours, *, title: str) -> None:
    """Write contours as SVG, north up: one group per height, in classes for sea, shore, land and index contours.

    The user unit is a meter: x is the world's x, y is minus the world's z. Lines are in decimeters inside a group that
    is scaled by a tenth. Each height is a group ``<g>`` with its height as ``data-height-m``.

    Args:
        path: the file.
        contours: the contours to write.
        title: the text in the upper left corner, also the title of the document.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_svg(contours, title))


def _traced(source: ExportSource, options: ExportOptions) -> Contours:
    try:
        return trace_contours(source.world, INTERVAL_M if options.interval is None else options.interval)
    except ContourError as error:
        raise ExportError(str(error)) from error


def _feature(contour: Contour) -> dict[str, object]:
    return {
        "type": "Feature",
        "properties": {
            "height_m": contour.height_m,
            "depth_m": SEA_LEVEL_M - contour.height_m,
            "kind": contour.kind,
            "index": contour.is_index,
        },
        "geometry": {
            "type": "MultiLineString",
            "coordinates": [np.round(line, DECIMALS).tolist() for line in contour.lines],
        },
    }


def _svg(contours: Contours, title: str) -> Iterator[str]:
    half, name = SVG_HALF_SIDE_M, escape(title)
    letters = min(900, 12_000 // max(len(title), 1))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-half} {-half} {2 * half} {2 * half}">\n'
        f"<title>{name}: contours every {contours.interval_m:g} m</title>\n<style>\n{_style()}</style>\n"
        f'<rect class="paper" x="{-half}" y="{-half}" width="{2 * half}" height="{2 * half}"/>\n'
        f'<circle class="edge" r="{WORLD_RADIUS_M:g}"/>\n'
        f'<text class="title" x="{400 - half}" y="{1100 - half}" style="font-size:{letters}px">{name}</text>\n'
        f'<text class="facts" x="{400 - half}" y="{1650 - half}">Contours every {contours.interval_m:g} m</text>\n'
        f'<text class="facts" x="{400 - half}" y="{2050 - half}">Sea level: {SEA_LEVEL_M:g} m</text>\n'
        f'<g class="contours" transform="scale(.1)">\n'
    )
    # The shore is drawn first: its rings are filled with the color of land and would hide other lines.
    for contour in sorted(contours.contours, key=lambda each: each.number != 0):
        index = " index" if contour.is_index else ""
        yield f'<g class="{contour.kind}{index}" data-height-m="{contour.height_m:g}">'
        for form, lines in (("rings", _rings(contour.lines)), ("open", _open(contour.lines))):
            if lines:
                yield f'<path class="{form}" d="'
                yield from map(_path, lines)
                yield '"/>'
        yield "</g>\n"
    yield "</g>\n</svg>\n"


def _rings(lines: Iterable[Points]) -> list[Points]:
    return [line for line in lines if (line[0] == line[-1]).all()]


def _open(lines: Iterable[Points]) -> list[Points]:
    return [line for line in lines if (line[0] != line[-1]).any()]


def _path(line: Points) -> str:
    """Return the path of a line in whole decimeters, y down: the first vertex, then the step to each further one."""
    places = np.rint(line * (10, -10)).astype(np.int64)
    is_closed = bool((places[0] == places[-1]).all())
    steps = np.diff(places[:-1] if is_closed else places, axis=0)
    drawn = " ".join(map(str, steps.ravel().tolist()))
    return f"M{places[0, 0]} {places[0, 1]}l{drawn}{'z' if is_closed else ''}"


def _style() -> str:
    ink, sea = hex_code(palette.INK), hex_code(palette.SEA_STOPS[2][1])
    rules = {
        ".paper": f"fill:{hex_code(palette.PAPER)}",
        ".edge": f"fill:{sea};fill-opacity:.35;stroke:{ink};stroke-width:20",
        ".title, .facts": f"fill:{ink};font-family:sans-serif",
        ".facts": "font-size:320px",
        ".contours": "fill:none;stroke-linejoin:round",
        ".shore .rings": f"fill:{hex_code(_LAND)};fill-rule:evenodd",
    }
    for kind, (width, index_width) in _WIDTHS_M.items():
        rules[f".{kind}"] = f"stroke:{hex_code(_INKS[kind])};stroke-width:{10 * width}"
        rules[f".{kind}.index"] = f"stroke-width:{10 * index_width}"
    return "".join(f"{selector} {{{rule}}}\n" for selector, rule in rules.items())
