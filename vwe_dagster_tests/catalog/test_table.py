"""The catalog of a data folder: what is in it, and that only what changed is read again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vwe_dagster.analysis.columns import COLUMNS as ROW_COLUMNS
from vwe_dagster.catalog.table import COLUMNS, SeedCatalog
from vwe_dagster.seeds.seed import Seed, parse_seed
from vwe_dagster.store import Manifest, Stage, WorldStore
from vwe_dagster.store.notes import Notes
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import publish_extracted_again, publish_raw, publish_statistics, publish_world


@pytest.fixture
def store(tmp_path: Path) -> WorldStore:
    return WorldStore(tmp_path / "data")


@pytest.fixture
def catalog(store: WorldStore) -> SeedCatalog:
    return SeedCatalog(store)


def test_without_worlds_it_is_empty(catalog: SeedCatalog) -> None:
    state = catalog.update()
    assert (state.table.num_rows, state.read, dict(state.left_out)) == (0, 0, {})
    assert list(pq.read_schema(catalog.path).names) == list(COLUMNS)


def test_every_world_is_a_row(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_statistics(store, "beta", highest_peak_above_sea_m=412.5, islands=40)
    publish_statistics(store, "Alpha", swamp_first_m=None, rivers=None)
    rows = catalog.update().table.to_pylist()
    assert [row["seed"] for row in rows] == ["Alpha", "beta"]
    assert (rows[1]["highest_peak_above_sea_m"], rows[1]["islands"], rows[1]["number"]) == (
        412.5,
        40,
        parse_seed("beta").number,
    )
    assert rows[0]["swamp_first_m"] is rows[0]["rivers"] is None
    assert rows[1]["black_forest_first_m"] == 1
    assert (rows[1]["engine"], rows[1]["grid_size"]) == ("native 1.0", 64)
    assert pq.read_table(catalog.path).to_pylist() == rows


def test_statistics_of_former_code_have_no_columns(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_world(store, "abc", Grid.of_world(64))
    manifest = store.manifest(parse_seed("abc"), "processed")
    assert manifest is not None
    with store.publish(manifest.seed, "processed", manifest.recipe) as draft:
        draft.json("statistics.json", {"island_count": 3})
    (row,) = catalog.update().table.to_pylist()
    assert {row[name] for name in ROW_COLUMNS} == {None}


def test_columns_of_the_statistics_have_the_types_of_the_row() -> None:
    assert (COLUMNS["islands"], COLUMNS["swamp_first_m"]) == (pa.int32(), pa.float32())
    assert list(ROW_COLUMNS) == [name for name in COLUMNS if name in ROW_COLUMNS]


def test_only_new_worlds_are_read(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_statistics(store, "one")
    publish_statistics(store, "two")
    assert catalog.update().read == 2
    written = catalog.path.stat().st_ino
    assert catalog.update().read == 0
    assert catalog.path.stat().st_ino == written
    publish_statistics(store, "two", islands=7)
    state = catalog.update()
    assert state.read == 1
    assert state.table["islands"].to_pylist() == [1, 7]


def test_removed_worlds_leave_it(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_statistics(store, "one")
    publish_statistics(store, "two")
    catalog.update()
    store.remove(parse_seed("one"))
    assert catalog.update().table["seed"].to_pylist() == ["two"]
    store.remove(parse_seed("two"))
    assert catalog.update().table["seed"].to_pylist() == []


def test_damaged_world_is_skipped_and_reported(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_statistics(store, "good")
    publish_statistics(store, "bad")
    (store.folder(parse_seed("bad"), "processed") / "statistics.json").write_text("{}")
    state = catalog.update()
    assert state.table["seed"].to_pylist() == ["good"]
    assert "build the stage processed again" in state.left_out["bad"]


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1PAR1"], ids=["empty", "text", "torn"])
def test_broken_file_is_rebuilt(store: WorldStore, catalog: SeedCatalog, content: bytes) -> None:
    publish_statistics(store, "one")
    catalog.update()
    catalog.path.write_bytes(content)
    assert catalog.update().read == 1
    assert pq.read_table(catalog.path)["seed"].to_pylist() == ["one"]


def test_statistics_of_former_planes_or_code_are_stale(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_world(store, "abc", Grid.of_world(64))
    assert catalog.update().table["stale"].to_pylist() == [False]
    publish_extracted_again(store, "abc")
    assert catalog.update().table["stale"].to_pylist() == [True]
    publish_statistics(store, "old", code_version="former")
    assert catalog.update().table["stale"].to_pylist() == [True, True]


def test_notes_of_seeds_are_a_column_and_change_without_reading_worlds(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_statistics(store, "one")
    catalog.update()
    Notes(store.root).add({"one": "near a boss", "two": "not built"})
    state = catalog.update()
    assert (state.table["note"].to_pylist(), state.read) == (["near a boss"], 0)


def test_update_reads_only_changed_manifests(
    store: WorldStore, catalog: SeedCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("one", "two", "three"):
        publish_statistics(store, key)
    catalog.update()
    publish_statistics(store, "two", islands=7)
    read: list[str] = []
    manifest_of = WorldStore.manifest

    def manifest(self: WorldStore, seed: Seed, stage: Stage) -> Manifest | None:
        read.append(seed.key)
        return manifest_of(self, seed, stage)

    monkeypatch.setattr(WorldStore, "manifest", manifest)
    assert catalog.update().table["islands"].to_pylist() == [1, 1, 7]
    assert set(read) == {"two"}


def test_every_row_is_stale_after_the_analysis_got_a_new_version(
    store: WorldStore, catalog: SeedCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_world(store, "abc", Grid.of_world(64))
    assert catalog.update().table["stale"].to_pylist() == [False]
    monkeypatch.setattr("vwe_dagster.catalog.table.CODE_VERSION", "later")
    assert catalog.update().table["stale"].to_pylist() == [True]


def test_statistics_of_a_former_export_are_stale(store: WorldStore, catalog: SeedCatalog) -> None:
    publish_world(store, "abc", Grid.of_world(64))
    catalog.update()
    publish_raw(store, "abc", Grid.of_world(65))
    assert catalog.update().table["stale"].to_pylist() == [True]
