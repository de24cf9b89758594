"""Location tables in the project's own format: CSV files that begin with a header of ``# key: value`` lines."""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from vwe_dagster.locations.location_table import (
    MAX_ALT_BIOMES,
    AltBiome,
    LocationTable,
    LocationTableError,
    LocationType,
    as_float32,
    faults_of_alt_biome,
    faults_of_type,
    in_running_order,
)
from vwe_dagster.locations.table_bytes import read_table_bytes

SHIPPED = Path(__file__).with_name("location_types.csv")
"""The table of the game; its header names the file of the alt-biomes."""

_Row = TypeVar("_Row", LocationType, AltBiome)
_HEADER_KEYS = ("name", "game_version", "sources")
_SWITCHES = {"0": False, "1": True}


@dataclasses.dataclass(frozen=True)
class _Rows:
    """The contents of one file.

    Attributes:
        path: the file.
        header: the ``# key: value`` lines.
        cells: line number and cells of each row, by column.
    """

    path: Path
    header: dict[str, str]
    cells: list[tuple[int, dict[str, str]]]


@functools.cache
def shipped_table() -> LocationTable:
    """Return the table that VWE ships, which is the game's own."""
    return read_table(SHIPPED)


def read_table(path: Path) -> LocationTable:
    """Read a table of location types; the ``alt_biomes`` line of its header names a second file in the same folder.

    Raises:
        LocationTableError: a file cannot be read, a column is missing, a type is repeated, or a value is impossible.
    """
    rows = _read_rows(path, [field.name for field in dataclasses.fields(LocationType)])
    missing = [key for key in _HEADER_KEYS if not rows.header.get(key)]
    if missing:
        raise LocationTableError(f"{path}, line 1: the header has no line '# {missing[0]}: ...'; add it.")
    alt_biomes: list[AltBiome] = []
    if "alt_biomes" in rows.header:
        columns = [field.name for field in dataclasses.fields(AltBiome)]
        alt_rows = _read_rows(_path_beside(path, rows.header["alt_biomes"]), columns)
        alt_biomes = list(_parse(alt_rows, AltBiome, "name", faults_of_alt_biome))
        _check_alt_biomes(alt_rows, alt_biomes)
    types = [
        dataclasses.replace(t, name=t.name or t.prefab) for t in _parse(rows, LocationType, "prefab", faults_of_type)
    ]
    known = {"", *(alt.name for alt in alt_biomes)}
    for (line, _), t in zip(rows.cells, types, strict=True):
        if t.alt_biome not in known:
            raise _fault(path, line, "alt_biome", t.alt_biome, "is not an alt-biome of the table")
    return LocationTable(
        rows.header["name"],
        tuple(rows.header["game_version"].split()),
        rows.header["sources"],
        in_running_order(types),
        tuple(alt_biomes),
    )


def _path_beside(path: Path, name: str) -> Path:
    try:
        return path.with_name(name)
    except ValueError as error:
        raise LocationTableError(
            f"{path}: the header names {name!r} as alt_biomes; name a file in the same folder, or remove that line."
        ) from error


def _check_alt_biomes(rows: _Rows, alt_biomes: list[AltBiome]) -> None:
    if len(alt_biomes) > MAX_ALT_BIOMES:
        line = rows.cells[MAX_ALT_BIOMES][0]
        raise LocationTableError(f"{rows.path}, line {line}: a table has at most {MAX_ALT_BIOMES} alt-biomes.")
    known = {alt.name for alt in alt_biomes}
    for (line, _), alt in zip(rows.cells, alt_biomes, strict=True):
        for name in alt.incompatible:
            if name not in known:
                raise _fault(rows.path, line, "incompatible", name, "is not an alt-biome of the table")


def _read_rows(path: Path, columns: list[str]) -> _Rows:
    try:
        text = read_table_bytes(path).decode("utf-8-sig")
    except UnicodeError as error:
        raise LocationTableError(f"{path} cannot be read ({error}); name a readable file in UTF-8.") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.splitlines(keepends=True)
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    entries = (line[1:].partition(":") for line in lines[:count])
    header = {key.strip(): value.strip() for key, _, value in entries}
    body = "".join(lines[count:])
    reader = csv.reader(io.StringIO(body), strict=True)
    cells: list[tuple[int, dict[str, str]]] = []
    try:
        names = next(reader, [])
        _check_columns(path, count + 1, names, columns)
        for row in reader:
            line = count + reader.line_num
            if len(row) != len(names):
                raise LocationTableError(f"{path}, line {line}: {len(row)} cells for {len(names)} columns.")
            cells.append((line, dict(zip(names, row, strict=True))))
    except csv.Error as error:
        raise LocationTableError(f"{path}, line {count + reader.line_num}: {error}.") from error
    _check_digest(path, header, body)
    return _Rows(path, header, cells)


def _check_columns(path: Path, line: int, names: list[str], columns: list[str]) -> None:
    for column in columns:
        if names.count(column) != 1:
            fault = "is missing" if column not in names else "is repeated"
            raise LocationTableError(f"{path}, line {line}: column {column} {fault}.")
    for name in names:
        if name not in columns:
            raise LocationTableError(f"{path}, line {line}: unknown column {name!r}; choose from {', '.join(columns)}.")


def _check_digest(path: Path, header: dict[str, str], body: str) -> None:
    actual = hashlib.sha256(body.encode()).hexdigest()
    if header.get("sha256", actual) != actual:
        raise LocationTableError(
            f"{path}: the lines after the header have the SHA-256 {actual}, but the header states "
            f"{header['sha256']}. Restore the file, or correct or remove the line '# sha256: ...'."
        )


def _parse(
    rows: _Rows, row_class: type[_Row], key: str, faults: Callable[[_Row], Iterator[tuple[str, str]]]
) -> Iterator[_Row]:
    first_lines: dict[str, int] = {}
    for line, cells in rows.cells:
        cell_of = functools.partial(_value, rows.path, line)
        values = {field.name: cell_of(field, cells[field.name]) for field in dataclasses.fields(row_class)}
        row = row_class(**values)
        for column, reason in faults(row):
            raise _fault(rows.path, line, column, cells[column], reason)
        first = first_lines.setdefault(cells[key], line)
        if first != line:
            raise _fault(rows.path, line, key, cells[key], f"is already in line {first}")
        yield row


def _value(path: Path, line: int, field: dataclasses.Field[Any], text: str) -> Any:
    if field.type == "str":
        return text
    if field.type == "bool":
        if text not in _SWITCHES:
            raise _fault(path, line, field.name, text, "is neither 0 nor 1")
        return _SWITCHES[text]
    if field.type in {"int", "float"}:
        try:
            return int(text) if field.type == "int" else as_float32(float(text))
        except ValueError as error:
            wanted = "an integer" if field.type == "int" else "a number"
            raise _fault(path, line, field.name, text, f"is not {wanted}") from error
    return tuple(name for name in text.split(";") if name)


def _fault(path: Path, line: int, column: str, value: str, reason: str) -> LocationTableError:
    return LocationTableError(f"{path}, line {line}, column {column}: {value!r} {reason}.")
