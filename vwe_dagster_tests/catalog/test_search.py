"""Questions to worlds and survey: what is searched, what counts once, and the order of the answer."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.catalog.query_error import QueryError
from vwe_dagster.catalog.questions import question_of
from vwe_dagster.catalog.search import SCORE, Answer, Search
from vwe_dagster.catalog.survey_rows import SurveyRows, survey_rows
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.survey.files import file_of, read_rows, survey_files
from vwe_dagster_tests.catalog.rows import Row, catalog_of, publish_survey

MEADOWS = "meadows_3km_km2"
"""A column of every depth; ``islands`` is one of depth ``world``."""


@pytest.fixture
def store(tmp_path: Path) -> WorldStore:
    """A survey of three seeds at depth ``world``, two more at depth ``start``, and one at both."""
    store = WorldStore(tmp_path)
    publish_survey(store, Depth.WORLD, [row(1, 5, 10), row(2, 6, 20), row(3, 7, 30)])
    publish_survey(store, Depth.START, [row(3, 7), row(4, 8), row(5, 9)], name="block-0000001")
    return store


def row(number: int, meadows: float | None = None, islands: int | None = None) -> Row:
    return {"number": number, MEADOWS: meadows, "islands": islands}


def search_of(store: WorldStore, catalog: pa.Table | None = None) -> Search:
    return Search(catalog_of() if catalog is None else catalog, SurveyRows(survey_files(store)))


def seeds(answer: Answer) -> list[str]:
    return list(answer.table(["seed"]).column("seed").to_pylist())


def test_question_searches_the_depths_that_have_its_columns(store: WorldStore) -> None:
    of_start = search_of(store).ask(question_of([f"{MEADOWS} >= 7"]))
    assert seeds(of_start) == ["@3", "@4", "@5"]
    assert (of_start.searched.surveyed, of_start.searched.shallow, of_start.searched.depth) == (5, 0, Depth.START)
    of_world = search_of(store).ask(question_of(["islands >= 20"]))
    assert seeds(of_world) == ["@2", "@3"]
    assert (of_world.searched.surveyed, of_world.searched.shallow, of_world.searched.depth) == (3, 2, Depth.WORLD)


def test_world_counts_once_by_its_own_row(store: WorldStore) -> None:
    catalog = catalog_of({"seed": "abc", "number": 2, MEADOWS: 6.5, "islands": 99}, {"seed": "b", "number": 7})
    answer = search_of(store, catalog).ask(question_of(["islands > 10"]))
    assert answer.table(["seed", "islands"]).to_pylist() == [
        {"seed": "abc", "islands": 99},
        {"seed": "@3", "islands": 30},
    ]
    assert (answer.worlds, answer.surveyed) == (1, 1)
    assert (answer.searched.worlds, answer.searched.surveyed) == (2, 2)


def test_seed_in_several_files_counts_once(store: WorldStore) -> None:
    publish_survey(store, Depth.WORLD, [row(3, 7, 30), row(9, 1, 90)], name=f"set-{0:016x}")
    publish_survey(store, Depth.ALL, [row(2, 6, 20)], name=f"set-{1:016x}")
    answer = search_of(store).ask(question_of(["islands >= 10"]))
    assert sorted(seeds(answer)) == ["@1", "@2", "@3", "@9"]
    assert (answer.searched.surveyed, answer.searched.shallow) == (4, 2)


def test_stale_rows_are_not_searched(store: WorldStore) -> None:
    publish_survey(store, Depth.WORLD, [row(6, 5, 70)], name="block-0000007", is_stale=True)
    catalog = catalog_of({"seed": "abc", "number": 2, "islands": 99, "stale": True})
    search = search_of(store, catalog)
    answer = search.ask(question_of(["islands > 10"]))
    assert seeds(answer) == ["@2", "@3"]
    assert (answer.searched.stale_rows, answer.searched.stale_worlds) == (1, ("abc",))
    assert seeds(search.ask(question_of(["stale"]))) == ["abc"]


def test_column_of_worlds_searches_worlds_only(store: WorldStore) -> None:
    catalog = catalog_of({"seed": "abc", "number": 9, "note": "ours"}, {"seed": "xyz", "number": 8})
    answer = search_of(store, catalog).ask(question_of(["note is null or islands > 3"]))
    assert seeds(answer) == ["xyz"]
    assert (answer.searched.surveyed, answer.searched.depth) == (0, None)


def test_columns_that_a_row_is_not_surveyed_for_are_null(store: WorldStore) -> None:
    answer = search_of(store).ask(question_of(["number in (1, 4)"]))
    assert answer.table(["seed", "islands", MEADOWS, "note"]).to_pylist() == [
        {"seed": "@1", "islands": 10, MEADOWS: 5.0, "note": None},
        {"seed": "@4", "islands": None, MEADOWS: 8.0, "note": None},
    ]


@pytest.mark.parametrize(("ascending", "expected"), [(True, ["@1", "@2", "@3", "b"]), (False, ["@3", "@2", "@1", "b"])])
def test_rows_without_a_value_come_last(store: WorldStore, ascending: bool, expected: list[str]) -> None:
    catalog = catalog_of({"seed": "b", "number": 7})
    question = question_of([], sort="islands", ascending=ascending)
    assert seeds(search_of(store, catalog).ask(question)) == expected


def test_preferences_rank_all_matches_among_all_searched_rows(store: WorldStore) -> None:
    question = question_of(["islands < 30"], [f"{MEADOWS} desc x3", "islands"])
    answer = search_of(store).ask(question)
    # Of three rows the middle one is better than one and equal to itself: (1 + 1/2) / 3.
    assert answer.table(["seed", SCORE]).to_pylist() == [
        {"seed": "@2", SCORE: pytest.approx(50)},
        {"seed": "@1", SCORE: pytest.approx((3 * 100 / 6 + 500 / 6) / 4)},
    ]


def test_score_of_a_seed_is_explained(store: WorldStore) -> None:
    question = question_of(["islands > 1000"], [f"{MEADOWS} desc x3", "islands"])
    explanation = search_of(store).explain(question, parse_seed("@3"))
    assert explanation.seed == "@3"
    assert [each.value for each in explanation.contributions] == [7.0, 30]
    assert [each.percentile for each in explanation.contributions] == pytest.approx([500 / 6, 100 / 6])
    assert explanation.score == pytest.approx((3 * 500 + 100) / 6 / 4)


def test_seed_that_was_not_searched_is_not_explained(store: WorldStore) -> None:
    with pytest.raises(QueryError, match="The seed @5 is not among the searched rows"):
        search_of(store).explain(question_of([], ["islands"]), parse_seed("@5"))


def test_answer_has_the_integers_of_all_matches(store: WorldStore) -> None:
    answer = search_of(store).ask(question_of(["islands >= 20"]))
    assert answer.numbers().tolist() == [2, 3]
    assert len(answer.table(["seed"], limit=1)) == 1


ROWS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5)), max_size=8, unique_by=lambda pair: pair[0])


@settings(max_examples=40, deadline=None)
@given(worlds=ROWS, starts=ROWS, sets=st.lists(ROWS, max_size=2), limit=st.integers(0, 5))
def test_answer_equals_a_search_by_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    worlds: list[tuple[int, int]],
    starts: list[tuple[int, int]],
    sets: list[list[tuple[int, int]]],
    limit: int,
) -> None:
    store = WorldStore(tmp_path_factory.mktemp("survey"))
    publish_survey(store, Depth.START, [row(number, 1) for number, _ in starts])
    deepest: dict[int, tuple[str, int | None]] = {number: (f"@{number}", None) for number, _ in starts}
    # The rows of one seed are equal in all files, as they are in a survey.
    for index, rows in enumerate(sets):
        publish_survey(store, Depth.WORLD, [row(number, 1, number % 6) for number, _ in rows], name=f"set-{index:016x}")
        deepest |= {number: (f"@{number}", number % 6) for number, _ in rows}
    deepest |= {number: (f"w{number}", islands) for number, islands in worlds}
    catalog = catalog_of(*({"seed": f"w{number}", "number": number, "islands": islands} for number, islands in worlds))
    answer = search_of(store, catalog).ask(question_of([f"islands >= {limit}"]))
    expected = [key for key, islands in deepest.values() if islands is not None and islands >= limit]
    assert sorted(seeds(answer)) == sorted(expected)
    assert answer.searched.shallow == sum(islands is None for _, islands in deepest.values())


def test_value_that_is_not_a_number_matches_no_condition(store: WorldStore) -> None:
    publish_survey(store, Depth.START, [row(8, math.nan), row(9, 50)], name="block-0000002")
    catalog = catalog_of({"seed": "abc", "number": 10, MEADOWS: math.nan})
    search = search_of(store, catalog)
    assert seeds(search.ask(question_of([f"{MEADOWS} > 9"]))) == ["@9"]
    assert seeds(search.ask(question_of([f"{MEADOWS} is null"]))) == ["abc", "@8"]
    assert seeds(search.ask(question_of(["(number - 9) / (number - 9) > 0 and number > 7"]))) == ["abc", "@8"]


def test_floats_are_the_shortest_decimals(store: WorldStore) -> None:
    publish_survey(store, Depth.START, [row(8, 4.6)], name="block-0000002")
    answer = search_of(store).ask(question_of(["number = 8"]))
    assert answer.table([MEADOWS]).to_pylist() == [{MEADOWS: 4.6}]


def damage_pages(path: Path) -> None:
    """Change a byte of the values of a file, not of its footer."""
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)


def test_file_that_is_damaged_behind_a_valid_footer_is_skipped_and_named(store: WorldStore) -> None:
    publish_survey(store, Depth.WORLD, [row(number, 8, number) for number in range(100, 1100)], name="block-0000005")
    path = file_of(store, Depth.WORLD, "block-0000005")
    damage_pages(path)
    with pytest.raises(StoreError, match="damaged"):
        read_rows(path, ["number", MEADOWS, "islands"])
    answer = search_of(store).ask(question_of(["islands >= 20", f"{MEADOWS} > 1"]))
    assert seeds(answer) == ["@2", "@3"]
    assert answer.searched.surveyed == 3
    assert answer.searched.damaged_files == (path,)


def test_files_that_vanish_before_the_question_are_listed_again(store: WorldStore) -> None:
    rows = survey_rows(store)
    publish_survey(store, Depth.WORLD, [row(1, 5, 10), row(2, 6, 20)], name="block-0000007")
    file_of(store, Depth.WORLD, "block-0000000").unlink()
    answer = Search(catalog_of(), rows).ask(question_of(["islands >= 20"]))
    assert seeds(answer) == ["@2"]
