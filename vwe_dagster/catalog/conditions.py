"""Conditions over the columns of worlds, in the syntax of SQL's WHERE: parsing and checking.

DuckDB parses a condition; the tree is then compared with lists of allowed nodes. A condition can therefore read only
the table ``seeds``: no file, setting, time or random number.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import duckdb

from vwe_dagster.catalog.names import column_name, condition_schema
from vwe_dagster.catalog.query_error import QueryError, QueryFault

TIME_LIMIT_S = 10.0
MEMORY_LIMIT = "1GB"

TABLE = "seeds"
"""The table that conditions may name in a subquery."""

EXAMPLE = "islands > 230 and swamp < 2200"

_CLASSES = {
    *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "SUBQUERY", "TYPE"),
}
_OPERATORS = {
    *("COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE", "OPERATOR_IS_NOT_NULL", "OPERATOR_IS_NULL", "OPERATOR_NOT"),
}
_TYPES = {
    *("BIGINT", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "INTEGER", "REAL", "SMALLINT", "TIMESTAMP"),
    *("TIMESTAMP WITH TIME ZONE", "VARCHAR"),
}
_QUERY_NODES = {
    *("SELECT_NODE", "BASE_TABLE", "JOIN", "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "ORDER_MODIFIER"),
    *("ORDER_DEFAULT", "ORDER_ASCENDING", "ORDER_DESCENDING"),
}
_QUERY_FORMS = {"CTE_NODE", "RECURSIVE_CTE_NODE", "SET_OPERATION_NODE", "SUBQUERY"}
"""Nodes with sources of their own. Conditions cannot have them, but a forbidden source inside one is reported first."""

FUNCTIONS = frozenset(
    {
        *("+", "-", "*", "/", "//", "%", "^", "**", "@", "~~", "!~~", "~~*", "!~~*", "~~~"),
        *("abs", "acos", "asin", "atan", "atan2", "cbrt", "ceil", "ceiling", "cos", "degrees", "exp", "floor", "fmod"),
        *("greatest", "if", "ifnull", "least", "ln", "log", "log10", "log2", "mod", "nullif", "pi", "pow", "power"),
        *("radians", "round", "sign", "sin", "sqrt", "tan", "trunc", "isnan", "isfinite"),
        *("contains", "ends_with", "left", "len", "length", "like_escape", "list_value", "lower", "not_like_escape"),
        *("prefix", "regexp_full_match", "regexp_matches", "right", "starts_with", "strlen", "substr", "substring"),
        *("suffix", "upper", "date_part", "day", "month", "year"),
        *("avg", "count", "count_star", "max", "mean", "median", "min", "quantile", "quantile_cont", "quantile_disc"),
        *("stddev", "sum"),
    }
)
"""The functions and operators that a condition may call. Each depends only on its arguments, and its value is not much
longer than these."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": MEMORY_LIMIT,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    # A division by zero is null, because NaN would be greater than any number.
    "ieee_floating_point_ops": False,
    "error_on_division_by_zero": False,
}
_BEFORE = f"FROM {TABLE} WHERE (\n"
"""The statement before a condition. It is ASCII, so its length in bytes equals its length in characters."""

_UNKNOWN_TABLE = re.compile(r'Table "(?P<name>[^"]+)" (?:not found|does not exist)')
_MAX_SHOWN_LENGTH = 200
_MAX_BRACKETS = 200
_MANY_SIGNS = re.compile(r"(?:[^\w\s'\"]\s*){100}")
_Node = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Condition:
    """A valid condition.

    Attributes:
        text: the condition as typed.
        sql: the condition with short names replaced by columns.
        columns: the columns that it names, in their order.
    """

    text: str
    sql: str
    columns: tuple[str, ...]


def parse_condition(text: str) -> Condition:
    """Parse and check a condition.

    Args:
        text: an SQL expression over the columns of :func:`~vwe_dagster.catalog.names.condition_schema`.

    Raises:
        QueryError: the condition is empty, has a comment, cannot be parsed, is not boolean, calls a function
            that is not in :data:`FUNCTIONS`, reads another table than ``seeds``, or names an unknown column.
    """
    _reject_unreadable(text)
    with _parser().cursor() as database, database_errors_explained(text):
        tree = _tree(database, text)
        where = tree["statements"][0]["node"]["where_clause"]
        for reject in (_reject_other_sources, _reject_foreign_expression):
            for node in _nodes(where):
                reject(node)
        columns = dict.fromkeys(name for node in _nodes(where) for name in _resolved(node))
        [(statement,)] = database.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()
        sql = statement.partition(" WHERE ")[2]
        _reject_other_type(database, text, sql)
    return Condition(text, sql, tuple(columns))


