"""Locations from the export of an engine through every stage to the map."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vwe_dagster.defs.assets import renders
from vwe_dagster.engine.messages import (
    LOCATIONS,
    EngineIdentity,
    Line,
    Progress,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.rendering.pictures import MAP, THUMBNAIL, pictures
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store.stages import read_extracted
from vwe_dagster.world.canonical import LOCATION_COLUMNS
from vwe_dagster.worldgen import World
from vwe_dagster_tests.defs.pipeline import ASSETS, Outcome, Pipeline, PoolOfOne

pytestmark = pytest.mark.slow

KEY = "HHcLC5acQt"
LARGE: dict[str, dict[str, object]] = {"renders": {"pixels": 2048}}


def location(prefab: str, x: float, z: float) -> Line:
    facts = {"kind": "location", "prefab": prefab, "group": "", "x_m": x, "y_m": 32.5, "z_m": z}
    return {**facts, "radius_m": 12, "placed": False}


PLACED = [location("Eikthyrnir", 300.5, -400.0), location("Vendor_BlackForest", -2000, 1500), location("Crypt2", 5, 5)]


@dataclasses.dataclass(frozen=True)
class Server:
    """An engine with the identity of Valheim's server, which also exports locations."""

    locations: list[Line]

    @property
    def identity(self) -> EngineIdentity:
        return EngineIdentity("valheim", "0.1.0")

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        assert LOCATIONS in request.if_offered
        export = NativeEngine().generate(request, progress)
        return dataclasses.replace(export, engine=self.identity, lines={**export.lines, LOCATIONS: self.locations})


def run(pipeline: Pipeline, locations: list[Line]) -> Outcome:
    with_server = dataclasses.replace(pipeline, resources={"valheim_pool": PoolOfOne(Server(locations))})
    config: dict[str, dict[str, object]] = {
        "raw_export": {"size": 64, "engine": "VALHEIM", "locations": "ALL"},
        **LARGE,
    }
    return with_server.run(KEY, config=config)


