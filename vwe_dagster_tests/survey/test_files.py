"""Survey files: stamps, damage, and rows that come back as they were written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vwe_dagster.analysis.columns import Depth, columns_of
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.survey.files import FileState, file_of, folder_of, read_rows, survey_files
from vwe_dagster.survey.rows import surveyed_rows, surveyed_seeds
from vwe_dagster_tests.survey.made_rows import invented_rows, publish


@pytest.fixture
def store(tmp_path: Path) -> WorldStore:
    """An empty data folder."""
    return WorldStore(tmp_path / "data")


@pytest.mark.parametrize("depth", Depth)
def test_rows_come_back_as_they_were_written(store: WorldStore, depth: Depth) -> None:
    table = publish(store, "block-0000000", range(100), depth)
    found = read_rows(file_of(store, depth, "block-0000000"))
    assert found.equals(table)
    assert found.schema.names == ["number", *(column.name for column in columns_of(depth))]
    assert set(map(str, found.schema.types)) <= {"int32", "float"}


def test_empty_data_folder_has_no_rows(store: WorldStore) -> None:
    files = survey_files(store)
    assert [files.rows(depth) for depth in Depth] == [0, 0, 0]
    assert surveyed_rows(files, Depth.WORLD).num_rows == 0


@pytest.mark.parametrize(
    "stamp",
    ["engine", "row_version", "world_gen_version", "location_table", "location_table_sha256", "depth"],
)
def test_file_of_another_stamp_is_stale_and_not_read(store: WorldStore, stamp: str) -> None:
    publish(store, "block-0000000", range(10), Depth.WORLD)
    publish(store, "block-0000001", range(10, 25), Depth.WORLD, **{stamp: "of another version"})
    files = survey_files(store)
    assert (files.rows(Depth.WORLD), files.stale_rows(Depth.WORLD)) == (10, 15)
    assert surveyed_seeds(files, Depth.WORLD).tolist() == list(range(10))


def test_file_becomes_stale_with_a_new_row_version(store: WorldStore, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, "block-0000000", range(10), Depth.START)
    assert survey_files(store).rows(Depth.START) == 10
    monkeypatch.setattr("vwe_dagster.engine.rows.ROW_VERSION", "of tomorrow")
    files = survey_files(store)
    assert (files.rows(Depth.START), files.stale_rows(Depth.START)) == (0, 10)


def test_location_table_does_not_concern_the_start(store: WorldStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for depth in Depth:
        publish(store, "block-0000000", range(10), depth)
    monkeypatch.setattr("vwe_dagster.engine.rows.shipped_table", lambda: _OtherTable)
    files = survey_files(store)
    assert [files.rows(depth) for depth in Depth] == [10, 0, 0]
    assert [files.stale_rows(depth) for depth in Depth] == [0, 10, 10]


class _OtherTable:
    name = "of another game version"
    sha256 = "0" * 64


def test_replaced_file_is_read_again(store: WorldStore) -> None:
    publish(store, "block-0000000", range(10), Depth.START)
    assert survey_files(store).rows(Depth.START) == 10
    publish(store, "block-0000000", range(20), Depth.START)
    assert survey_files(store).rows(Depth.START) == 20
    publish(store, "block-0000000", range(20), Depth.START, engine="another")
    assert survey_files(store).rows(Depth.START) == 0


def test_unchanged_files_are_not_opened_again(store: WorldStore, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, "block-0000000", range(10), Depth.START)
    survey_files(store)

    def refuse(path: Path) -> None:
        pytest.fail(f"{path} was opened")

    monkeypatch.setattr(pq, "read_metadata", refuse)
    assert survey_files(store).rows(Depth.START) == 10


@pytest.mark.parametrize("content", [b"", b"no index", b"[1]", b'{"block-0000000.parquet": 1}', b'{"a": ["b"]}'])
def test_damaged_index_costs_time_only(store: WorldStore, content: bytes) -> None:
    publish(store, "block-0000000", range(10), Depth.START)
    (folder_of(store, Depth.START) / ".index.json").write_bytes(content)
    assert survey_files(store).rows(Depth.START) == 10


@pytest.mark.parametrize("kept_bytes", [0, 3, 900])
def test_cut_file_is_damaged(store: WorldStore, kept_bytes: int) -> None:
    publish(store, "block-0000000", range(10), Depth.START)
    publish(store, "block-0000001", range(10, 20), Depth.START)
    path = file_of(store, Depth.START, "block-0000000")
    path.write_bytes(path.read_bytes()[:kept_bytes])
    files = survey_files(store)
    assert [file.path for file in files.damaged(Depth.START)] == [path]
    assert surveyed_seeds(files, Depth.START).tolist() == list(range(10, 20))


def test_changed_value_is_noticed_when_it_is_read(store: WorldStore) -> None:
    publish(store, "block-0000000", range(1000), Depth.START)
    path = file_of(store, Depth.START, "block-0000000")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="delete it"):
        read_rows(path)


def test_file_with_other_columns_than_its_stamps_state_is_damaged(store: WorldStore) -> None:
    table = invented_rows(range(10), Depth.START)
    path = file_of(store, Depth.START, "block-0000000")
    path.parent.mkdir(parents=True)
    pq.write_table(table.drop_columns(table.column_names[-1:]), path)
    (file,) = survey_files(store).files[Depth.START]
    assert file.state is FileState.DAMAGED


def test_other_files_in_the_folder_are_ignored(store: WorldStore) -> None:
    publish(store, "block-0000000", range(10), Depth.START)
    for name in ("notes.txt", "block-1.parquet", ".block-0000001.parquet.draft-1", "copy of block-0000000.parquet"):
        (folder_of(store, Depth.START) / name).write_bytes(b"")
    assert [file.name for file in survey_files(store).files[Depth.START]] == ["block-0000000"]


def test_seed_in_several_files_is_one_row(store: WorldStore) -> None:
    publish(store, "block-0000000", range(100), Depth.START)
    publish(store, "block-0000000", range(50, 120), Depth.WORLD)
    publish(store, "set-0123456789abcdef", range(90, 110), Depth.WORLD)
    publish(store, "set-0123456789abcdef", range(95, 97), Depth.ALL)
    files = survey_files(store)
    start = surveyed_rows(files, Depth.START)
    assert sorted(start["number"].to_pylist()) == list(range(120))
    expected = invented_rows(start["number"].to_pylist(), Depth.START)
    assert start.replace_schema_metadata(None).equals(expected.replace_schema_metadata(None))
    assert surveyed_seeds(files, Depth.WORLD).tolist() == list(range(50, 120))
    assert surveyed_rows(files, Depth.ALL, []).to_pydict() == {"number": [95, 96]}


def test_only_wanted_columns_are_read(store: WorldStore) -> None:
    publish(store, "block-0000000", range(10), Depth.WORLD)
    name = columns_of(Depth.START)[0].name
    table = surveyed_rows(survey_files(store), Depth.START, [name])
    assert table.column_names == ["number", name]
    assert isinstance(table, pa.Table)
