"""Location tables as JSON: a table survives the file, and faults are rejected with their row and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vwe_dagster.locations.location_table import LocationTableError
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.locations.table_json import LocationTableDocument, read_table_json

Change = tuple[str, int, str, object]


def written(tmp_path: Path, members: object) -> Path:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(members))
    return path


def shipped_members() -> dict[str, Any]:
    members: dict[str, Any] = json.loads(LocationTableDocument.of(shipped_table()).text())
    return members


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(LocationTableDocument.of(shipped_table()).text())
    table = read_table_json(path)
    assert table == shipped_table()
    assert table.sha256 == shipped_table().sha256


def test_a_file_has_one_row_per_line() -> None:
    lines = LocationTableDocument.of(shipped_table()).text().splitlines()
    rows = [json.loads(line.rstrip(",")) for line in lines if line.startswith("  ")]
    assert [row["prefab"] for row in rows[:183]] == list(shipped_table().prefabs)
    assert [row["name"] for row in rows[183:]] == [alt.name for alt in shipped_table().alt_biomes]


def test_a_table_without_alt_biomes_survives_its_file(tmp_path: Path) -> None:
    members = {**shipped_members(), "alt_biomes": []}
    members["types"] = [{**row, "alt_biome": ""} for row in members["types"]]
    document = LocationTableDocument.model_validate_json(json.dumps(members))
    path = tmp_path / "table.json"
    path.write_text(document.text())
    assert read_table_json(path).alt_biomes == ()


def test_types_are_read_in_running_order_and_numbers_as_float32(tmp_path: Path) -> None:
    members = shipped_members()
    members["types"].reverse()
    members["types"][0] |= {"quantity": 0}
    members["types"][1] |= {"exterior": 19.79, "name": ""}
    table = read_table_json(written(tmp_path, members))
    assert len(table.types) == 182
    assert all(t.prioritized for t in table.types[:23])
    (changed,) = [t for t in table.types if t.prefab == members["types"][1]["prefab"]]
    assert (changed.exterior, changed.name) == (19.790000915527344, changed.prefab)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("types", 2, "max_delta", -1.0), "types, row 3, column max_delta: -1.0 is less than min_delta"),
        (("types", 2, "exterior", 5e3), "types, row 3, column exterior: 5000.0 is not a number from 0 to 4,000"),
        (("types", 4, "prefab", "StartTemple"), "types, row 5, column prefab: 'StartTemple' is already in row 1"),
        (("types", 0, "alt_biome", "Fog"), "types, row 1, column alt_biome: 'Fog' is not an alt-biome of the table"),
        (("types", 0, "biome", "Meadows"), "types, row 1, column biome: Input should be a valid integer"),
        (("types", 0, "quantity", None), "types, row 1, column quantity: Input should be a valid integer"),
        (("types", 0, "color", "red"), "types, row 1, column color: Unexpected keyword argument"),
        (("alt_biomes", 1, "chance", 2), "alt_biomes, row 2, column chance: 2.0 is not a number from 0 to 1"),
        (("alt_biomes", 0, "incompatible", ["Fog"]), "row 1, column incompatible: 'Fog' is not an alt-biome of the"),
    ],
)
def test_a_fault_is_rejected_with_its_row_and_column(tmp_path: Path, change: Change, message: str) -> None:
    part, index, column, value = change
    members = shipped_members()
    members[part][index][column] = value
    path = written(tmp_path, members)
    with pytest.raises(LocationTableError) as error:
        read_table_json(path)
    assert str(error.value).startswith(f"{path}, ")
    assert message in str(error.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    members = shipped_members()
    del members["types"][7]["group_max"]
    with pytest.raises(LocationTableError, match="types, row 8, column group_max: "):
        read_table_json(written(tmp_path, members))


def test_more_alt_biomes_than_a_sector_can_hold_are_rejected(tmp_path: Path) -> None:
    members = shipped_members()
    members["alt_biomes"] += [{**members["alt_biomes"][0], "name": f"another {i}"} for i in range(33)]
    with pytest.raises(LocationTableError, match="65 alt-biomes; a table has at most 64"):
        read_table_json(written(tmp_path, members))


@pytest.mark.parametrize(("content", "message"), [("{", "line 1 column 1"), ("[]", "object"), ('{"name": ""}', "name")])
def test_a_file_that_is_not_a_table_is_rejected(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(content)
    with pytest.raises(LocationTableError, match=message):
        read_table_json(path)
    with pytest.raises(LocationTableError, match="cannot be read"):
        read_table_json(tmp_path / "none.json")
