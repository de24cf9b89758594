"""The location table that the environment names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vwe_dagster.config.location_table import TABLE_VARIABLE, location_table_from_environment
from vwe_dagster.locations.location_table import LocationTableError
from vwe_dagster.locations.table_file import SHIPPED, shipped_table
from vwe_dagster.locations.table_json import LocationTableDocument

VERSION = shipped_table().game_versions[0]


@pytest.mark.parametrize("text", [None, "", "  "])
def test_without_the_variable_there_is_no_table_of_the_user(text: str | None) -> None:
    environ = {} if text is None else {TABLE_VARIABLE: text}
    assert location_table_from_environment(VERSION, environ) is None


def test_the_table_is_read_as_json_or_csv_by_the_ending_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "Table.JSON"
    path.write_text(LocationTableDocument.of(shipped_table()).text())
    for file in (path, SHIPPED):
        assert location_table_from_environment(VERSION, {TABLE_VARIABLE: str(file)}) == shipped_table()


def test_a_table_without_versions_is_accepted_and_one_of_other_versions_is_not(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    for versions in ((), ("0.221.4",)):
        table = dataclasses.replace(shipped_table(), game_versions=versions)
        path.write_text(LocationTableDocument.of(table).text())
        if not versions:
            assert location_table_from_environment(VERSION, {TABLE_VARIABLE: str(path)}) == table
    with pytest.raises(LocationTableError, match=rf"table\.json is of game version 0\.221\.4.*{TABLE_VARIABLE}"):
        location_table_from_environment(VERSION, {TABLE_VARIABLE: str(path)})


@pytest.mark.parametrize("name", ["absent.json", "table.yaml"])
def test_an_unusable_file_is_reported_with_the_variable(tmp_path: Path, name: str) -> None:
    with pytest.raises(LocationTableError, match=rf"{name}.*The variable {TABLE_VARIABLE} names it"):
        location_table_from_environment(VERSION, {TABLE_VARIABLE: str(tmp_path / name)})
