"""The exports of locations: every location with its kind, as a table and as GeoJSON."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from vwe_dagster.analysis.places import PLACE_COLUMNS
from vwe_dagster.engine.messages import LANDMARKS
from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.formats import FORMATS
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.store import WorldStore
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.worlds import publish_world

KEY = "HHcLC5acQt"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ExportSource:
    return publish_world(WorldStore(tmp_path_factory.mktemp("data")), KEY, Grid.of_world(64), locations=LANDMARKS)


def test_table_has_a_row_per_location(source: ExportSource, tmp_path: Path) -> None:
    path = tmp_path / "locations.csv"
    FORMATS["locations-csv"].write(path, source, ExportOptions())
    table = pd.read_csv(path, dtype=PLACE_COLUMNS)
    assert list(table.columns) == list(PLACE_COLUMNS)
    expected = World(298112588).locations(upto="DN_Bossroom")
    points = set(zip(expected.prefab.tolist(), expected.x.tolist(), expected.z.tolist(), strict=True))
    assert set(zip(table["prefab"], table["x_m"].tolist(), table["z_m"].tolist(), strict=True)) == points
    assert table.query("kind == 'haldor'")["candidate"].all()


def test_geojson_has_a_point_per_location(source: ExportSource, tmp_path: Path) -> None:
    path = tmp_path / "locations.geojson"
    FORMATS["locations-geojson"].write(path, source, ExportOptions())
    collection = json.loads(path.read_bytes())
    places = source.analysis.places
    assert places is not None
    assert (collection["seed"], collection["location_table"]) == (KEY, source.location_table)
    assert len(collection["features"]) == len(places)
    first = collection["features"][0]
    assert first["geometry"] == {"type": "Point", "coordinates": [places["x_m"].iloc[0], places["z_m"].iloc[0]]}
    assert first["properties"].keys() == PLACE_COLUMNS.keys() - {"x_m", "z_m"}


@pytest.mark.parametrize("name", ["locations-csv", "locations-geojson"])
def test_world_without_locations_is_rejected(tmp_path: Path, name: str) -> None:
    source = publish_world(WorldStore(tmp_path), KEY, Grid.of_world(64))
    with pytest.raises(ExportError, match="has no locations; rebuild it with: vwe world HHcLC5acQt"):
        FORMATS[name].write(tmp_path / "out", source, ExportOptions())
