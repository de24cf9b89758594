"""Rows of invented values, whatever the columns are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from vwe_dagster.analysis.columns import ColumnType, Depth, columns_of
from vwe_dagster.engine.rows import WORLD_GEN_VERSION, table_of
from vwe_dagster.store import WorldStore
from vwe_dagster.survey.files import file_of, write_rows


def invented_row(number: int, depth: Depth) -> Mapping[str, int | float | None]:
    """Return a row that depends on the seed and the names of the columns only; some values are null."""
    row: dict[str, int | float | None] = {}
    for position, column in enumerate(columns_of(depth)):
        value = (number * 7 + position * 13) % 1009
        measure = float(np.float32(value * 0.37))
        row[column.name] = None if value % 11 == 0 else value if column.type is ColumnType.COUNT else measure
    return row


def invented_rows(numbers: Iterable[int], depth: Depth) -> pa.Table:
    """Return a table of invented rows with the stamps of this version."""
    seeds = [int(number) for number in numbers]
    return table_of(seeds, [invented_row(number, depth) for number in seeds], depth, WORLD_GEN_VERSION)


def publish(store: WorldStore, name: str, numbers: Iterable[int], depth: Depth, /, **stamps: str) -> pa.Table:
    """Write a file of invented rows, and return its table; ``stamps`` replace those of this version."""
    table = invented_rows(numbers, depth)
    metadata = dict(table.schema.metadata) | {f"vwe.{key}".encode(): text.encode() for key, text in stamps.items()}
    write_rows(file_of(store, depth, name), table.replace_schema_metadata(metadata))
    return table
