"""Conditions: what they may name and call, what is rejected, and what they match."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.catalog.conditions import FUNCTIONS, parse_condition
from vwe_dagster.catalog.names import column_name, condition_schema
from vwe_dagster.catalog.query import matching_rows
from vwe_dagster.catalog.query_error import QueryError, QueryFault

ROWS = [
    {"seed": "dry", "number": 1, "islands": 10, "land_5km_km2": None},
    {"seed": "high", "number": 2, "islands": 50, "land_5km_km2": 300.0},
    {"seed": "low", "number": 3, "islands": 60, "land_5km_km2": 200.5},
]
TABLE = pa.Table.from_pylist(ROWS, schema=condition_schema())

FOREIGN = [
    *("read_text('/etc/passwd')", "(select content from read_text('/etc/passwd'))", "(select 1 from '/etc/passwd')"),
    *("(select 1 from read_csv('/etc/passwd'))", "(select count(*) from glob('/*'))", "getenv('HOME')", "version()"),
    *("current_setting('threads')", "(select max(value) from duckdb_settings())", "current_user", "pg_backend_pid()"),
    *("now()", "current_date", "get_current_timestamp()", "today()", "random()", "uuid()", "nextval('x')"),
    *("set_bit('1'::bit, 0, 1)", "(select 1 from pragma_version())", "(select 1 from seeds using sample 1)"),
    *("query('select 1')", "(from query('select 1'))", "getvariable('x')", "write_log('x')", "txid_current()"),
]
"""Expressions that read a file, a setting, the time or chance."""

AROUND = [
    *("{} is not null", "coalesce({}, {}) is null", "not ({} is null)", "(case when islands > 3 then {} end) is null"),
    *("cast({} as varchar) = 'x'", "abs(length(cast({} as varchar))) > 3", "(select max({}) from seeds) is null"),
    *(
        "seed in (select seed from seeds where {} is null)",
        "islands > 3 and ({}) is null",
        "{} in (1, 2)",
        "- ({}) > 3",
    ),
    *(
        "exists (select 1 from seeds a join seeds b on {} is null)",
        "(select islands from seeds order by {} limit 1) = 3",
    ),
    *("count(seed) filter (where {} is null) = 1", "{} between 1 and 2", "greatest(islands, {}) > 3"),
]
"""Places in a condition where an expression may stand."""

WORDS = [
    *("islands", "land", "seed", "seeds", "note", "1", "'x'", "true", "null", "(", ")", ",", ";", "--", "/*", "*", "."),
    *("::", "[", "]", "=", "<", "+", "->", "$1", "#1", "and", "or", "not", "in", "like", "is", "exists", "select"),
    *("from", "where", "union", "with", "as", "over", "order", "by", "limit", "case", "when", "then", "end", "values"),
]


def seeds(condition: str, *, time_limit_s: float = 10) -> list[str]:
    """Return the seeds of :data:`ROWS` that match."""
    rows = matching_rows(TABLE, parse_condition(condition), time_limit_s=time_limit_s)
    return [str(ROWS[row]["seed"]) for row in rows]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("islands > 40 and land_5km_km2 < 250", ["low"]),
        ("ISLANDS > 40 and LAND < 250", ["low"]),
        ("land is null", ["dry"]),
        ("seed = 'dry'", ["dry"]),
        ("seed LIKE 'd%'", ["dry"]),
        ("seed ~ '^h'", ["high"]),
        ("seed = 'dry' or seed = '--x'", ["dry"]),
        ("islands between 50 and 60 and not land = 300", ["low"]),
        ("islands in (10, 60)", ["dry", "low"]),
        ("abs(islands - 55) <= 5 and land / islands > 3.5", ["high"]),
        ("case when land is null then islands < 20 else false end", ["dry"]),
        ("coalesce(land, 0) < 250", ["dry", "low"]),
        ("islands > (select avg(islands) from seeds)", ["high", "low"]),
        ("islands >= all (select max(land) - 141 from seeds where land < 250)", ["low"]),
    ],
)
def test_condition_matches(condition: str, expected: list[str]) -> None:
    assert seeds(condition) == expected


def test_condition_names_its_columns_without_short_names() -> None:
    condition = parse_condition("Land > 3 and islands = 4 or land is null")
    assert condition.columns == ("land_5km_km2", "islands")
    assert condition.text == "Land > 3 and islands = 4 or land is null"


def test_short_names_mean_one_column_each() -> None:
    words = [word for column in COLUMNS.values() for word in (column.name, *column.short)]
    assert len({word.lower() for word in words}) == len(words)
    assert all(column_name(word.upper()) == column.name for column in COLUMNS.values() for word in column.short)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("island > 4", "no column island; did you mean islands"),
        ("lnad > 4", "no column lnad; did you mean land"),
        ("swamp_3_km2 > 4", "no column swamp_3_km2; did you mean swamp_3km_km2"),
        ("zzz > 4", r"no column zzz; list all columns with: vwe find --columns"),
        ("z" * 900 + " > 4", "no column z{60}[.]{3}; list"),
        ("current_date > made_at", "no column current_date"),
        ("rowid = 1", "no column rowid"),
    ],
)
def test_unknown_column_is_rejected_with_similar_ones(condition: str, sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        parse_condition(condition)


@pytest.mark.parametrize(
    ("condition", "position", "word"),
    [("islands > > 3", 11, ">"), ("seed = 'ö' annd 3 < islands", 12, "annd"), ("islands > 3) x (", 14, "x")],
)
def test_condition_with_a_syntax_error_is_rejected_with_its_position(condition: str, position: int, word: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_condition(condition)
    assert caught.value.fault is QueryFault.SYNTAX
    assert caught.value.values.items() >= {"position": position, "word": word}.items()


@pytest.mark.parametrize(
    "condition",
    [
        "islands >",
        "true; drop table seeds",
        "true) union select 1 --",
        "true) union (select 1",
        "true) limit (1",
        "true) order by random() limit (1",
        "COPY seeds TO '{}/stolen.csv'",
        "exists(select * from read_csv('/etc/passwd'))",
        "exists(select * from '/etc/passwd')",
        "(select content from read_text('/etc/passwd')) is not null",
        "exists(select * from duckdb_settings() where name = 'x') or getenv('HOME') = 'x'",
        "attach '{}/other.db'",
        "set enable_external_access = true",
        "count(*) > 3",
        "islands > $1",
        "#1 > 3",
        "columns(*) > 3",
        "exists (select 1 from seeds union select 2 from seeds)",
        "exists (select 1 from (select seed from seeds))",
        "seed = 'x\0'",
        "(" * 3000 + "true" + ")" * 3000,
    ],
)
def test_text_that_is_not_a_condition_is_rejected(tmp_path: Path, condition: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_condition(condition.replace("{}", str(tmp_path)))
    assert len(str(caught.value)) < 800
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "condition", ["islands > 40 --limit 3", "islands /* all */ > 40", "islands > 40 -- sort\nand true"]
)
def test_comment_is_rejected(condition: str) -> None:
    with pytest.raises(QueryError, match="has a comment"):
        parse_condition(condition)


@pytest.mark.parametrize(("condition", "kind"), [("islands + 40", "integer"), ("seed", "varchar"), ("null", "null")])
def test_condition_that_is_not_true_or_false_is_rejected(condition: str, kind: str) -> None:
    with pytest.raises(QueryError, match=f'is "?{kind}"?, not true or false'):
        parse_condition(condition)


@pytest.mark.parametrize("text", ["(" * 201, "abs(" * 201, "islands = " + "- " * 100])
def test_condition_that_takes_much_memory_to_parse_is_rejected_unparsed(text: str) -> None:
    with pytest.raises(QueryError, match="more than 200 brackets, or 100 signs in a row"):
        parse_condition(text)


def test_empty_condition_is_rejected() -> None:
    with pytest.raises(QueryError, match="leave it out to find all worlds"):
        parse_condition(" ")


@pytest.mark.parametrize(
    ("condition", "source"),
    [
        ("seed in (select name from duckdb_settings())", "duckdb_settings"),
        ("seed in (select table_name from information_schema.tables)", "tables"),
        ("exists (from duckdb_tables)", "duckdb_tables"),
        ("exists (select 1 from seeds a join duckdb_tables b on true)", "duckdb_tables"),
        ("exists (select 1 from seeds union select 1 from duckdb_tables)", "duckdb_tables"),
        ("islands in (select * from range(100000000000))", "range"),
        ("exists (from (describe seeds))", "show_ref"),
        ("exists (with other as (select 1) select 1 from seeds)", "other"),
    ],
)
def test_condition_cannot_read_another_table(condition: str, source: str) -> None:
    with pytest.raises(QueryError, match=f"reads '{source}'; a condition can read only the table seeds"):
        parse_condition(condition)


def test_condition_cannot_sample() -> None:
    with pytest.raises(QueryError, match="samples a table"):
        parse_condition("seed in (select seed from seeds using sample 3)")


@pytest.mark.parametrize(
    "function",
    [
        *("repeat('x', 3000000000)", "lpad('x', 3000000000, 'y')", "range(3000000000)", "format('{:>999999999}', 'x')"),
        *(
            "random()",
            "now()",
            "getenv('HOME')",
            "current_setting('memory_limit')",
            "main.abs(islands)",
            "islands >> 2",
        ),
    ],
)
def test_function_outside_of_the_list_is_rejected(function: str) -> None:
    with pytest.raises(QueryError, match=r"The function \S+ is not available"):
        parse_condition(f"{function} is not null")


def test_every_other_function_of_the_database_is_rejected() -> None:
    with duckdb.connect() as database:
        known = database.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    names = {name for (name,) in known if name.isidentifier() and name not in FUNCTIONS}
    assert len(names) > 300
    for name in names:
        with pytest.raises(QueryError):
            parse_condition(f'"{name}"(seed) is not null')


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FOREIGN), st.lists(st.sampled_from(AROUND), min_size=1, max_size=4))
def test_condition_reads_no_file_setting_or_time_wherever_it_would(expression: str, around: list[str]) -> None:
    for place in around:
        expression = place.replace("{}", f"({expression})")
    with pytest.raises(QueryError):
        parse_condition(expression)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join))
def test_any_text_is_a_condition_over_known_columns_or_rejected(text: str) -> None:
    try:
        condition = parse_condition(text)
    except QueryError:
        return
    assert set(condition.columns) <= set(condition_schema().names)
    matching_rows(TABLE, condition)


def product(selected: str, names: list[str]) -> str:
    """Return a subquery over the product of the table with itself, once per name."""
    return f"select {selected} from {', '.join(f'seeds {name}' for name in names)}"  # noqa: S608


def test_endless_condition_is_interrupted() -> None:
    names = [f"t{number}" for number in range(40)]
    total = " + ".join(f"{name}.islands" for name in names)
    with pytest.raises(QueryError, match=r"took longer than 0\.5 s; write a simpler one"):
        seeds(f"exists ({product('1', names)} where sin({total}) = 5)", time_limit_s=0.5)


def test_condition_that_needs_too_much_memory_is_rejected() -> None:
    names = [f"t{number}" for number in range(18)]
    total = " + ".join(f"{name}.islands * {3**place}e0" for place, name in enumerate(names))
    with pytest.raises(QueryError, match="needs more than 1GB of memory; write a simpler one"):
        seeds(f"islands < ({product(f'median({total})', names)})", time_limit_s=120)
