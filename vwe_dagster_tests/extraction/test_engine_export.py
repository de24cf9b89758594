"""Conversion of engine exports to the canonical form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.extraction.engine_export import canonical_world, parse_lines
from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import LOCATION_COLUMNS, RIVER_COLUMNS, CanonicalWorld

if TYPE_CHECKING:
    from collections.abc import Callable

Planes = dict[str, npt.NDArray[Any]]

FLAGS = np.array([0, 1, 2, 4, 8, 16, 32, 64, 256, 512], np.uint16)
COORDINATE = st.floats(-12_000, 12_000, width=32)
POINT = st.tuples(COORDINATE, COORDINATE, st.floats(0, 100, width=32)).map(list)
POLYLINE = st.lists(POINT, min_size=2, max_size=9).map(lambda points: {"points": points})
LOCATION = {
    "prefab": "Crypt2", "group": "", "x_m": 1.0, "y_m": 32.5, "z_m": 1.0, "radius_m": 12.0, "placed": False
}  # fmt: skip


@pytest.fixture
def planes(world: CanonicalWorld) -> Planes:
    """Return the planes of an engine's export of a small world."""
    return {"biome": FLAGS[world.biome], "height": world.height, "lava": np.zeros_like(world.height)}


def test_planes_are_kept_and_flags_become_indices(world: CanonicalWorld, planes: Planes) -> None:
    canonical = canonical_world(planes, {}, world.grid)
    assert canonical.biome.dtype == np.uint8
    assert np.array_equal(canonical.biome, world.biome)
    assert canonical.height.tobytes() == world.height.tobytes()
    assert np.array_equal(canonical.forest, world.forest)
    assert canonical.lava is not None
    assert not canonical.lava.any()
    assert canonical.rivers is None
    assert canonical.lakes is None


def test_every_biome_flag_becomes_its_index(world: CanonicalWorld, planes: Planes) -> None:
    planes["biome"] = np.resize(FLAGS[1:], world.biome.shape)
    expected = np.resize(np.arange(1, 10), world.biome.shape)
    assert np.array_equal(canonical_world(planes, {}, world.grid).biome, expected)


def test_forest_factor_of_the_engine_is_kept(world: CanonicalWorld, planes: Planes) -> None:
    planes["forest"] = world.forest + np.float32(0.25)
    assert np.array_equal(canonical_world(planes, {}, world.grid).forest, planes["forest"])


def test_lava_is_optional(world: CanonicalWorld, planes: Planes) -> None:
    del planes["lava"]
    assert canonical_world(planes, {}, world.grid).lava is None


@pytest.mark.parametrize("flag", [0, 3, 128, 1024, 65535])
def test_invalid_biome_flag_is_rejected(world: CanonicalWorld, planes: Planes, flag: int) -> None:
    planes["biome"][63, 5] = flag
    with pytest.raises(ExtractionError, match=f"The biome plane holds {flag} at row 63, column 5 .* not the flag"):
        canonical_world(planes, {}, world.grid)


@pytest.mark.parametrize("name", ["biome", "height"])
def test_biome_and_height_are_required(world: CanonicalWorld, planes: Planes, name: str) -> None:
    del planes[name]
    with pytest.raises(ExtractionError, match=f"has no {name} plane"):
        canonical_world(planes, {}, world.grid)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("biome", lambda plane: Biome.OCEAN * np.ones_like(plane, np.uint8)),
        ("height", lambda plane: plane.astype(np.float64)),
        ("height", lambda plane: plane[:, :-1]),
        ("height", lambda plane: plane + np.float32(np.nan)),
        ("lava", lambda plane: plane - np.float32(0.5)),
        ("lava", lambda plane: plane.ravel()),
    ],
)
def test_malformed_plane_is_rejected(
    world: CanonicalWorld, planes: Planes, name: str, spoil: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
) -> None:
    planes[name] = spoil(planes[name])
    with pytest.raises(ExtractionError, match=f"The {name} plane"):
        canonical_world(planes, {}, world.grid)


@given(rivers=st.lists(POLYLINE, max_size=5), streams=st.lists(POLYLINE, max_size=5))
def test_river_table_has_all_rivers_and_streams(
    world: CanonicalWorld, rivers: list[dict[str, Any]], streams: list[dict[str, Any]]
) -> None:
    planes: Planes = {"biome": FLAGS[world.biome], "height": world.height}
    table = canonical_world(planes, {"rivers": rivers, "streams": streams}, world.grid).rivers
    assert table is not None
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == RIVER_COLUMNS
    given_back = [
        (line["kind"].iloc[0], line[["x_m", "z_m", "width_m"]].to_numpy().tolist()) for _, line in table.groupby("line")
    ]
    expected = [("river", line["points"]) for line in rivers] + [("stream", line["points"]) for line in streams]
    assert given_back == expected
    assert table["vertex"].tolist() == [vertex for _, points in expected for vertex in range(len(points))]


