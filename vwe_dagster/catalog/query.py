"""Asking the catalog: which seeds a condition holds for, in the language of SQL's WHERE.

The user writes the condition. It can read the catalog only: no file, no network, no other table, no other statement;
its time and memory are limited.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

TIME_LIMIT_S = 30.0
MEMORY_LIMIT = "1GB"

_TABLE = "seeds"
_OTHER_SOURCES = {"TABLE_FUNCTION", "SHOW_REF", "PIVOT"}
_GROWING = {
    *("array_resize", "bitstring", "format", "generate_series", "list_resize", "lpad", "printf", "range"),
    *("regexp_replace", "repeat", "replace", "rpad", "to_base"),
}
"""Functions whose result can be of any size: DuckDB neither interrupts them nor limits their memory."""

_UNKNOWN = re.compile(r'(?:column|Table) "(?P<name>[^"]+)" (?:not found|does not exist)')


class QueryError(ValueError):
    """A query that cannot be understood; the message is a sentence that says how to mend it."""


def find(
    table: pa.Table,
    condition: str | None,
    *,
    sort: str = "seed",
    ascending: bool = True,
    columns: Sequence[str],
    time_limit_s: float = TIME_LIMIT_S,
) -> pa.Table:
    """Return the rows of a catalog for which a condition is true.

    Args:
        table: the catalog, see :data:`vwe_dagster.catalog.table.COLUMNS`.
        condition: an SQL expression over its columns; every row if None.
        sort: the column to sort by; rows that have no value there come last.
        ascending: whether the least comes first.
        columns: the columns wanted, in their order.
        time_limit_s: seconds after which the query is interrupted.

    Raises:
        QueryError: the condition has a comment, is not true or false, cannot be parsed, reads another table than
            ``seeds``, exceeds the limits of time or memory, or a column is unknown.
    """
    if condition is not None:
        _refuse_unreadable(condition)
    for name in [sort, *columns]:
        if name not in table.column_names:
            raise QueryError(_no_column(name, table.column_names))
    order = f'"{sort}" {"ASC" if ascending else "DESC"} NULLS LAST, lower(seed), seed'
    with _database(table) as database:
        try:
            with _interrupted_after(database, time_limit_s):
                found = database.table(_TABLE)
                if condition is not None:
                    _refuse_other_sources(database, condition)
                    _refuse_other_type(found, condition)
                    found = found.filter(condition)
                return found.order(order).select(*map(duckdb.ColumnExpression, columns)).to_arrow_table()
        except duckdb.InterruptException as error:
            raise QueryError(f"The condition took longer than {time_limit_s:g} s; write a simpler one.") from error
        except duckdb.OutOfMemoryException as error:
            raise QueryError(f"The condition needs more than {MEMORY_LIMIT} of memory; write a simpler one.") from error
        except duckdb.Error as error:
            raise QueryError(_explained(str(error), table.column_names)) from error


@contextlib.contextmanager
def _database(table: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as database:
        database.register("given", table)
        database.execute("CREATE TABLE seeds AS SELECT * FROM given")
        database.unregister("given")
        database.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        database.execute("SET temp_directory = ''")
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        yield database


@contextlib.contextmanager
def _interrupted_after(database: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, database.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _refuse_unreadable(condition: str) -> None:
    if not condition.strip():
        raise QueryError("The condition is empty; leave it out to find all worlds.")
    for start, kind in duckdb.tokenize(condition):
        if kind is duckdb.token_type.comment:
            raise QueryError(
                f"The condition has a comment, {condition[start:]!r}, which would be ignored; remove it. "
                f"Options such as --limit stand outside the quotes."
            )


def _refuse_other_sources(database: duckdb.DuckDBPyConnection, condition: str) -> None:
    """Raise if the condition reads another source than the catalog, or calls a function of :data:`_GROWING`."""
    statement = f"FROM {_TABLE} WHERE (\n{condition}\n)"
    [(text,)] = database.execute("SELECT json_serialize_sql(?::VARCHAR)", [statement]).fetchall()
    for node in _nodes(json.loads(text).get("statements", [])):
        kind = node.get("type")
        is_other = kind in _OTHER_SOURCES or (
            kind == "BASE_TABLE" and (str(node["table_name"]).lower() != _TABLE or node["schema_name"])
        )
        if is_other:
            name = node.get("table_name") or node.get("function", {}).get("function_name") or str(kind).lower()
            raise QueryError(f"The condition reads {name!r}; a condition can read the table {_TABLE} only.")
        if node.get("class") == "FUNCTION" and node["function_name"] in _GROWING:
            raise QueryError(f"The function {node['function_name']} is not available in conditions.")


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON document."""
    pending = [tree]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            yield each
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)


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
    """Return up to three columns, the likeliest first: those of a biome or a kind of places that is named alone."""
    named = [f"{name}_{suffix}" for suffix in ("nearest_m", "area_km2", "share", "count", "within_2km")]
    found = [column for column in named if column in columns]
    return found or difflib.get_close_matches(name, columns, n=3, cutoff=0.5)
