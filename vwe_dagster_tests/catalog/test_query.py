"""Asking the catalog: what is found, in what order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from vwe_dagster.catalog.query import QueryError, columns_in, find
from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.worlds import publish_statistics


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    store = WorldStore(tmp_path_factory.mktemp("catalog"))
    publish_statistics(store, "low", highest_peak_above_sea_m=300, islands=60)
    publish_statistics(store, "high", highest_peak_above_sea_m=500, islands=50)
    publish_statistics(store, "dry", highest_peak_above_sea_m=400, islands=10, swamp_first_m=None)
    return SeedCatalog(store).update().table


def seeds(found: pa.Table) -> list[str]:
    return list(found["seed"].to_pylist())


def test_a_condition_and_an_order(table: pa.Table) -> None:
    condition = "islands > 40 and swamp_first_m < 2500"
    found = find(table, condition, sort="highest_peak_above_sea_m", ascending=False, columns=["seed", "islands"])
    assert found.to_pylist() == [{"seed": "high", "islands": 50}, {"seed": "low", "islands": 60}]


def test_without_a_condition_all_are_found(table: pa.Table) -> None:
    assert seeds(find(table, None, columns=["seed"])) == ["dry", "high", "low"]


@pytest.mark.parametrize("ascending", [True, False])
def test_what_has_no_value_comes_last(table: pa.Table, ascending: bool) -> None:
    assert seeds(find(table, None, sort="swamp_first_m", ascending=ascending, columns=["seed"]))[-1] == "dry"


@pytest.mark.parametrize(
    "condition", ["swamp_first_m is null", "seed = 'dry'", "seed LIKE 'd%'", "seed = 'dry' or seed = '--x'"]
)
def test_sql_is_understood(table: pa.Table, condition: str) -> None:
    assert seeds(find(table, condition, columns=["seed"])) == ["dry"]


def test_an_unknown_column_is_refused_with_those_alike(table: pa.Table) -> None:
    with pytest.raises(QueryError, match="no column island; did you mean islands"):
        find(table, "island > 4", columns=["seed"])
    with pytest.raises(QueryError, match=r"no column swamp_m; did you mean .*swamp_first_m"):
        find(table, None, sort="swamp_m", columns=["seed"])
    with pytest.raises(QueryError, match="no column zzz; there are: seed, number"):
        find(table, None, columns=["zzz"])


@pytest.mark.parametrize(
    "condition",
    [
        "islands >",
        "true; drop table seeds",
        "true) union select 1 --",
        "COPY seeds TO '{}/stolen.csv'",
        "exists(select * from read_csv('/etc/passwd'))",
        "exists(select * from '/etc/passwd')",
        "(select content from read_text('/etc/passwd')) is not null",
        "exists(select * from duckdb_settings() where name = 'x') or getenv('HOME') = 'x'",
        "attach '{}/other.db'",
        "set enable_external_access = true",
    ],
)
def test_what_is_no_condition_over_the_catalog_is_refused(table: pa.Table, tmp_path: Path, condition: str) -> None:
    with pytest.raises(QueryError):
        find(table, condition.replace("{}", str(tmp_path)), columns=["seed"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "condition", ["islands > 40 --limit 3", "islands /* all */ > 40", "islands > 40 -- sort\nand true"]
)
def test_comment_is_rejected(table: pa.Table, condition: str) -> None:
    with pytest.raises(QueryError, match="has a comment"):
        find(table, condition, columns=["seed"])


@pytest.mark.parametrize(("condition", "kind"), [("islands >> 40", "integer"), ("seed", "varchar"), ("null", "null")])
def test_condition_that_is_not_true_or_false_is_rejected(table: pa.Table, condition: str, kind: str) -> None:
    with pytest.raises(QueryError, match=f'is "?{kind}"?, not true or false'):
        find(table, condition, columns=["seed"])


def test_biome_alone_suggests_its_distance_first(table: pa.Table) -> None:
    with pytest.raises(QueryError, match="no column swamp; did you mean swamp_first_m or"):
        find(table, "swamp < 2000", columns=["seed"])


def test_an_empty_condition_is_refused(table: pa.Table) -> None:
    with pytest.raises(QueryError, match="leave it out to find all worlds"):
        find(table, " ", columns=["seed"])


def test_the_columns_of_a_condition_are_told(table: pa.Table) -> None:
    assert columns_in("ISLANDS > 4 and swamp_first_m < 9 or islands = 2", table.column_names) == [
        "islands",
        "swamp_first_m",
    ]


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
    ],
)
def test_condition_cannot_read_another_table(table: pa.Table, condition: str, source: str) -> None:
    with pytest.raises(QueryError, match=f"reads '{source}'; a condition can read the table seeds only"):
        find(table, condition, columns=["seed"])


def test_condition_may_compare_with_all_worlds(table: pa.Table) -> None:
    found = find(table, "islands > (select avg(islands) from seeds)", columns=["seed"])
    assert seeds(found) == ["high", "low"]


@pytest.mark.parametrize(
    "function",
    ["repeat('x', 3000000000)", "lpad('x', 3000000000, 'y')", "range(3000000000)", "format('{:>999999999}', 'x')"],
)
def test_function_that_grows_without_limit_is_rejected(table: pa.Table, function: str) -> None:
    with pytest.raises(QueryError, match=r"The function \w+ is not available"):
        find(table, f"len({function}) > islands", columns=["seed"])


def product(selected: str, names: list[str]) -> str:
    """Return a subquery over the product of the catalog with itself, once per name."""
    return f"from {', '.join(f'seeds {name}' for name in names)} select {selected}"


def test_endless_condition_is_interrupted(table: pa.Table) -> None:
    names = [f"t{number}" for number in range(40)]
    condition = f"exists ({product('1', names)} where hash({', '.join(f'{name}.seed' for name in names)}) = 5)"
    with pytest.raises(QueryError, match=r"took longer than 0\.5 s; write a simpler one"):
        find(table, condition, columns=["seed"], time_limit_s=0.5)


def test_condition_that_needs_too_much_memory_is_rejected(table: pa.Table) -> None:
    names = [f"t{number}" for number in range(18)]
    texts = product(" || ".join(f"{name}.seed" for name in names), names)
    with pytest.raises(QueryError, match="needs more than 1GB of memory; write a simpler one"):
        find(table, f"islands < len(list_aggregate(array({texts}), 'string_agg', ''))", columns=["seed"])
