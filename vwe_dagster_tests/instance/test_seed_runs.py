"""Removing seeds keeps seeds of unfinished runs and backfills, and all records of other seeds."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import (
    BulkActionStatus,
    PartitionBackfill,
)  # Dagster has no public names for these classes.

from vwe_dagster.config.home import HomeError, find_home
from vwe_dagster.defs.build import build_defs
from vwe_dagster.instance.seed_runs import SeedInFlightError, SeedRuns, open_dagster, open_instance
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.defs.pipeline import partition_tags
from vwe_dagster_tests.store.stages import publish

KEYS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def dagster() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("seeds", KEYS)
        yield instance


@pytest.fixture
def instance(dagster: dg.DagsterInstance, tmp_path: Path) -> SeedRuns:
    return SeedRuns(find_home({"VWE_HOME": str(tmp_path)}), dagster)


def add_run(dagster: dg.DagsterInstance, keys: Sequence[str], status: dg.DagsterRunStatus) -> str:
    """Add the record of a run of keys, and return its id."""
    run = dg.DagsterRun("world", str(uuid.uuid4()), status=status, tags=partition_tags(keys))
    return dagster.add_run(run).run_id


def add_backfill(dagster: dg.DagsterInstance, keys: Sequence[str], status: BulkActionStatus) -> str:
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=uuid.uuid4().hex[:8],
        asset_graph=build_defs().resolve_asset_graph(),
        partition_names=keys,
        asset_selection=[dg.AssetKey("raw_export"), dg.AssetKey("extracted")],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=dagster,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    dagster.add_backfill(backfill._replace(status=status))
    return backfill.backfill_id


def removable(instance: SeedRuns) -> set[str]:
    """Remove all removable keys, and return them."""
    found = set()
    for key in KEYS:
        try:
            instance.remove(key)
        except SeedInFlightError:
            continue
        found.add(key)
    return found


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_no_seed_of_an_unfinished_run_is_removed(
    instance: SeedRuns, dagster: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run_id = add_run(dagster, ["b", "c", "d"], status)
    with pytest.raises(
        SeedInFlightError, match=rf"The run {run_id} includes c \(its status is {status.value.lower()}\); wait"
    ):
        instance.remove("c")
    assert instance.keys() == KEYS
    assert removable(instance) == {"a", "e"}
    assert instance.keys() == ["b", "c", "d"]


def test_run_whose_first_seed_is_unregistered_still_keeps_its_last_seed(
    instance: SeedRuns, dagster: dg.DagsterInstance
) -> None:
    add_run(dagster, ["b", "c", "d"], dg.DagsterRunStatus.STARTED)
    dagster.delete_dynamic_partition("seeds", "b")
    assert "d" not in removable(instance)


def test_seeds_of_finished_runs_are_removed(instance: SeedRuns, dagster: dg.DagsterInstance) -> None:
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
        add_run(dagster, ["b", "c", "d"], status)
    assert removable(instance) == set(KEYS)


def test_no_seed_of_an_unfinished_backfill_is_removed(instance: SeedRuns, dagster: dg.DagsterInstance) -> None:
    backfill = add_backfill(dagster, ["b", "d"], BulkActionStatus.REQUESTED)
    add_backfill(dagster, ["e"], BulkActionStatus.CANCELING)
    with pytest.raises(SeedInFlightError, match=f"The backfill {backfill} includes d; wait"):
        instance.remove("d")
    assert instance.keys() == KEYS
    assert removable(instance) == {"a", "c"}


def test_seeds_of_finished_backfills_are_removed(instance: SeedRuns, dagster: dg.DagsterInstance) -> None:
    for status in (BulkActionStatus.COMPLETED_SUCCESS, BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.CANCELED):
        add_backfill(dagster, ["b", "d"], status)
    assert removable(instance) == set(KEYS)


@pytest.mark.parametrize("database", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_damaged_database_is_an_error_with_a_remedy(tmp_path: Path, database: str) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    with open_instance(home) as opened:
        opened.register([parse_seed("a")])
    for log in (home.instance / database).parent.glob(f"{Path(database).name}-*"):
        log.unlink()
    (home.instance / database).write_bytes(b"no database" * 500)

    def use() -> None:
        with open_dagster(home) as dagster:
            SeedRuns(home, dagster).keys()
            dagster.all_instigator_state()

    with pytest.raises(HomeError, match=r"is damaged\. .* or move it away .* The worlds stay"):
        use()


@pytest.mark.parametrize("database", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
@pytest.mark.parametrize("statements", ["", "CREATE TABLE runs (id INTEGER); CREATE TABLE event_logs (id INTEGER)"])
def test_database_whose_creation_was_killed_is_created_again(tmp_path: Path, database: str, statements: str) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    unfinished = home.instance / database
    unfinished.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(unfinished)) as connection:
        connection.executescript(statements)
    unfinished.touch()
    for _ in range(2):
        with open_dagster(home) as dagster:
            SeedRuns(home, dagster).register([parse_seed("a")])
            assert SeedRuns(home, dagster).keys() == ["a"]
            assert list(dagster.all_instigator_state()) == []
            assert list(dagster.get_runs()) == []


@pytest.mark.parametrize(
    ("text", "cause"), [("storage: [", "while parsing"), ("color: blue", 'unexpected config entry "color" at the root')]
)
def test_invalid_settings_of_the_user_are_an_error_with_a_remedy(tmp_path: Path, text: str, cause: str) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    home.instance.mkdir()
    (home.instance / "dagster.yaml").write_text(text)
    with pytest.raises(HomeError, match="or remove it to use the project's settings") as raised, open_instance(home):
        pass
    assert cause in str(raised.value)
    assert len(str(raised.value)) < 500


def test_only_runs_of_the_seed_alone_are_deleted(instance: SeedRuns, dagster: dg.DagsterInstance) -> None:
    alone = [
        add_run(dagster, ["b"], dg.DagsterRunStatus.SUCCESS),
        add_run(dagster, ["b", "b"], dg.DagsterRunStatus.SUCCESS),
    ]
    others = {
        add_run(dagster, keys, dg.DagsterRunStatus.SUCCESS) for keys in (["a", "b"], ["b", "c"], ["a", "b", "c"], ["c"])
    }
    assert instance.forget_runs("b") == len(alone)
    assert {run.run_id for run in dagster.get_runs()} == others


def test_only_seeds_without_a_stage_and_a_run_are_unregistered(
    instance: SeedRuns, dagster: dg.DagsterInstance, tmp_path: Path
) -> None:
    store = WorldStore(tmp_path / "data")
    publish(store.root, 1, parse_seed("b"))
    add_run(dagster, ["c"], dg.DagsterRunStatus.STARTED)
    instance.unregister_unbuilt([parse_seed(key) for key in "abcd"], store)
    assert instance.keys() == ["b", "c", "e"]