@functools.cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return a database with an empty table ``seeds``; opening one takes six times as long as parsing a condition."""
    database = duckdb.connect(":memory:", config=_SETTINGS)
    database.register("given", condition_schema().empty_table())
    database.execute("CREATE TABLE seeds AS SELECT * FROM given")
    database.unregister("given")
    _lock(database)
    return database


@contextlib.contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in memory that cannot read files, install extensions or change its settings."""
    with duckdb.connect(":memory:", config=_SETTINGS) as database:
        _lock(database)
        yield database


def _lock(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


@contextlib.contextmanager
def interrupted_after(database: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt the queries of a database after ``seconds``."""
    timer = threading.Timer(seconds, database.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@contextlib.contextmanager
def database_errors_explained(text: str, time_limit_s: float = TIME_LIMIT_S) -> Iterator[None]:
    """Convert the errors of a database to :class:`QueryError`, which names the condition and the remedy."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise QueryError(
            f"The condition took longer than {time_limit_s:g} s; write a simpler one.",
            QueryFault.TOO_SLOW,
            seconds=time_limit_s,
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise QueryError(
            f"The condition needs more than {MEMORY_LIMIT} of memory; write a simpler one.", QueryFault.TOO_LARGE
        ) from error
    except (duckdb.BinderException, duckdb.ConversionException) as error:
        raise _unusable(text, str(error).partition("\n")[0], QueryFault.MISMATCH) from error
    except (duckdb.Error, RecursionError) as error:
        raise _unusable(text, str(error).partition("\n")[0]) from error


def _reject_unreadable(text: str) -> None:
    if not text.strip():
        raise QueryError("The condition is empty; leave it out to find all worlds.", QueryFault.EMPTY_CONDITION)
    if "\0" in text:
        raise QueryError("The condition contains a NUL character; remove it.", QueryFault.NUL_CHARACTER)
    # DuckDB 2.0 parses 3000 open parentheses in 5 s with 1.5 GB; time and memory grow with the square of their number.
    # The same holds for signs without an operand behind them.
    if text.count("(") + text.count("[") + text.count("{") > _MAX_BRACKETS or _MANY_SIGNS.search(text):
        raise QueryError(
            f"The condition {_shown(text)} has more than {_MAX_BRACKETS} brackets, or 100 signs in a row; "
            f"write a simpler one.",
            QueryFault.TOO_MANY_SIGNS,
            brackets=_MAX_BRACKETS,
        )
    for start, kind in duckdb.tokenize(text):
        if kind is duckdb.token_type.comment:
            raise QueryError(
                f"The condition has a comment, {_shown(text[start:])}, which would be ignored; remove it. "
                f"Write options such as --limit outside the quotes.",
                QueryFault.COMMENT,
                comment=_cut(text[start:]),
            )


def _tree(database: duckdb.DuckDBPyConnection, text: str) -> _Node:
    """Return the tree of a statement whose WHERE is the condition.

    Raises:
        QueryError: the condition cannot be parsed, or is more than one expression.
    """
    tree = _serialized(database, text)
    if tree["error"]:
        raise _syntax_error(text, tree)
    # A condition such as "true) LIMIT (3" would otherwise continue the statement around it.
    if _surroundings(tree) != _surroundings(_serialized(database, "true")):
        raise QueryError(
            f'The condition {_shown(text)} is more than one expression; write one such as: "{EXAMPLE}"',
            QueryFault.SEVERAL_EXPRESSIONS,
            example=EXAMPLE,
        )
    return tree


def _serialized(database: duckdb.DuckDBPyConnection, text: str) -> _Node:
    statement = f"{_BEFORE}{text}\n)"
    [(tree,)] = database.execute("SELECT json_serialize_sql(?::VARCHAR)", [statement]).fetchall()
    return dict(json.loads(tree))


def _surroundings(tree: _Node) -> list[_Node]:
    return [
        {**statement, "node": {name: value for name, value in statement["node"].items() if name != "where_clause"}}
        for statement in tree["statements"]
    ]


def _nodes(tree: object) -> Iterator[_Node]:
    """Yield every object of a JSON document, in the order of the text."""
    pending = [tree]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            yield each
            pending.extend(reversed(each.values()))
        elif isinstance(each, list):
            pending.extend(reversed(each))


def _reject_other_sources(node: _Node) -> None:
    """Raise if a node of the tree is another source than the table ``seeds``, or a sample of it."""
    kind = node.get("type")
    name = None
    if "class" not in node and isinstance(kind, str) and kind not in _QUERY_NODES | _QUERY_FORMS:
        name = node.get("function", {}).get("function_name") or kind.lower()
    elif kind == "BASE_TABLE" and [part.lower() for part in node["qualified_name"]["path"]] != [TABLE]:
        name = node["table_name"]
    elif node.get("cte_map", {"map": []})["map"]:
        name = node["cte_map"]["map"][0]["key"]
    if name is not None:
        raise _reads_other(name)
    if node.get("sample") is not None or node.get("at_clause") is not None:
        raise QueryError("The condition samples a table; write one without random results.", QueryFault.SAMPLE)


def _reject_foreign_expression(node: _Node) -> None:
    """Raise if a node of the tree is not an allowed expression."""
    group, kind = node.get("class"), str(node.get("type"))
    if group is None and kind not in _QUERY_FORMS:
        return
    if group not in _CLASSES and not (group == "OPERATOR" and kind in _OPERATORS):
        name = kind.lower().replace("_", " ")
        raise QueryError(
            f"An expression of the kind {name!r} is not available in conditions; use comparisons and arithmetic.",
            QueryFault.OTHER_EXPRESSION,
            kind=name,
        )
    if group == "FUNCTION":
        path = node["qualified_name"]["path"]
        if len(path) != 1 or path[0].lower() not in FUNCTIONS:
            raise QueryError(
                f"The function {'.'.join(path)} is not available in conditions; "
                f"use comparisons, arithmetic, and functions such as abs, round and greatest.",
                QueryFault.OTHER_FUNCTION,
                function=".".join(path),
            )
    if group == "TYPE" and [part.upper() for part in node["qualified_name"]["path"]] not in [[each] for each in _TYPES]:
        raise QueryError(
            f"The type {node['type_name']} is not available in conditions; use a type such as INTEGER or DOUBLE.",
            QueryFault.OTHER_TYPE,
            type=str(node["type_name"]),
        )


def _resolved(node: _Node) -> Iterator[str]:
    """Replace short names in a node that names a column, and yield the column."""
    if node.get("class") == "COLUMN_REF":
        *qualifier, word = node["column_names"]
        name = column_name(word)
        node["column_names"] = [*qualifier, name]
        yield name


def _reject_other_type(database: duckdb.DuckDBPyConnection, text: str, sql: str) -> None:
    seeds = database.table(TABLE)
    (kind,) = seeds.project(f"({sql}) AS condition").types
    if kind != duckdb.sqltypes.BOOLEAN:
        raise QueryError(
            f"The condition {_shown(text)} is {str(kind).lower()}, not true or false; compare it with a value, "
            f'as in: "islands > 230"',
            QueryFault.NOT_BOOLEAN,
        )
    # An aggregate outside a subquery has a type, but cannot be evaluated per row.
    seeds.filter(f"({sql})")


def _syntax_error(text: str, tree: _Node) -> QueryError:
    """Return the error of a condition that cannot be parsed, with the position of the fault in characters."""
    reason = tree["error_message"]
    if not str(tree.get("position", "")).isdecimal():
        return _unusable(text, reason)
    # DuckDB counts bytes of the whole statement.
    position = len(text.encode()[: max(int(tree["position"]) - len(_BEFORE), 0)].decode(errors="ignore"))
    word = re.match(r"\w+|\S", text[position:])
    if word is None:
        return _unusable(text, "it is incomplete", QueryFault.INCOMPLETE)
    return _unusable(text, reason, QueryFault.SYNTAX, position=position + 1, word=_cut(word[0]))


def _unusable(
    text: str, reason: str, fault: QueryFault = QueryFault.UNUSABLE, **values: str | float | list[str]
) -> QueryError:
    table = _UNKNOWN_TABLE.search(reason)
    if table is not None:
        return _reads_other(table["name"])
    message = f'The condition {_shown(text)} cannot be used ({reason}); write one such as: "{EXAMPLE}"'
    return QueryError(message, fault, **{"example": EXAMPLE, **values})


def _reads_other(name: str) -> QueryError:
    return QueryError(
        f"The condition reads {name!r}; a condition can read only the table {TABLE}.",
        QueryFault.OTHER_TABLE,
        name=name,
        table=TABLE,
    )


def _shown(text: str) -> str:
    return repr(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_LENGTH else f"{text[:_MAX_SHOWN_LENGTH]}..."