def test_lake_becomes_a_point(world: CanonicalWorld, planes: Planes) -> None:
    lakes = canonical_world(planes, {"lakes": [{"points": [[1, 2, 0]]}, {"points": [[3, 4.5, 0]]}]}, world.grid).lakes
    assert lakes is not None
    assert lakes.to_dict("list") == {"x_m": [1, 3], "z_m": [2, 4.5]}
    assert set(lakes.dtypes) == {np.dtype("float32")}


@pytest.mark.parametrize("layer", ["rivers", "streams", "lakes"])
@pytest.mark.parametrize(
    "line",
    [
        {},
        {"points": []},
        {"points": "river"},
        {"points": [[1, 2]]},
        {"points": [[1, 2, 3], [4, 5]]},
        {"points": [["1", "2", "3"]]},
        {"points": [[1, 2, None]]},
        {"points": [[1, 2, 10**400]]},
        {"points": {"0": [1, 2, 3]}},
    ],
)
def test_malformed_line_is_rejected(world: CanonicalWorld, planes: Planes, layer: str, line: dict[str, Any]) -> None:
    with pytest.raises(ExtractionError, match=f"Line 0 of the layer {layer} must have points"):
        canonical_world(planes, {layer: [line]}, world.grid)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_point_that_is_not_finite_is_rejected(world: CanonicalWorld, planes: Planes, value: float) -> None:
    with pytest.raises(ExtractionError, match=r"The rivers table holds (nan|inf) as z_m in row 1"):
        canonical_world(planes, {"rivers": [{"points": [[0, 0, 60], [1, value, 60]]}]}, world.grid)
    with pytest.raises(ExtractionError, match=r"The lakes table holds (nan|inf) as x_m in row 0"):
        canonical_world(planes, {"lakes": [{"points": [[value, 0, 0]]}]}, world.grid)


def test_line_with_the_wrong_number_of_points_is_rejected(world: CanonicalWorld, planes: Planes) -> None:
    with pytest.raises(ExtractionError, match="Line 0 of the rivers table has 1 vertex"):
        canonical_world(planes, {"streams": [{"points": [[1, 2, 3]]}]}, world.grid)
    with pytest.raises(ExtractionError, match="1 lakes with 2 points"):
        canonical_world(planes, {"lakes": [{"points": [[1, 2, 3], [4, 5, 6]]}]}, world.grid)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"prefab": 7}, "Location 0 of the layer locations has 7 as prefab"),
        ({"prefab": ""}, "Location 0 of the layer locations has no name"),
        ({"group": 257 * "a"}, "has a group of 257 characters, more than 256"),
        ({"x_m": True}, "has True as x_m"),
        ({"placed": 1}, "has 1 as placed"),
        ({"x_m": float("inf")}, "as x_m in row 0, which is not a number"),
        ({"z_m": -3e38}, "as z_m in row 0, which is beyond the 12288 m of the map"),
        ({"x_m": 10**400}, "a number that is too large"),
    ],
)
def test_invalid_location_is_rejected(
    world: CanonicalWorld, planes: Planes, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ExtractionError, match=complaint):
        canonical_world(planes, {"locations": [{**LOCATION, **changes}]}, world.grid)


def test_location_without_a_column_is_rejected(world: CanonicalWorld, planes: Planes) -> None:
    for column in LOCATION_COLUMNS:
        location = {name: value for name, value in LOCATION.items() if name != column}
        with pytest.raises(ExtractionError, match=f"A location of the layer locations has no '{column}'"):
            canonical_world(planes, {"locations": [location]}, world.grid)


ORIGIN = Path("raw/rivers.jsonl")


def test_lines_are_parsed_from_json_lines() -> None:
    lines = [{"id": 7, "points": [[1.5, 2, 60], [3, 4, 60]]}, {"note": "a\u2028b", "points": []}]
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    assert parse_lines(content.encode(), ORIGIN) == lines


def test_empty_content_has_no_lines() -> None:
    assert parse_lines(b"", ORIGIN) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"points": []}\n[1, 2]\n', "Line 2 of .* is not a JSON object"),
        (b'{"points": []}\n{"points": [\n', "Line 2 of .* is not JSON"),
        (b'{"points": []}\n\n', "Line 2 of .* is not JSON"),
        (b"[" * 100_000, "Line 1 of .* is not JSON"),
        (b'{"id": "\xff"}', "Line 1 of .* is not JSON"),
    ],
)
def test_malformed_lines_are_rejected(content: bytes, complaint: str) -> None:
    with pytest.raises(ExtractionError, match=complaint):
        parse_lines(content, ORIGIN)
