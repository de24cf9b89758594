"""Location tables in the project's own format: values are read, and faults are rejected with line and column."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from pathlib import Path

import pytest

from vwe_dagster.locations.location_table import AltBiome, LocationTableError, LocationType
from vwe_dagster.locations.table_bytes import MAX_TABLE_BYTES
from vwe_dagster.locations.table_choice import read_location_table
from vwe_dagster.locations.table_file import SHIPPED, read_table, shipped_table

FIRST_ROW = 7
"""Line of the first row of the shipped table after five header lines and the column names."""


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    """Copy the shipped table without its digests, so that rows can be changed."""
    for name in ("location_types.csv", "alt_biomes.csv"):
        lines = SHIPPED.with_name(name).read_text().splitlines(keepends=True)
        (tmp_path / name).write_text("".join(line for line in lines if not line.startswith("# sha256")))
    return tmp_path / "location_types.csv"


def replace_cell(path: Path, row: int, column: str, text: str) -> int:
    """Replace a cell of the row with that number, from 0, and return its line."""
    lines = path.read_text().splitlines(keepends=True)
    header = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    columns = lines[header].strip().split(",")
    at = header + 1 + row
    cells = lines[at].rstrip("\n").split(",")
    cells[columns.index(column)] = text
    lines[at] = ",".join(cells) + "\n"
    path.write_text("".join(lines))
    return at + 1


def test_the_shipped_table_is_the_games() -> None:
    table = shipped_table()
    assert table.game_versions == ("1.0.15", "1.0.16")
    assert "SeedLab" in table.sources
    assert (len(table.types), len(table.alt_biomes)) == (183, 32)
    assert sum(t.prioritized for t in table.types) == 23
    assert all(t.prioritized for t in table.types[:23])
    assert table.types[4].exterior == 19.790000915527344


def test_the_header_states_the_digest_of_the_rows() -> None:
    for name in ("location_types.csv", "alt_biomes.csv"):
        lines = SHIPPED.with_name(name).read_text().splitlines(keepends=True)
        header = [line for line in lines if line.startswith("#")]
        body = "".join(lines[len(header) :])
        assert f"# sha256: {hashlib.sha256(body.encode()).hexdigest()}\n" in header
        assert {line.split(":")[0] for line in header} >= {"# name", "# game_version", "# sources"}


def test_the_digest_of_a_table_depends_on_its_values_only(table_file: Path) -> None:
    assert read_table(table_file).sha256 == shipped_table().sha256
    replace_cell(table_file, 0, "max_delta", "3.0")
    assert read_table(table_file).sha256 == shipped_table().sha256
    replace_cell(table_file, 0, "max_delta", "3.5")
    assert read_table(table_file).sha256 != shipped_table().sha256


def test_changed_rows_do_not_pass_under_the_old_digest(tmp_path: Path) -> None:
    for name in ("location_types.csv", "alt_biomes.csv"):
        (tmp_path / name).write_text(SHIPPED.with_name(name).read_text())
    path = tmp_path / "location_types.csv"
    replace_cell(path, 0, "max_delta", "3.5")
    with pytest.raises(LocationTableError, match=r"SHA-256 .* the header states"):
        read_table(path)


def test_prioritized_types_run_first_and_types_of_quantity_0_do_not_run(table_file: Path) -> None:
    replace_cell(table_file, 100, "prioritized", "1")
    replace_cell(table_file, 0, "quantity", "0")
    prefabs, shipped = read_table(table_file).prefabs, shipped_table().prefabs
    assert prefabs == (*shipped[1:23], shipped[100], *shipped[23:100], *shipped[101:])


def test_a_name_that_is_empty_is_the_prefab(table_file: Path) -> None:
    replace_cell(table_file, 3, "name", "")
    assert read_table(table_file).types[3].name == "GDKing"


NUMBERS = [field.name for field in dataclasses.fields(LocationType) if field.type in {"int", "float"}]
SWITCHES = [field.name for field in dataclasses.fields(LocationType) if field.type == "bool"]


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        *((column, "four", "is not a") for column in NUMBERS),
        *((column, "", "is not a") for column in NUMBERS),
        *((column, "nan", "is not a") for column in NUMBERS),
        *((column, "1e30", "is not a") for column in NUMBERS),
        *((column, "yes", "is neither 0 nor 1") for column in SWITCHES),
        ("prefab", "", "is empty"),
        ("prefab", "StartTemple", f"is already in line {FIRST_ROW - 1}"),
        ("biome", "0", "is not a sum of biome flags; choose from 1, 2, 4, 8, 16, 32, 64, 256, 512"),
        ("biome", "128", "is not a sum of biome flags"),
        ("quantity", "-1", "is not a number from 0"),
        ("exterior", "5000", "is not a number from 0 to 4,000"),
        ("interior", "-2", "is not a number from 0"),
        ("similar", "-1", "is not a number from 0"),
        ("max_altitude", "-900", "is less than min_altitude"),
        ("max_delta", "-1", "is less than min_delta"),
        ("alt_biome", "Darker Meadows", "is not an alt-biome of the table"),
    ],
)
def test_a_fault_names_line_and_column(table_file: Path, column: str, text: str, reason: str) -> None:
    line = replace_cell(table_file, 2, column, text)
    with pytest.raises(LocationTableError) as caught:
        read_table(table_file)
    message = str(caught.value)
    assert message.startswith(f"{table_file}, line {line}, column {column}: {text!r} {reason}")


@pytest.mark.parametrize(("column", "text"), [("surround_distance", "0"), ("surround_layers", "0")])
def test_surround_needs_layers_and_a_distance(table_file: Path, column: str, text: str) -> None:
    replace_cell(table_file, 2, column, text)
    read_table(table_file)
    replace_cell(table_file, 2, "surround", "1")
    with pytest.raises(LocationTableError, match=f"column {column}: '0' is not "):
        read_table(table_file)


ALT_NUMBERS = [field.name for field in dataclasses.fields(AltBiome) if field.type in {"int", "float"}]


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        *((column, "many", "is not a") for column in ALT_NUMBERS),
        *((column, "-1", "is not a") for column in ALT_NUMBERS),
        ("chance", "1.5", "is not a number from 0 to 1"),
        ("name", "", "is empty"),
        ("name", "Mushroom", "is already in line 5"),
        ("incompatible", "Nowhere", "is not an alt-biome of the table"),
    ],
)
def test_a_fault_of_an_alt_biome_names_line_and_column(table_file: Path, column: str, text: str, reason: str) -> None:
    path = table_file.with_name("alt_biomes.csv")
    line = replace_cell(path, 2, column, text)
    with pytest.raises(LocationTableError) as caught:
        read_table(table_file)
    assert str(caught.value).startswith(f"{path}, line {line}, column {column}: {text!r} {reason}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",max_delta,", ",", "line 5: column max_delta is missing"),
        (",max_delta,", ",max_delta,max_delta,", "line 5: column max_delta is repeated"),
        (",max_delta,", ",max_delta,steepness,", "line 5: unknown column 'steepness'; choose from prefab, "),
        ("StartTemple,", "StartTemple,StartTemple,", "line 6: 33 cells for 32 columns"),
        ("# game_version: 1.0.15 1.0.16\n", "", "line 1: the header has no line '# game_version: ...'; add it"),
        ("alt_biomes.csv", "alt.csv", "alt.csv cannot be read"),
        ("alt_biomes.csv", "", "the header names '' as alt_biomes; name a file in the same folder"),
        ("alt_biomes.csv", "../alt.csv", "the header names '../alt.csv' as alt_biomes"),
        ("GDKing,GDKing", '"GDKing,GDKing', "unexpected end of data"),
    ],
)
def test_a_malformed_file_is_rejected(table_file: Path, old: str, new: str, message: str) -> None:
    text = table_file.read_text()
    assert old in text
    table_file.write_text(text.replace(old, new, 1))
    with pytest.raises(LocationTableError, match=re.escape(message)):
        read_table(table_file)


def test_a_file_that_is_not_text_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LocationTableError, match="cannot be read"):
        read_table(path)
    with pytest.raises(LocationTableError, match="cannot be read"):
        read_table(tmp_path)


@pytest.mark.parametrize("name", ["table.csv", "table.json"])
def test_reading_a_table_is_bounded_and_never_waits(tmp_path: Path, name: str) -> None:
    pipe, long = tmp_path / name, tmp_path / f"long-{name}"
    os.mkfifo(pipe)
    long.touch()
    os.truncate(long, MAX_TABLE_BYTES + 1)
    for path, message in ((pipe, "cannot be read (it is a pipe"), (long, "is longer than 16 MiB")):
        with pytest.raises(LocationTableError, match=re.escape(message)):
            read_location_table(path, "1.0.16")
