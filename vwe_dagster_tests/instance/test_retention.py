"""A purge removes old items, changes no state, and keeps items in use."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from filelock import FileLock

from vwe_dagster.cli.commands.common import InputError
from vwe_dagster.cli.commands.purge import parse_age
from vwe_dagster.config.home import Home, find_home
from vwe_dagster.defs.partitions import seeds
from vwe_dagster.instance.retention.plan import PurgeError, PurgeSummary, plan_purge
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store.manifest import SCHEMA_VERSIONS
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.defs.pipeline import Pipeline, partition_tags

pytestmark = pytest.mark.slow

DAY = dt.timedelta(days=1)
RUNS, LEFTOVERS, UNFINISHED = "runs", "leftovers of deleted runs", "unfinished stages"
UNREGISTERED = "worlds of unregistered seeds"
ASSETS = ("raw_export", "extracted")
"""The assets of the runs; the others would make them take twice as long."""


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read-only home: one world built twice, and two built together and then one of them again."""
    home = tmp_path_factory.mktemp("home")
    (home / ".dagster").mkdir()
    with dg.DagsterInstance.from_config(str(home / ".dagster")) as instance:
        pipeline = Pipeline(home / "data", instance)
        for keys in (["one"], ["one"], ["two", "three"], ["three"]):
            assert pipeline.run(*keys, assets=ASSETS).success
        # A failed run defines the state of a seed without a world, and only the latest failure counts.
        assert not pipeline.run("four", assets=ASSETS, size=1).success
        assert not pipeline.run("four", assets=ASSETS, size=1).success
    return home


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Home:
    shutil.copytree(made_home, tmp_path / "home")
    return find_home({"VWE_HOME": str(tmp_path / "home")})


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home.instance)) as instance:
        yield instance


def purge(home: Home, instance: dg.DagsterInstance, *, unregistered: bool = False) -> dict[str, int]:
    """Purge a home as of two months from now, check the result against the plan, and return the counts by kind."""
    now = dt.datetime.now(dt.UTC) + 60 * DAY
    plan = plan_purge(home, instance, older_than=30 * DAY, now=now, unregistered=unregistered)
    planned = plan.purgeable()
    assert plan.carry_out() == planned
    return {each.what: each.count for each in planned if each.count}


def states(instance: dg.DagsterInstance) -> dict[str, object]:
    """Return the data of Dagster's UI on the seeds: the state and the latest materialization of each."""
    content: dict[str, object] = {}
    for asset in ASSETS:
        key = dg.AssetKey(asset)
        statuses = instance.get_status_by_partition(key, instance.get_dynamic_partitions("seeds"), seeds)
        content[asset] = {partition: str(status) for partition, status in (statuses or {}).items()}
        for partition in instance.get_dynamic_partitions("seeds"):
            found = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition]), limit=1
            ).records
            content[f"{asset} of {partition}"] = [(record.run_id, record.asset_materialization) for record in found]
    return content


def run_ids(instance: dg.DagsterInstance) -> list[str]:
    """Return the ids of the runs, oldest first."""
    return [run.run_id for run in reversed(instance.get_runs())]


def everything(home: Home) -> dict[str, bytes | list[str]]:
    """Return the content of every file in a home, and all rows of databases."""
    content: dict[str, bytes | list[str]] = {}
    for path in sorted(home.folder.rglob("*")):
        if path.suffix == ".db":
            with sqlite3.connect(path) as database:
                content[str(path)] = list(database.iterdump())
        elif path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock")):
            content[str(path)] = path.read_bytes()
    return content


def test_plan_changes_nothing(home: Home, instance: dg.DagsterInstance) -> None:
    before = everything(home)
    plan = plan_purge(home, instance, older_than=30 * DAY, now=dt.datetime.now(dt.UTC) + 60 * DAY)
    assert next(each.count for each in plan.purgeable() if each.what == RUNS) > 0
    assert everything(home) == before


def test_runs_of_rebuilt_worlds_are_removed_without_a_change_of_state(home: Home, instance: dg.DagsterInstance) -> None:
    one, one_again, two_and_three, three_again, failed, failed_again = run_ids(instance)
    before = states(instance)
    assert purge(home, instance) == {RUNS: 2}
    assert run_ids(instance) == [one_again, two_and_three, three_again, failed_again]
    assert states(instance) == before
    instance.wipe_asset_cached_status([dg.AssetKey(asset) for asset in ASSETS])
    assert states(instance) == before
    left = [str(path) for path in home.instance.rglob("*") if one in path.name or failed in path.name]
    assert left == []
    assert purge(home, instance) == {}


def test_reported_bytes_are_at_least_those_of_the_files(home: Home, instance: dg.DagsterInstance) -> None:
    one, failed = run_ids(instance)[0], run_ids(instance)[4]
    files = [path for path in home.instance.rglob("*") if path.is_file() and path.stem in {one, failed}]
    (runs, *_) = plan_purge(home, instance, older_than=DAY, now=dt.datetime.now(dt.UTC) + 2 * DAY).purgeable()
    assert runs.bytes >= sum(path.stat().st_size for path in files) > 0


