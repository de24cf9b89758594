"""Asking the catalog: which seeds a condition holds for, in the language of SQL's WHERE.

The condition is a person's own, yet it sees the catalog and nothing else: no file, no network, no other statement.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import duckdb
import pyarrow as pa

_UNKNOWN = re.compile(r'(?:column|Table) "(?P<name>[^"]+)" (?:not found|does not exist)')


class QueryError(ValueError):
    """A query that cannot be understood; the message is a sentence that says how to mend it."""


def find(
    table: pa.Table, condition: str | None, *, sort: str = "seed", ascending: bool = True, columns: Sequence[str]
) -> pa.Table:
    """The rows of a catalog that a condition holds for.

    Args:
        table: the catalog, see :data:`vwe_dagster.catalog.table.COLUMNS`.
        condition: an SQL expression over its columns; every row if None.
        sort: the column to sort by; rows that have no value there come last.
        ascending: whether the least comes first.
        columns: the columns wanted, in their order.

    Raises:
        QueryError: the condition has a comment, is not true or false, cannot be parsed, or a column is unknown.
    """
    if condition is not None:
        _refuse_unreadable(condition)
    for name in [sort, *columns]:
        if name not in table.column_names:
            raise QueryError(_no_column(name, table.column_names))
    with duckdb.connect(":memory:") as database:
        database.register("given", table)
        database.execute("CREATE TABLE seeds AS SELECT * FROM given")
        database.unregister("given")
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        try:
            found = database.table("seeds")
            if condition is not None:
                _refuse_other_type(found, condition)
                found = found.filter(condition)
            order = f'"{sort}" {"ASC" if ascending else "DESC"} NULLS LAST, lower(seed), seed'
            return found.order(order).select(*map(duckdb.ColumnExpression, columns)).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(_explained(str(error), table.column_names)) from error


def _refuse_unreadable(condition: str) -> None:
    if not condition.strip():
        raise QueryError("The condition is empty; leave it out to find all worlds.")
    for start, kind in duckdb.tokenize(condition):
        if kind is duckdb.token_type.comment:
            raise QueryError(
                f"The condition has a comment, {condition[start:]!r}, which would be ignored; remove it. "
                f"Options such as --limit stand outside the quotes."
            )


def _refuse_other_type(seeds: duckdb.DuckDBPyRelation, condition: str) -> None:
    (kind,) = seeds.project(f"({condition}) AS condition").types
    if kind != duckdb.sqltypes.BOOLEAN:
        raise QueryError(
            f"The condition {condition!r} is {str(kind).lower()}, not true or false; compare it with a value, "
            f'as in: "islands > 40"'
        )


def columns_in(condition: str, known: Sequence[str]) -> list[str]:
    """The columns that a condition names, each once, in the order in which it names them."""
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", condition)
    return [name for name in dict.fromkeys(word.lower() for word in words) if name in known]


def _explained(message: str, columns: Sequence[str]) -> str:
    unknown = _UNKNOWN.search(message)
    if unknown is not None:
        return _no_column(unknown["name"], columns)
    first = message.partition("\n")[0]
    return f'The condition cannot be used ({first}); write one such as: "islands > 40 and swamp_nearest_m < 2500"'


def _no_column(name: str, columns: Sequence[str]) -> str:
    close = _close_matches(name.lower(), columns)
    meant = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(columns)}."
    return f"The catalog has no column {name}; {meant}"


def _close_matches(name: str, columns: Sequence[str]) -> list[str]:
    """Return up to three columns, the likeliest first: distances and areas of a biome that is named alone."""
    of_biome = [f"{name}_{suffix}" for suffix in ("nearest_m", "area_km2", "share")]
    found = [column for column in of_biome if column in columns]
    return found or difflib.get_close_matches(name, columns, n=3, cutoff=0.5)
