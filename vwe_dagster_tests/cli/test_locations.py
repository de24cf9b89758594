"""``vwe locations`` as a user types it."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest

from vwe_dagster.engine.messages import LANDMARKS, LOCATIONS
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.worlds import publish_world

SEED = "HHcLC5acQt"


@pytest.fixture(scope="module")
def vwe(tmp_path_factory: pytest.TempPathFactory) -> Vwe:
    return Vwe(tmp_path_factory.mktemp("locations"))


def test_seed_that_is_not_built_has_a_line_per_kind(vwe: Vwe) -> None:
    shown = vwe.call("locations", SEED)
    assert shown.returncode == 0
    haldor = next(line.split() for line in shown.stdout.splitlines() if " haldor " in line)
    assert haldor == ["trader", "haldor", "Haldor", "10", "1,573", "SW", "-1090", "-1134", "candidates"]
    assert shown.stdout.index("eikthyr") < shown.stdout.index("haldor") < shown.stdout.index("sunken_crypt")
    assert "the game keeps one of them, the first whose zone is explored" in shown.stderr


def test_json_has_every_location_to_the_bit(vwe: Vwe) -> None:
    document = json.loads(vwe.call("locations", SEED, "--json").stdout)
    expected = World(298112588).locations()
    assert (document["seed"], document["seed_integer"]) == (SEED, 298112588)
    assert document["location_table"]["sha256"] == expected.table.sha256
    found = {(row["prefab"], row["x_m"], row["y_m"], row["z_m"]) for row in document["locations"]}
    points = zip(
        expected.prefab.tolist(), *(axis.tolist() for axis in (expected.x, expected.y, expected.z)), strict=True
    )
    assert found == set(points)


def test_distances_are_measured_from_a_point(vwe: Vwe) -> None:
    text = vwe.call("locations", SEED, "--kind", "dungeon", "--near", "-500,100.5", "--within", "900", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    distances = [float(row["distance_m"]) for row in rows]
    assert distances == sorted(distances)
    assert distances[-1] <= 900
    assert {row["group"] for row in rows} == {"dungeon"}
    x, z = float(rows[0]["x_m"]), float(rows[0]["z_m"])
    assert distances[0] == pytest.approx(((x + 500) ** 2 + (z - 100.5) ** 2) ** 0.5, abs=0.01)


def test_limit_reports_the_number_of_all_locations(vwe: Vwe) -> None:
    shown = vwe.call("locations", SEED, "--kind", "haldor", "--limit", "3")
    assert sum("one of 10" in line for line in shown.stdout.splitlines()) == 3
    assert "3 of 10 are shown; show more with --limit." in shown.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--kind", "haldo"), "Unknown kind 'haldo'; did you mean haldor"),
        (("--near", "here"), "Invalid point 'here'; write two numbers of meters, x and z, as in: --near 1200,-350"),
        (("--near", "nan,1"), "The point 'nan,1' is outside the world"),
        (("--json", "--csv"), "--json and --csv exclude each other; choose one."),
    ],
)
def test_invalid_option_is_rejected(vwe: Vwe, words: tuple[str, ...], message: str) -> None:
    rejected = vwe.call("locations", SEED, *words)
    assert (rejected.returncode, rejected.stdout) == (2, "")
    assert message in rejected.stderr


def test_no_match_is_not_an_error(vwe: Vwe) -> None:
    shown = vwe.call("locations", SEED, "--kind", "fader", "--within", "10")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "", "No location matches.\n")


def test_limit_alone_lists_the_nearest_locations(vwe: Vwe) -> None:
    shown = vwe.call("locations", SEED, "--limit", "2")
    assert [line.split()[0] for line in shown.stdout.splitlines() if "_" in line] == ["ship_setting", "abandoned_house"]
    assert shown.stderr.startswith("2 of ")


def test_all_locations_are_listed_of_a_world_that_was_built_with_landmarks(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_world(vwe.store, SEED, Grid.of_world(64), locations=LANDMARKS)
    document = json.loads(vwe.call("locations", SEED, "--json").stdout)
    assert len(document["locations"]) == len(World(298112588).locations())


def test_locations_that_the_engine_reported_are_listed_for_any_world_gen_version(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_world(vwe.store, SEED, Grid.of_world(64), world_gen_version=1, locations=LOCATIONS)
    shown = vwe.call("locations", SEED, "--kind", "haldor")
    assert (shown.returncode, shown.stdout.count("Haldor")) == (0, 10)


def test_world_of_a_former_world_gen_version_is_rejected(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_world(vwe.store, SEED, Grid.of_world(64), world_gen_version=1)
    rejected = vwe.call("locations", SEED)
    assert rejected.returncode == 1
    assert "world-gen version 1, whose locations are unknown" in rejected.stderr


def test_locations_are_placed_by_a_table_of_the_user(vwe: Vwe, tmp_path: Path) -> None:
    table = tmp_path / "modded.json"
    only = dataclasses.replace(shipped_table(), name="Modded", types=shipped_table().types[:5])
    table.write_text(LocationTableDocument.of(only).text(), encoding="utf-8")
    document = json.loads(vwe.call("locations", SEED, "--table", str(table), "--json").stdout)
    assert document["location_table"] == {
        "name": "Modded",
        "game_versions": list(only.game_versions),
        "sha256": only.sha256,
    }
    assert {row["prefab"] for row in document["locations"]} == set(only.prefabs)
    by_environment = dataclasses.replace(vwe, settings={"VWE_LOCATION_TABLE": str(table)})
    assert json.loads(by_environment.call("locations", SEED, "--json").stdout) == document
    table.unlink()
    rejected = by_environment.call("locations", SEED)
    assert rejected.returncode == 2
    assert "modded.json cannot be read" in rejected.stderr


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("t.json", {"game_versions": ("0.221.4",)}, "is of game version 0.221.4, and the terrain is that of 1.0.16"),
        ("t.yaml", {}, "Unknown kind of location table 't.yaml'; name a .json or .csv file."),
        ("t.csv", {}, "column prefab is missing"),
    ],
)
def test_unusable_table_is_rejected(vwe: Vwe, tmp_path: Path, name: str, change: dict[str, Any], message: str) -> None:
    path = tmp_path / name
    path.write_text(LocationTableDocument.of(dataclasses.replace(shipped_table(), **change)).text(), encoding="utf-8")
    rejected = vwe.call("locations", SEED, "--table", str(path))
    assert (rejected.returncode, rejected.stdout) == (2, "")
    assert message in rejected.stderr