def test_young_runs_stay(home: Home, instance: dg.DagsterInstance) -> None:
    plan = plan_purge(home, instance, older_than=DAY, now=dt.datetime.now(dt.UTC))
    assert plan.purgeable() == [PurgeSummary(what, 0, 0) for what in (RUNS, LEFTOVERS, UNFINISHED)]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_old_unfinished_runs_stay(home: Home, instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    run = instance.add_run(dg.DagsterRun("world", str(uuid.uuid4()), status=status, tags=partition_tags(["one"])))
    purge(home, instance)
    assert run.run_id in run_ids(instance)


def test_runs_of_unregistered_seeds_are_removed(home: Home, instance: dg.DagsterInstance) -> None:
    _, one_again, *_ = run_ids(instance)
    instance.delete_dynamic_partition("seeds", "one")
    before = states(instance)
    assert purge(home, instance) == {RUNS: 3}
    assert one_again not in run_ids(instance)
    assert states(instance) == before
    instance.add_dynamic_partitions("seeds", ["one"])
    statuses = instance.get_status_by_partition(dg.AssetKey("raw_export"), ["one"], seeds)
    assert statuses == {"one": None}, "a deleted state is not shown"


def test_runs_of_other_projects_stay(home: Home, instance: dg.DagsterInstance) -> None:
    run = dg.DagsterRun("theirs", str(uuid.uuid4()), status=dg.DagsterRunStatus.SUCCESS)
    instance.add_run(run)
    purge(home, instance)
    assert run.run_id in run_ids(instance)


def test_source_run_of_a_re_execution_stays(home: Home, instance: dg.DagsterInstance) -> None:
    first = run_ids(instance)[0]
    again = dg.DagsterRun(
        "world",
        str(uuid.uuid4()),
        status=dg.DagsterRunStatus.STARTED,
        parent_run_id=first,
        root_run_id=first,
        tags={"dagster/parent_run_id": first, "dagster/root_run_id": first},
    )
    instance.add_run(again)
    assert purge(home, instance) == {RUNS: 1}
    assert first in run_ids(instance)


def test_run_of_the_latest_check_result_stays(home: Home, instance: dg.DagsterInstance) -> None:
    first = run_ids(instance)[0]
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("raw_export"), check_name="whole", passed=True, metadata={}, partition="one"
    )
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, "world", event_specific_data=evaluation),
        run_id=first,
    )
    assert purge(home, instance) == {RUNS: 1}
    assert first in run_ids(instance)


def test_leftovers_of_a_deleted_run_are_removed(home: Home, instance: dg.DagsterInstance) -> None:
    first = run_ids(instance)[0]
    instance.delete_run(first)
    assert [path for path in home.instance.rglob("*") if first in path.name]
    assert purge(home, instance) == {RUNS: 1, LEFTOVERS: 1}
    assert [path for path in home.instance.rglob("*") if first in path.name] == []