def test_locations_reach_every_stage(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # The other pictures take most of the time.
    monkeypatch.setattr(renders, "pictures", lambda *world: {name: pictures(*world)[name] for name in (MAP, THUMBNAIL)})
    outcome = run(pipeline, PLACED)
    assert outcome.success
    store = pipeline.store
    extracted = read_extracted(store, pipeline.manifest(KEY, "extracted"))
    assert extracted.locations is not None
    assert dict(extracted.locations.dtypes.astype(str)) == LOCATION_COLUMNS
    assert extracted.locations["x_m"].tolist() == [300.5, -2000.0, 5.0]
    units = pipeline.manifest(KEY, "extracted").files["locations.parquet"].units
    assert units == dict.fromkeys(("x_m", "y_m", "z_m", "radius_m"), "m")
    places = pd.read_parquet(store.folder(parse_seed(KEY), "processed") / "places.parquet")
    assert places["label"].tolist() == ["Eikthyr", "Haldor", "Burial chambers"]
    assert outcome.metadata("raw_export")["locations"] == len(PLACED)
    assert outcome.metadata("processed")["locations"] == len(PLACED)
    with_places = np.asarray(Image.open(store.folder(parse_seed(KEY), "renders") / MAP))
    pipeline.run(KEY, config=LARGE)
    without = np.asarray(Image.open(store.folder(parse_seed(KEY), "renders") / MAP))
    rows, columns = np.nonzero((with_places != without).any(axis=-1))
    for x, z in ((300.5, -400), (-2000, 1500)):
        column, row = 64 + 1024 + x / 12, 64 + 1024 - z / 12
        assert (np.hypot(rows - row, columns - column) < 6).any()
    assert {"locations.parquet"} & pipeline.manifest(KEY, "extracted").files.keys() == set()


@pytest.mark.usefixtures("thumbnails_only")
def test_world_without_any_location_is_valid(pipeline: Pipeline) -> None:
    assert run(pipeline, []).metadata("processed")["locations"] == 0


def test_invalid_location_fails_the_extraction(pipeline: Pipeline) -> None:
    assert "Location 0 of the layer locations has no name" in run(pipeline, [location("", 1, 1)]).failures["extracted"]


def test_native_engine_places_all_locations(pipeline: Pipeline) -> None:
    outcome = pipeline.run(KEY, config={"raw_export": {"size": 64, "locations": "ALL"}}, assets=ASSETS[:3])
    locations = read_extracted(pipeline.store, pipeline.manifest(KEY, "extracted")).locations
    assert locations is not None
    expected = World(parse_seed(KEY).number).locations()
    assert locations["prefab"].tolist() == expected.prefab.tolist()
    for column, values in {"x_m": expected.x, "y_m": expected.y, "z_m": expected.z}.items():
        np.testing.assert_array_equal(locations[column].to_numpy(), values)
    assert outcome.metadata("processed")["locations"] == len(expected)
    table = pipeline.manifest(KEY, "raw").recipe.inputs["location_table"]
    assert table == {
        "name": expected.table.name,
        "game_versions": list(expected.table.game_versions),
        "sha256": expected.table.sha256,
    }


def test_table_of_the_user_places_the_locations_and_a_changed_one_rebuilds_the_world(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_with(name: str, types: slice) -> Outcome:
        path = tmp_path / "table.json"
        table = dataclasses.replace(shipped_table(), name=name, types=shipped_table().types[types])
        path.write_text(LocationTableDocument.of(table).text())
        monkeypatch.setenv("VWE_LOCATION_TABLE", str(path))
        return pipeline.run(KEY, config={"raw_export": {"size": 64, "locations": "ALL"}}, assets=ASSETS[:2])

    assert not run_with("few", slice(3, 6)).metadata("raw_export")["cached"]
    locations = read_extracted(pipeline.store, pipeline.manifest(KEY, "extracted")).locations
    assert locations is not None
    assert set(locations["prefab"]) == set(shipped_table().prefabs[3:6])
    stated = pipeline.manifest(KEY, "raw").recipe.inputs["location_table"]
    assert isinstance(stated, dict)
    assert stated["name"] == "few"
    assert run_with("few", slice(3, 6)).metadata("raw_export")["cached"]
    changed = run_with("few", slice(3, 5))
    assert not changed.metadata("raw_export")["cached"]
    assert not changed.metadata("extracted")["cached"]


def test_unique_types_of_a_table_of_the_user_are_candidates(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bosses = [dataclasses.replace(each, unique=each.prefab == "Bonemass") for each in shipped_table().types[3:6]]
    table = dataclasses.replace(shipped_table(), types=tuple(bosses))
    assert not shipped_table().types[shipped_table().prefabs.index("Bonemass")].unique
    assert "Bonemass" in table.prefabs
    (tmp_path / "table.json").write_text(LocationTableDocument.of(table).text())
    monkeypatch.setenv("VWE_LOCATION_TABLE", str(tmp_path / "table.json"))
    config: dict[str, dict[str, object]] = {"raw_export": {"size": 64, "locations": "ALL"}}
    assert pipeline.run(KEY, config=config, assets=ASSETS[:3]).success
    places = pd.read_parquet(pipeline.store.folder(parse_seed(KEY), "processed") / "places.parquet")
    assert set(places["prefab"][places["candidate"]]) == {"Bonemass"}


def test_unusable_table_of_the_user_fails_the_world_with_the_reason(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VWE_LOCATION_TABLE", str(tmp_path / "absent.json"))
    config: dict[str, dict[str, object]] = {"raw_export": {"size": 64, "locations": "ALL"}}
    failure = pipeline.run(KEY, config=config, assets=ASSETS[:1]).failures["raw_export"]
    assert "absent.json cannot be read" in failure
    assert "The variable VWE_LOCATION_TABLE names it" in failure
    # Without locations the table does not matter.
    assert pipeline.run(KEY, assets=ASSETS[:1]).success


def test_landmarks_are_the_types_that_the_game_places_first(pipeline: Pipeline) -> None:
    pipeline.run(KEY, config={"raw_export": {"size": 64, "locations": "LANDMARKS"}}, assets=ASSETS[:2])
    locations = read_extracted(pipeline.store, pipeline.manifest(KEY, "extracted")).locations
    assert locations is not None
    expected = World(parse_seed(KEY).number).locations(upto="DN_Bossroom")
    assert locations["prefab"].tolist() == expected.prefab.tolist()


def test_native_engine_has_no_locations_of_former_world_gen_versions(pipeline: Pipeline) -> None:
    config = {"raw_export": {"size": 64, "locations": "ALL", "world_gen_version": 1}}
    assert pipeline.run(KEY, config=config, assets=ASSETS[:2]).success
    assert "locations.parquet" not in pipeline.manifest(KEY, "extracted").files
    assert "location_table" not in pipeline.manifest(KEY, "raw").recipe.inputs
