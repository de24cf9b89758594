"""Rows for tests of questions: a catalog in memory, and survey files in a data folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.catalog.names import condition_schema
from vwe_dagster.engine.rows import schema_of
from vwe_dagster.store import WorldStore
from vwe_dagster.survey.files import file_of, write_rows

Row = Mapping[str, Any]


def catalog_of(*rows: Row) -> pa.Table:
    """Return a catalog of worlds, in order of seed; columns that a row does not have are null, and none is stale."""
    return pa.Table.from_pylist([{"stale": False, **row} for row in rows], schema=condition_schema())


def publish_survey(
    store: WorldStore, depth: Depth, rows: Sequence[Row], *, name: str = "block-0000000", is_stale: bool = False
) -> None:
    """Write a survey file; columns that a row does not have are null."""
    schema = schema_of(depth)
    if is_stale:
        schema = schema.with_metadata({**(schema.metadata or {}), b"vwe.row_version": b"former"})
    path = file_of(store, depth, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, pa.Table.from_pylist(list(rows), schema=schema))
