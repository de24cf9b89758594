"""Rows of the survey: columns kept as one file are those of the present files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.catalog import survey_rows as module
from vwe_dagster.catalog.survey_rows import survey_rows
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.catalog.rows import publish_survey

FILES = 3


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorldStore:
    """A survey of three files of two rows, as many as columns are kept for."""
    monkeypatch.setattr(module, "MANY_FILES", FILES)
    store = WorldStore(tmp_path)
    for index in range(FILES):
        publish(store, index, 2)
    return store


def publish(store: WorldStore, index: int, rows: int) -> None:
    numbers = [10 * index + row for row in range(rows)]
    publish_survey(store, Depth.WORLD, [{"number": n, "islands": 2 * n} for n in numbers], name=f"block-{index:07}")


def islands(store: WorldStore) -> list[int]:
    return list(survey_rows(store).table(Depth.WORLD, ["islands"]).column("islands").to_pylist())


def kept(store: WorldStore) -> Path:
    return store.root / "catalog" / "survey" / "world" / "islands.arrow"


def test_kept_column_has_the_values_of_all_files(store: WorldStore) -> None:
    assert islands(store) == [0, 2, 20, 22, 40, 42]
    assert kept(store).is_file()
    assert islands(store) == [0, 2, 20, 22, 40, 42]


def test_kept_column_is_read_in_place_of_the_files(store: WorldStore, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = islands(store)
    monkeypatch.setattr(module, "read_rows", lambda *_: pytest.fail("a file of the survey was read"))
    assert islands(store) == expected


def test_kept_column_follows_new_rows_and_files(store: WorldStore) -> None:
    islands(store)
    publish(store, 2, 3)
    assert islands(store) == [0, 2, 20, 22, 40, 42, 44]
    publish(store, 3, 1)
    assert islands(store) == [0, 2, 20, 22, 40, 42, 44, 60]


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"ARROW1\0\0" * 100])
def test_damaged_kept_column_is_read_again(store: WorldStore, content: bytes) -> None:
    expected = islands(store)
    kept(store).write_bytes(content)
    assert islands(store) == expected


def test_columns_are_read_where_none_can_be_kept(store: WorldStore) -> None:
    (store.root / "catalog").write_text("")
    assert islands(store) == [0, 2, 20, 22, 40, 42]


@pytest.mark.parametrize("places", [[], [5], [4, 0, 4, 1], [3, 2]])
def test_rows_taken_by_place_equal_those_of_the_table(store: WorldStore, places: list[int]) -> None:
    wanted = np.array(places, np.int64)
    taken = survey_rows(store).take(Depth.WORLD, ["number", "islands"], wanted)
    assert taken.equals(survey_rows(store).table(Depth.WORLD, ["number", "islands"]).take(pa.array(wanted)))


def test_rows_added_while_a_question_is_answered_change_no_place(store: WorldStore) -> None:
    rows = survey_rows(store)
    assert rows.table(Depth.WORLD, ["number"]).column("number").to_pylist() == [0, 1, 10, 11, 20, 21]
    publish(store, 0, 4)
    assert rows.table(Depth.WORLD, ["islands"]).column("islands").to_pylist() == [0, 2, 20, 22, 40, 42]
    taken = rows.take(Depth.WORLD, ["number", "rivers"], np.array([1, 2, 5]))
    assert taken.column("number").to_pylist() == [1, 10, 21]
