"""Evaluating a condition over rows, within limits of time and memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vwe_dagster.catalog.conditions import (
    TABLE,
    TIME_LIMIT_S,
    Condition,
    connection,
    database_errors_explained,
    interrupted_after,
)


def matching_rows(
    table: pa.Table, condition: Condition, *, time_limit_s: float = TIME_LIMIT_S
) -> npt.NDArray[np.int64]:
    """Return the indices of the rows for which a condition is true, ascending.

    Args:
        table: rows with the columns that the condition names.
        condition: the condition.
        time_limit_s: seconds after which the query is interrupted.

    Raises:
        QueryError: the condition fails on a row, or exceeds the limits of time or memory.
    """
    with (
        connection() as database,
        database_errors_explained(condition.text, time_limit_s),
        interrupted_after(database, time_limit_s),
    ):
        database.register("given", table)
        database.execute("CREATE TABLE seeds AS SELECT * FROM given")
        found = database.table(TABLE).filter(f"({condition.sql})").select("rowid").to_arrow_table()
    return np.sort(found.column("rowid").to_numpy().astype(np.int64))