def cached(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """Return the partitions that Dagster has cached as materialized, by asset, without invalid caches."""
    found = {}
    valid = instance.get_dynamic_partitions_definition_id("seeds")
    for record in instance.get_asset_records([dg.AssetKey(asset) for asset in ASSETS]):
        status = record.asset_entry.cached_status
        if status is not None and status.partitions_def_id == valid:
            materialized = status.deserialize_materialized_partition_subsets(seeds)
            found[record.asset_entry.asset_key.to_user_string()] = set(materialized.get_partition_keys())
    return found


def test_purge_leaves_the_status_cache_warm(home: Home, instance: dg.DagsterInstance) -> None:
    purge(home, instance)
    assert cached(instance) == {asset: {"one", "two", "three"} for asset in ASSETS}


@pytest.mark.parametrize("options", [[], ["--keep-data"]])
def test_removing_seeds_leaves_the_status_cache_warm(
    home: Home, instance: dg.DagsterInstance, options: list[str]
) -> None:
    removed = Vwe(home.folder).call("seeds", "remove", *options, "one", "four")
    assert removed.returncode == 0, removed.stderr
    assert cached(instance) == {asset: {"two", "three"} for asset in ASSETS}


def test_dagster_deletes_old_ticks_by_itself(home: Home) -> None:
    home.prepare_instance()
    with dg.DagsterInstance.from_config(str(home.instance)) as configured:
        for kind in InstigatorType:
            days = {status.value: days for status, days in configured.get_tick_retention_settings(kind).items()}
            skipped = 30 if kind is InstigatorType.SCHEDULE else 7
            assert days == {"STARTED": 30, "SKIPPED": skipped, "SUCCESS": 30, "FAILURE": 30}


def make_leftovers(home: Home, key: str = "one") -> list[Path]:
    """Create old leftovers of killed builders of a seed."""
    folder = home.data / "seeds" / parse_seed(key).folder_name
    broken = home.data / "seeds" / parse_seed("broken").folder_name / "raw"
    left = [folder / ".raw.draft-0123456789abcdef", folder / ".extracted.former", broken]
    for path in left:
        path.mkdir(parents=True)
        (path / "biome.npy.gz").write_bytes(b"half")
        for each in (path / "biome.npy.gz", path):
            os.utime(each, (0, 0))
    return left


def test_leftovers_of_killed_builders_are_removed_and_stages_stay(home: Home, instance: dg.DagsterInstance) -> None:
    worlds = Vwe(home.folder).files()
    left = make_leftovers(home)
    assert purge(home, instance)[UNFINISHED] == len(left)
    assert Vwe(home.folder).files() == worlds
    assert not left[-1].parent.exists()


def test_stage_that_is_being_built_stays(home: Home, instance: dg.DagsterInstance) -> None:
    draft, *_ = make_leftovers(home)
    with FileLock(draft.with_name(".raw.lock")):
        plan = plan_purge(home, instance, older_than=DAY, now=dt.datetime.now(dt.UTC))
        planned = {each.what: each.count for each in plan.purgeable()}
        assert {each.what: each.count for each in plan.carry_out()}[UNFINISHED] == planned[UNFINISHED] - 1
    assert draft.exists()


def test_stage_that_was_built_after_the_plan_stays(home: Home, instance: dg.DagsterInstance) -> None:
    folder = home.data / "seeds" / parse_seed("one").folder_name / "raw"
    manifest = folder / "manifest.json"
    content = manifest.read_bytes()
    manifest.write_bytes(b"{")
    plan = plan_purge(home, instance, older_than=DAY, now=dt.datetime.now(dt.UTC) + DAY)
    assert {each.what: each.count for each in plan.purgeable()}[UNFINISHED] == 1
    manifest.write_bytes(content)
    assert {each.what: each.count for each in plan.carry_out()}[UNFINISHED] == 0
    assert folder.is_dir()


def test_stage_of_a_later_project_version_stays(home: Home, instance: dg.DagsterInstance) -> None:
    folder = home.data / "seeds" / parse_seed("one").folder_name / "raw"
    (folder / "manifest.json").write_text(json.dumps({"schema_version": SCHEMA_VERSIONS[-1] + 1}))
    assert UNFINISHED not in purge(home, instance)
    assert folder.is_dir()


def test_worlds_of_unregistered_seeds_are_removed_only_on_request(home: Home, instance: dg.DagsterInstance) -> None:
    folder = home.data / "seeds" / parse_seed("one").folder_name
    instance.delete_dynamic_partition("seeds", "one")
    assert UNREGISTERED not in purge(home, instance)
    assert folder.is_dir()
    assert purge(home, instance, unregistered=True)[UNREGISTERED] == 1
    assert not folder.exists()
    assert len(list((home.data / "seeds").iterdir())) == 2


def test_world_of_a_seed_registered_after_the_plan_stays(home: Home, instance: dg.DagsterInstance) -> None:
    instance.delete_dynamic_partition("seeds", "one")
    now = dt.datetime.now(dt.UTC) + 60 * DAY
    plan = plan_purge(home, instance, older_than=DAY, now=now, unregistered=True)
    instance.add_dynamic_partitions("seeds", ["one"])
    assert {each.what: each.count for each in plan.carry_out()}[UNREGISTERED] == 0


def test_without_registered_seeds_no_world_is_removed(home: Home, instance: dg.DagsterInstance) -> None:
    for key in instance.get_dynamic_partitions("seeds"):
        instance.delete_dynamic_partition("seeds", key)
    with pytest.raises(PurgeError, match=r"would remove every world in .*"):
        plan_purge(home, instance, older_than=DAY, now=dt.datetime.now(dt.UTC) + 60 * DAY, unregistered=True)


def test_dry_run_of_the_command_shows_what_the_purge_removes(home: Home) -> None:
    vwe = Vwe(home.folder)
    with sqlite3.connect(home.instance / "history" / "runs.db") as database:
        database.execute("UPDATE runs SET end_time = end_time - 5e6")
    planned = vwe.call("purge", "--dry-run")
    assert planned.returncode == 0
    assert planned.stderr.endswith("Nothing was removed. Run the command without --dry-run to remove these.\n")
    done = vwe.call("purge")
    assert (done.returncode, done.stdout) == (0, planned.stdout), done.stderr
    document = json.loads(vwe.call("purge", "--dry-run", "--json").stdout)
    assert document["dry_run"] is True
    assert {each["what"]: each["count"] for each in document["purged"]} == dict.fromkeys(
        (RUNS, LEFTOVERS, UNFINISHED), 0
    )


@pytest.mark.parametrize("age", ["0d", "5", "30 days", "-1d", "1m", ""])
def test_invalid_age_is_rejected(age: str) -> None:
    with pytest.raises(InputError, match="write"):
        parse_age(age)


def test_purge_rejects_an_invalid_age_before_anything_happens(tmp_path: Path) -> None:
    refused = Vwe(tmp_path).call("purge", "--older-than=-1d")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "'-1d' is not an age; write hours, days or weeks, as in 12h, 30d or 8w.\n"
    assert list(tmp_path.iterdir()) == []
