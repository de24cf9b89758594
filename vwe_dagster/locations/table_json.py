"""The location table as JSON: the document that an engine reports, and the file that holds it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import pydantic
import pydantic_core

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

_Row = TypeVar("_Row", LocationType, AltBiome)


class LocationTableDocument(pydantic.BaseModel):
    """A location table as JSON; the members of a row are the columns of the CSV format."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: str = pydantic.Field(min_length=1, max_length=256)
    game_versions: tuple[str, ...] = pydantic.Field(description="Versions of the game; empty if unknown.")
    sources: str = pydantic.Field(description="Origin of the figures.")
    types: tuple[LocationType, ...] = pydantic.Field(
        description="Enabled types, in the order in which they are placed."
    )
    alt_biomes: tuple[AltBiome, ...] = pydantic.Field(description="In the order of the game.")

    @classmethod
    def of(cls, table: LocationTable) -> Self:
        """Return the document of a table."""
        return cls(
            name=table.name,
            game_versions=table.game_versions,
            sources=table.sources,
            types=table.types,
            alt_biomes=table.alt_biomes,
        )

    def table(self, origin: str) -> LocationTable:
        """Return the table, its numbers rounded to float32.

        Args:
            origin: the file or the engine, for the error message.

        Raises:
            LocationTableError: a type is repeated, or a value is impossible; the message names the row and the column.
        """
        types = [dataclasses.replace(t, name=t.name or t.prefab) for t in map(_rounded, self.types)]
        alt_biomes = [_rounded(alt) for alt in self.alt_biomes]
        _check(types, "types", "prefab", faults_of_type, origin)
        _check(alt_biomes, "alt_biomes", "name", faults_of_alt_biome, origin)
        if len(alt_biomes) > MAX_ALT_BIOMES:
            raise LocationTableError(f"{origin}: {len(alt_biomes)} alt-biomes; a table has at most {MAX_ALT_BIOMES}.")
        known = {alt.name for alt in alt_biomes}
        for number, t in enumerate(types, 1):
            if t.alt_biome and t.alt_biome not in known:
                raise _unknown_alt_biome(origin, "types", number, "alt_biome", t.alt_biome)
        for number, alt in enumerate(alt_biomes, 1):
            for name in alt.incompatible:
                if name not in known:
                    raise _unknown_alt_biome(origin, "alt_biomes", number, "incompatible", name)
        return LocationTable(self.name, self.game_versions, self.sources, in_running_order(types), tuple(alt_biomes))

    def text(self) -> str:
        """Return the document as JSON text with one row per line, so that two tables can be compared by line."""
        members = self.model_dump(mode="json")
        parts = (f"{_json(key)}: {_rows(value) if key in _PARTS else _json(value)}" for key, value in members.items())
        return "{\n" + ",\n".join(parts) + "\n}\n"


_PARTS = ("types", "alt_biomes")


def read_table_json(path: Path) -> LocationTable:
    """Read a table from a file that ``vwe engine location-table`` has written.

    Raises:
        LocationTableError: the file cannot be read or is not a location table, or a value is impossible.
    """
    content = read_table_bytes(path)
    try:
        document = LocationTableDocument.model_validate_json(content)
    except pydantic.ValidationError as error:
        raise LocationTableError(f"{path}{_place_and_reason(error)}") from error
    return document.table(str(path))


def _place_and_reason(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    match first["loc"]:
        case (str(part), int(index), str(column), *_):
            return f", {part}, row {index + 1}, column {column}: {first['msg']}."
        case ():
            return f": {first['msg']}."
        case location:
            return f", {'.'.join(map(str, location))}: {first['msg']}."


def _check(
    rows: Iterable[_Row], part: str, key: str, faults: Callable[[_Row], Iterator[tuple[str, str]]], origin: str
) -> None:
    first_rows: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        for column, reason in faults(row):
            raise _fault(origin, part, number, column, getattr(row, column), reason)
        name = getattr(row, key)
        first = first_rows.setdefault(name, number)
        if first != number:
            raise _fault(origin, part, number, key, name, f"is already in row {first}")


def _rounded(row: _Row) -> _Row:
    names = [field.name for field in dataclasses.fields(row) if field.type == "float"]
    rounded: dict[str, Any] = {name: as_float32(getattr(row, name)) for name in names}
    return dataclasses.replace(row, **rounded)


def _unknown_alt_biome(origin: str, part: str, number: int, column: str, name: str) -> LocationTableError:
    return _fault(origin, part, number, column, name, "is not an alt-biome of the table")


def _fault(origin: str, part: str, number: int, column: str, value: object, reason: str) -> LocationTableError:
    return LocationTableError(f"{origin}, {part}, row {number}, column {column}: {value!r} {reason}.")


def _rows(rows: Iterable[object]) -> str:
    lines = ",\n".join(f"  {_json(row)}" for row in rows)
    return f"[\n{lines}\n]" if lines else "[]"


def _json(value: object) -> str:
    return pydantic_core.to_json(value).decode()
