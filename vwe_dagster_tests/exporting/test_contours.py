"""Contour files, read by other readers."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pytest
import shapely

from vwe_dagster.analysis.contours import Contours, trace_contours
from vwe_dagster.exporting.contours import (
    COORDINATE_SYSTEM,
    SVG_HALF_SIDE_M,
    write_contours_geojson,
    write_contours_svg,
)
from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.exporting.exports import write
from vwe_dagster_tests.worlds import plateau_world

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def world() -> CanonicalWorld:
    return plateau_world(Grid.of_world(256))


@pytest.fixture(scope="module")
def contours(world: CanonicalWorld) -> Contours:
    return trace_contours(world, 10)


def path_points(path: str) -> list[npt.NDArray[np.float64]]:
    """Return the points of each line of an SVG path in meters, north up; a closed line ends at its first point."""
    lines = []
    for start, steps, closing in re.findall(r"M(-?\d+ -?\d+)l([-\d ]+)(z?)", path):
        numbers = np.array([int(number) for number in f"{start} {steps}".split()]).reshape(-1, 2)
        places = np.cumsum(numbers, axis=0)
        lines.append(np.concatenate([places, places[:1]] if closing else [places]) / (10, -10))
    return lines


def test_geojson_has_every_line_rounded_to_a_decimeter(contours: Contours, tmp_path: Path) -> None:
    path = tmp_path / "contours.geojson"
    write_contours_geojson(path, contours, title="Plateaus")
    document: dict[str, Any] = json.loads(path.read_bytes())
    assert (document["type"], document["name"], document["interval_m"]) == ("FeatureCollection", "Plateaus", 10)
    assert document["coordinate_system"] == COORDINATE_SYSTEM
    assert len(document["features"]) == len(contours.contours) > 10
    for feature, contour in zip(document["features"], contours.contours, strict=True):
        assert feature["properties"] == {
            "height_m": contour.height_m,
            "depth_m": 30 - contour.height_m,
            "kind": contour.kind,
            "index": contour.is_index,
        }
        geometry = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert geometry.geom_type == "MultiLineString"
        for read, line in zip(geometry.geoms, contour.lines, strict=True):
            np.testing.assert_allclose(shapely.get_coordinates(read), line, atol=0.0501)
            assert read.is_closed == bool((line[0] == line[-1]).all())


def test_the_shore_of_every_plateau_is_a_ring_around_it(contours: Contours, tmp_path: Path) -> None:
    path = tmp_path / "contours.geojson"
    write_contours_geojson(path, contours, title="Plateaus")
    (shore,) = (
        feature for feature in json.loads(path.read_bytes())["features"] if feature["properties"]["kind"] == "shore"
    )
    rings = [shapely.Polygon(line) for line in shore["geometry"]["coordinates"]]
    assert len(rings) == 8
    for ring in rings:
        assert ring.area == pytest.approx(1800**2, rel=0.12)


def test_svg_has_the_same_lines_with_north_up(contours: Contours, tmp_path: Path) -> None:
    path = tmp_path / "contours.svg"
    write_contours_svg(path, contours, title="a < b & c")
    root = ET.parse(path).getroot()  # noqa: S314  the file is our own
    assert root.get("viewBox") == "-11400 -11400 22800 22800"
    assert root.findtext(f"{SVG}title") == "a < b & c: contours every 10 m"
    (drawing,) = root.findall(f"{SVG}g")
    assert (drawing.get("class"), drawing.get("transform")) == ("contours", "scale(.1)")
    groups = {float(group.attrib["data-height-m"]): group for group in drawing}
    assert groups.keys() == {contour.height_m for contour in contours.contours}
    for contour in contours.contours:
        group = groups[contour.height_m]
        assert group.attrib["class"].split() == [contour.kind, *(["index"] if contour.is_index else [])]
        drawn = {
            form: path_points("".join(path.attrib["d"] for path in group if path.get("class") == form))
            for form in ("rings", "open")
        }
        expected: dict[str, list[Any]] = {"rings": [], "open": []}
        for line in contour.lines:
            expected["rings" if (line[0] == line[-1]).all() else "open"].append(line)
        for form, lines in expected.items():
            for read, line in zip(drawn[form], lines, strict=True):
                np.testing.assert_allclose(read, line, atol=0.0501)


@pytest.mark.parametrize("title", ["HHcLC5acQt", "W" * 32])
def test_title_fits_on_the_svg(title: str, contours: Contours, tmp_path: Path) -> None:
    write_contours_svg(tmp_path / "contours.svg", contours, title=title)
    (letters,) = re.findall(r'class="title".*font-size:(\d+)px', (tmp_path / "contours.svg").read_text())
    assert 300 < int(letters) <= SVG_HALF_SIDE_M * 2 / len(title)


def test_every_class_of_the_svg_has_a_style(contours: Contours, tmp_path: Path) -> None:
    path = tmp_path / "contours.svg"
    write_contours_svg(path, contours, title="Plateaus")
    text = path.read_text()
    style = text[text.index("<style>") : text.index("</style>")]
    used = {name for names in re.findall(r'class="([^"]+)"', text) for name in names.split()} - {"open"}
    assert used <= set(re.findall(r"\.([a-z]+)", style))


@pytest.mark.parametrize(("interval", "heights"), [({}, {5, 55}), ({"interval": 40.0}, {-10, 70})])
def test_interval_sets_the_distance_of_contours(
    interval: dict[str, float], heights: set[float], source: ExportSource, tmp_path: Path
) -> None:
    path = write(tmp_path / "world.geojson", "contours-geojson", source, **interval)
    document = json.loads(path.read_bytes())
    assert document["name"] == source.seed.key
    assert heights <= {feature["properties"]["height_m"] for feature in document["features"]}
    drawing = write(tmp_path / "world.svg", "contours-svg", source, **interval).read_text()
    assert all(f'data-height-m="{height_m}"' in drawing for height_m in heights)


def test_invalid_interval_is_rejected(source: ExportSource, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Invalid contour interval"):
        write(tmp_path / "world.svg", "contours-svg", source, interval=float("nan"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("draw", [write_contours_geojson, write_contours_svg])
def test_world_without_contours_yields_valid_files(draw: Any, tmp_path: Path) -> None:
    path = tmp_path / "contours"
    draw(path, Contours(25, 1, ()), title="Nothing")
    text = path.read_text()
    if text.startswith("{"):
        assert json.loads(text)["features"] == []
    else:
        assert ET.fromstring(text).tag == f"{SVG}svg"  # noqa: S314


def test_contours_of_adjacent_heights_do_not_cross(world: CanonicalWorld) -> None:
    lines = [shapely.MultiLineString(list(contour.lines)) for contour in trace_contours(world, 10).contours]
    assert not any(shapely.crosses(low, high) for low, high in pairwise(lines))
