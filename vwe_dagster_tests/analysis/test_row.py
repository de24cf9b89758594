"""The row of a world: from its seed alone and in the stage ``processed``."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest

from vwe_dagster.analysis.columns import COLUMNS, ColumnType, Depth, columns_of
from vwe_dagster.analysis.row import Value, make_row, seed_row
from vwe_dagster.analysis.world import analyze
from vwe_dagster.engine.messages import LANDMARKS, LOCATIONS, WorldExport, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.engine.native_locations import location_lines
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.worlds import SEED_NUMBER, native_world


@pytest.fixture(scope="module")
def export() -> WorldExport:
    """Return an export of the default size without locations."""
    return NativeEngine().generate(WorldRequest(SEED_NUMBER, Grid.of_world(2048)))


def processed_row(export: WorldExport, layer: str) -> Mapping[str, Value]:
    """Return the row of an export with a layer of locations, as it is read from JSON."""
    lines = location_lines(World(SEED_NUMBER), layer, None)
    world = canonical_world(export.planes, {**export.lines, layer: lines}, Grid.of_world(2048))
    columns: dict[str, Value] = json.loads(json.dumps(analyze(world, World(SEED_NUMBER)).statistics))["columns"]
    return columns


def row_of(row: Mapping[str, Value], depth: Depth) -> dict[str, Value]:
    return {column.name: row[column.name] for column in columns_of(depth)}


def test_row_of_every_depth_is_that_of_the_stage_processed(export: WorldExport) -> None:
    processed = processed_row(export, LOCATIONS)
    for depth in Depth:
        assert seed_row(SEED_NUMBER, depth) == row_of(processed, depth)


def test_world_with_landmarks_lacks_the_columns_of_all_locations(export: WorldExport) -> None:
    processed = processed_row(export, LANDMARKS)
    assert row_of(processed, Depth.WORLD) == seed_row(SEED_NUMBER, Depth.WORLD)
    deeper = [column.name for column in COLUMNS.values() if column.depth is Depth.ALL]
    assert {processed[name] for name in deeper} == {None}


def test_columns_of_depth_start_need_the_terrain_library() -> None:
    world = native_world(Grid.of_world(256))
    without, with_terrain = (analyze(world, terrain).statistics["columns"] for terrain in (None, World(SEED_NUMBER)))
    assert isinstance(without, dict)
    assert isinstance(with_terrain, dict)
    assert row_of(with_terrain, Depth.START) == seed_row(SEED_NUMBER, Depth.START)
    assert set(row_of(without, Depth.START).values()) == {None}
    assert without["islands"] == with_terrain["islands"]


@pytest.mark.parametrize("depth", Depth)
def test_row_has_the_columns_of_its_depth_in_order(depth: Depth) -> None:
    row = make_row({}, depth)
    assert list(row) == [column.name for column in columns_of(depth)]
    assert set(row.values()) == {None}


def test_old_world_has_no_locations() -> None:
    row = seed_row(SEED_NUMBER, Depth.WORLD, world_gen_version=1)
    assert row["eikthyr_m"] is row["boss_tour_km"] is row["eikthyr_start_land"] is None
    assert row["islands"] is not None


def test_values_are_rounded_to_the_decimals_of_their_unit() -> None:
    exact = {"swamp_first_m": 2345.678, "land_5km_km2": 23.4567, "river_length_km": 299.96, "swamp_first_deg": 359.7}
    row = make_row({**exact, "islands": np.float64(7).item(), "rivers": None, "no_column": 1})
    assert row["swamp_first_m"] == 2346
    assert row["land_5km_km2"] == np.float32(23.46)
    assert row["river_length_km"] == 300
    assert row["swamp_first_deg"] == 0
    assert row["islands"] == 7
    assert isinstance(row["islands"], int)
    assert row["rivers"] is None


def test_values_that_are_not_finite_are_null() -> None:
    assert set(make_row({"swamp_sail_m": float("nan"), "land_5km_km2": float("inf")}).values()) == {None}


def test_names_end_in_the_unit_and_short_names_are_not_ambiguous() -> None:
    for column in COLUMNS.values():
        assert (column.unit != "") == (column.type is ColumnType.MEASURE)
        assert column.meaning.endswith(".")
    short = [name for column in COLUMNS.values() for name in column.short]
    assert len(short) == len(set(short))
    assert not set(short) & set(COLUMNS)
    assert {"swamp", "haldor", "start", "tour"} <= set(short)
