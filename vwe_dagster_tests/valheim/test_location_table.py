"""The location table that the plugin reads from the lists of the stand-in game."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vwe_dagster.engine.client import EngineRefusedError
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.protocol import JobState
from vwe_dagster.locations.location_table import AltBiome, LocationTable, LocationType, as_float32
from vwe_dagster.locations.table_json import read_table_json
from vwe_dagster_tests.engine.engines import a_job, wait_until
from vwe_dagster_tests.valheim.stand_in import running_plugin, started_plugin

MEADOWS, BLACK_FOREST, PLAINS = 1, 8, 16

START_TEMPLE = LocationType(
    prefab="StartTemple",
    name="StartTemple",
    biome=MEADOWS,
    area=3,
    quantity=1,
    prioritized=True,
    center_first=True,
    unique=False,
    min_altitude=-1000,
    max_altitude=1000,
    similar=0,
    group="",
    max_similar=0,
    group_max="",
    exterior=0,
    interior=0,
    min_delta=0,
    max_delta=2,
    in_forest=False,
    forest_min=0,
    forest_max=1,
    min_vegetation=0,
    max_vegetation=1,
    surround=False,
    surround_distance=20,
    surround_layers=2,
    surround_better=0,
    min_distance=0,
    max_distance=0,
    min_center=0,
    max_center=0,
    alt_biome="",
)
HALDOR = dataclasses.replace(
    START_TEMPLE,
    prefab="Vendor_BlackForest",
    name="Haldor",
    biome=BLACK_FOREST,
    quantity=10,
    center_first=False,
    unique=True,
)
FARM = LocationType(
    prefab="WoodFarm1",
    name="Farm",
    biome=MEADOWS | PLAINS,
    area=2,
    quantity=10,
    prioritized=False,
    center_first=False,
    unique=False,
    min_altitude=as_float32(0.7),
    max_altitude=55,
    similar=128.5,
    group="farms",
    max_similar=85,
    group_max="camps",
    exterior=as_float32(19.79),
    interior=21,
    min_delta=as_float32(0.1),
    max_delta=3,
    in_forest=True,
    forest_min=0.5,
    forest_max=1.5,
    min_vegetation=as_float32(0.6),
    max_vegetation=as_float32(0.9),
    surround=True,
    surround_distance=25,
    surround_layers=3,
    surround_better=as_float32(0.3),
    min_distance=100,
    max_distance=9000,
    min_center=50,
    max_center=8000,
    alt_biome="Dark Meadows",
)
FOG = AltBiome("Fog Meadows", MEADOWS | BLACK_FOREST, 1, 3, as_float32(0.2), 500, 66, 199, (), ())
DARK = AltBiome("Dark Meadows", MEADOWS, 0, 2, 1, 0, 0, 199, ("Fog Meadows",), ("Farm", "Vendor_BlackForest"))
SOURCES = "lists of the running game, read by vwe.engine 0.1.0"
TABLE = LocationTable(
    "Location table of the game", ("1.0.0-stand-in",), SOURCES, (START_TEMPLE, HALDOR, FARM), (FOG, DARK)
)


def test_table_has_the_games_enabled_types_in_running_order(plugin: Path, tmp_path: Path) -> None:
    with running_plugin(plugin) as engine, engine.client() as client:
        document = client.location_table()
    assert [row.prefab for row in document.types] == ["StartTemple", "Vendor_BlackForest", "WoodFarm1"]
    path = tmp_path / "table.json"
    path.write_text(document.text())
    assert read_table_json(path) == TABLE


def test_game_without_some_members_names_them_and_generates_worlds(plugin: Path) -> None:
    with running_plugin(plugin, host="host-lacks-table") as engine, engine.client() as client:
        with pytest.raises(EngineError, match="does not report its location table") as error:
            client.location_table()
        assert "is read: ZoneLocation.m_groupMax, AltBiome.m_chance. Update" in str(error.value)
        status = client.status()
        assert status.game is not None
        assert status.game.missing == ("ZoneLocation.m_groupMax", "AltBiome.m_chance")
        client.claim(1)
        job = client.start(a_job(1))
        wait_until(lambda: client.job(job.job_id).state is JobState.DONE)


def test_number_that_json_cannot_store_is_named(plugin: Path) -> None:
    with (
        running_plugin(plugin, HOST_FAULTS="no_number") as engine,
        engine.client() as client,
        pytest.raises(EngineError, match="cannot be read: max_altitude is NaN"),
    ):
        client.location_table()


def test_a_name_that_is_null_is_empty(plugin: Path) -> None:
    with running_plugin(plugin, HOST_FAULTS="no_names") as engine, engine.client() as client:
        assert [row.name for row in client.location_table().types] == ["", "", "Farm"]


def test_a_table_of_a_modded_game_names_its_plugins(plugin: Path) -> None:
    others = "bigger.worlds,chat"
    with running_plugin(plugin, HOST_PLUGINS=others, ENGINE_ALLOW_PLUGINS=others) as engine, engine.client() as client:
        assert client.location_table().sources == f"{SOURCES}; other plugins: bigger.worlds, chat"


def test_a_starting_game_is_busy_and_a_broken_one_is_not_read(plugin: Path) -> None:
    slow = {"ENGINE_LOCATIONS": "regenerate", "HOST_FAULTS": "slow_switch=60000"}
    with started_plugin(plugin, **slow) as engine, engine.client() as client:
        with pytest.raises(EngineRefusedError) as error:
            client.location_table()
        assert (error.value.code, error.value.retryable) == ("busy", True)
    with running_plugin(plugin, HOST_PLUGINS="chat") as engine, engine.client() as client:
        with pytest.raises(EngineRefusedError) as error:
            client.location_table()
        assert error.value.code == "engine_error"
