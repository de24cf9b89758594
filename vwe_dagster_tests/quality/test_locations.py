"""The check of locations: valid ones pass, and each kind of fault is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import JsonValue

from vwe_dagster.engine.messages import LANDMARKS, LOCATIONS
from vwe_dagster.engine.native_locations import location_lines
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.quality.locations import locations_valid
from vwe_dagster.quality.result import FindingError
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import Manifest, Recipe, WorldStore
from vwe_dagster.world.canonical import LOCATION_COLUMNS
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World

SEED = parse_seed("HHcLC5acQt")


@pytest.fixture(scope="module")
def landmarks() -> pd.DataFrame:
    lines = location_lines(World(SEED.number), LANDMARKS, None)
    return pd.DataFrame(lines)[list(LOCATION_COLUMNS)].astype(LOCATION_COLUMNS)


def published(store: WorldStore, locations: pd.DataFrame | None, table: str = shipped_table().sha256) -> Manifest:
    inputs: dict[str, JsonValue] = {"location_table": {"sha256": table}}
    recipe = Recipe(inputs=inputs, code_version="1", made_by={"kind": "native"}, grid=Grid.of_world(64))
    with store.publish(SEED, "raw", recipe):
        pass
    with store.publish(SEED, "extracted", recipe) as draft:
        if locations is not None:
            draft.table("locations.parquet", locations, units={})
    manifest = store.manifest(SEED, "extracted")
    assert manifest is not None
    return manifest


def test_locations_of_the_native_engine_are_valid(tmp_path: Path, landmarks: pd.DataFrame) -> None:
    store = WorldStore(tmp_path)
    result = locations_valid(store, published(store, landmarks))
    assert result.passed
    assert "a place that the rules of its type allow" in result.description
    assert result.metadata == {"locations": len(landmarks)}


def test_world_without_locations_passes(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    assert locations_valid(store, published(store, None)).description == "The source of the world has no locations."


def test_rules_of_another_table_are_not_applied(tmp_path: Path, landmarks: pd.DataFrame) -> None:
    store = WorldStore(tmp_path)
    manifest = published(store, landmarks.assign(y_m=np.float32(900)), table="of a modded server")
    assert locations_valid(store, manifest).description == "Every location is in a separate zone."


def _moved(column: str, change: Callable[[float], float]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def spoiled(locations: pd.DataFrame) -> pd.DataFrame:
        values = locations[column].tolist()
        at = locations["prefab"].tolist().index("Bonemass")
        values[at] = change(values[at])
        return locations.assign(**{column: pd.Series(values, dtype=locations[column].dtype)})

    return spoiled


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda locations: pd.concat([locations, locations.iloc[:1]]), "1 zones have more than one location"),
        (_moved("y_m", lambda y: y + 500), "1 locations are outside the altitudes of their type, .* Bonemass at"),
        (_moved("x_m", lambda x: x * 0 + 70), "1 locations are outside the (biomes|distances) of their type"),
    ],
)
def test_fault_is_found(
    tmp_path: Path, landmarks: pd.DataFrame, spoil: Callable[[pd.DataFrame], pd.DataFrame], finding: str
) -> None:
    store = WorldStore(tmp_path)
    manifest = published(store, spoil(landmarks))
    with pytest.raises(FindingError, match=finding):
        locations_valid(store, manifest)


def test_layer_of_all_locations_begins_with_the_landmarks(landmarks: pd.DataFrame) -> None:
    lines = location_lines(World(SEED.number), LOCATIONS, None)
    assert [line["prefab"] for line in lines[: len(landmarks)]] == landmarks["prefab"].tolist()
    assert len(lines) > 10 * len(landmarks)
