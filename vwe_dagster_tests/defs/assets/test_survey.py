"""The asset ``survey``, its checks, its job and its schedule, in a real instance."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.analysis.row import seed_row
from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.metadata import THUMBNAIL_PIXELS
from vwe_dagster.defs.partitions import RANGE_TAGS, run_tags
from vwe_dagster.defs.resources import WarmEnginePool, WorldStoreResource
from vwe_dagster.defs.schedules import ScheduleSettingsError
from vwe_dagster.defs.survey_metadata import histograms
from vwe_dagster.defs.survey_schedule import blocks_a_night, survey_idle
from vwe_dagster.engine.messages import EngineError, Progress, SurveyExport, SurveyRequest
from vwe_dagster.engine.rows import stamps_of, table_of
from vwe_dagster.store import WorldStore
from vwe_dagster.survey.files import file_of, read_rows, survey_files
from vwe_dagster.survey.running import survey_set
from vwe_dagster.survey.seed_sets import BLOCK_SEEDS, block, block_key, block_name, parse_block_key
from vwe_dagster.survey.striking import distributions
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.defs.pipeline import PoolOfOne
from vwe_dagster_tests.survey.made_rows import invented_row, invented_rows, publish
from vwe_dagster_tests.survey.surveyor import invented

SEEDS = 20
KEY = block_key(Depth.START, 3)
CHECKS = {"stamps_current", "seeds_of_block", "values_in_range", "sampled_row_recomputed"}


@dataclasses.dataclass(frozen=True)
class Surveyor(PoolOfOne):
    """A pool with invented rows."""

    fails: bool = False

    def survey(self, request: SurveyRequest, progress: Progress) -> SurveyExport:
        if self.fails:
            raise EngineError("The engine has failed, restart it.")
        return invented(request, progress)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of few seeds, and rows that take no time."""
    for module in ("survey.seed_sets", "survey.running"):
        monkeypatch.setattr(f"vwe_dagster.{module}.BLOCK_SEEDS", SEEDS)
    monkeypatch.setattr("vwe_dagster.quality.survey_blocks.seed_row", lambda seed, depth, _: invented_row(seed, depth))


@pytest.fixture
def store(tmp_path: Path) -> WorldStore:
    """An empty data folder."""
    return WorldStore(tmp_path / "data")


def definitions(store: WorldStore, **resources: object) -> dg.Definitions:
    overrides = {"store": WorldStoreResource(root=str(store.root)), "pool": Surveyor(), **resources}
    return build_defs(resource_overrides=overrides)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of the job."""

    result: dg.ExecuteInProcessResult

    @property
    def event(self) -> dg.AssetMaterialization:
        (event,) = self.result.asset_materializations_for_node("survey")
        return event

    @property
    def checks(self) -> dict[str, bool]:
        return {check.check_name: check.passed for check in self.result.get_asset_check_evaluations()}


def run(store: WorldStore, instance: dg.DagsterInstance, key: str = KEY, **resources: object) -> Run:
    instance.add_dynamic_partitions("survey_blocks", [key])
    job = definitions(store, **resources).resolve_job_def("survey_block")
    return Run(job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False))


def test_block_is_materialized_and_passes_its_checks(store: WorldStore, instance: dg.DagsterInstance) -> None:
    outcome = run(store, instance)
    assert outcome.result.success
    assert outcome.checks == dict.fromkeys(CHECKS, True)
    rows = read_rows(file_of(store, Depth.START, block_name(3)))
    assert rows.equals(invented_rows(block(3).seeds, Depth.START))
    metadata: dict[str, Any] = {label: value.value for label, value in outcome.event.metadata.items()}
    assert (metadata["rows"], metadata["computed by this run"], metadata["cached"]) == (SEEDS, SEEDS, False)
    assert "image/webp" in metadata["histograms"]
    assert metadata["best rows"].records
    assert metadata["versions"]["vwe.depth"] == "start"
    assert Path(metadata["file"]).is_file()


def test_data_version_is_that_of_the_recipe(store: WorldStore, instance: dg.DagsterInstance) -> None:
    first, other = run(store, instance), run(store, instance, block_key(Depth.START, 4))
    versions = {(run.event.tags or {})["dagster/data_version"] for run in (first, other)}
    assert versions == {stamps_of(Depth.START).digest}
    deeper = run(store, instance, block_key(Depth.WORLD, 3))
    assert (deeper.event.tags or {})["dagster/data_version"] == stamps_of(Depth.WORLD).digest


def test_block_that_is_stored_is_kept(store: WorldStore, instance: dg.DagsterInstance) -> None:
    run(store, instance)
    again = run(store, instance, pool=Surveyor(fails=True))
    assert again.result.success
    assert again.event.metadata["cached"].value is True


def test_failed_run_is_continued_by_the_next(store: WorldStore, instance: dg.DagsterInstance) -> None:
    survey_set(store, block(3), Depth.START, invented, most=7)
    failed = run(store, instance, pool=Surveyor(fails=True))
    assert not failed.result.success
    (failure,) = [event for event in failed.result.all_events if event.is_step_failure and event.step_key == "survey"]
    assert "restart it" in str(failure.step_failure_data.user_failure_data)
    assert survey_files(store).rows(Depth.START) == 7
    assert run(store, instance).event.metadata["computed by this run"].value == SEEDS - 7


def test_block_that_another_process_surveys_fails_with_the_reason(
    store: WorldStore, instance: dg.DagsterInstance
) -> None:
    def busy(request: SurveyRequest, progress: Progress) -> SurveyExport:
        outcome = run(store, instance)
        assert not outcome.result.success
        return invented(request, progress)

    survey_set(store, block(3), Depth.START, busy)
    assert survey_files(store).rows(Depth.START) == SEEDS


@pytest.mark.parametrize("key", ["start:1", "deep:0000001", "start:9999999", "0000001"])
def test_key_that_is_not_a_block_fails_with_the_form_of_one(
    store: WorldStore, instance: dg.DagsterInstance, key: str
) -> None:
    with pytest.raises(ValueError, match="world:0000012"):
        parse_block_key(key)
    assert not run(store, instance, key).result.success


def check(store: WorldStore, instance: dg.DagsterInstance) -> dict[str, bool]:
    """Run the checks alone on the stored block."""
    instance.add_dynamic_partitions("survey_blocks", [KEY])
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.checks_for_assets("survey"))
    result = (
        dg.Definitions.merge(definitions(store), dg.Definitions(jobs=[job]))
        .resolve_job_def("checks")
        .execute_in_process(instance=instance, tags=run_tags([KEY]), raise_on_error=False)
    )
    return {each.check_name: each.passed for each in result.get_asset_check_evaluations()}


def test_stale_block_fails_the_check_of_its_stamps(store: WorldStore, instance: dg.DagsterInstance) -> None:
    publish(store, block_name(3), block(3).seeds, Depth.START, row_version="former")
    assert check(store, instance) == {**dict.fromkeys(CHECKS, True), "stamps_current": False}


def test_repeated_seed_fails_the_check_of_the_seeds(store: WorldStore, instance: dg.DagsterInstance) -> None:
    publish(store, block_name(3), [*block(3).seeds[:-1], block(3).seeds[0]], Depth.START)
    assert check(store, instance) == {**dict.fromkeys(CHECKS, True), "seeds_of_block": False}


def test_changed_row_fails_when_it_is_computed_again(
    store: WorldStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, block_name(3), block(3).seeds, Depth.START)
    monkeypatch.setattr(
        "vwe_dagster.quality.survey_blocks.seed_row", lambda seed, depth, _: invented_row(seed + 1, depth)
    )
    assert check(store, instance) == {**dict.fromkeys(CHECKS, True), "sampled_row_recomputed": False}


def test_missing_and_damaged_blocks_fail_every_check(store: WorldStore, instance: dg.DagsterInstance) -> None:
    assert check(store, instance) == dict.fromkeys(CHECKS, False)
    path = file_of(store, Depth.START, block_name(3))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no rows")
    assert check(store, instance) == dict.fromkeys(CHECKS, False)


def requested_keys(store: WorldStore, instance: dg.DagsterInstance) -> list[str | None]:
    """Return the partition keys that a tick of the schedule requests; the instance must be one on the disk."""
    with dg.build_schedule_context(instance, resources={"store": store}) as context:
        requests: Any = survey_idle(context)
        return [request.partition_key for request in requests]


@pytest.fixture
def disk_instance() -> Iterator[dg.DagsterInstance]:
    """An instance whose runs and partitions are on the disk, as the tick of a schedule needs it."""
    with dg.instance_for_test() as instance:
        yield instance


def test_schedule_adds_unfinished_blocks_and_is_off_at_first(
    store: WorldStore, disk_instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert survey_idle.default_status is dg.DefaultScheduleStatus.STOPPED
    monkeypatch.setenv("VWE_SURVEY_BLOCKS", "3")
    publish(store, block_name(1), block(1).seeds, Depth.WORLD)
    requested = requested_keys(store, disk_instance)
    keys = [block_key(Depth.WORLD, number) for number in (0, 2, 3)]
    assert requested == keys
    assert disk_instance.get_dynamic_partitions("survey_blocks") == keys


def test_schedule_leaves_out_blocks_that_runs_work_on(
    store: WorldStore, disk_instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VWE_SURVEY_BLOCKS", "3")
    keys = [block_key(Depth.WORLD, number) for number in range(3)]
    disk_instance.add_dynamic_partitions("survey_blocks", keys)
    dg.DagsterInstance.create_run_for_job(
        disk_instance,
        definitions(store).resolve_job_def("survey_block"),
        tags=dict(zip(RANGE_TAGS, (keys[0], keys[1]), strict=True)),
    )
    assert requested_keys(store, disk_instance) == keys[2:]


@pytest.mark.parametrize("text", ["0", "-1", "1001", "1.5", "many"])
def test_number_of_blocks_that_cannot_be_used_is_rejected(text: str) -> None:
    with pytest.raises(ScheduleSettingsError, match=r"VWE_SURVEY_BLOCKS is '.*'; write a whole number from 1 to 1000"):
        blocks_a_night({"VWE_SURVEY_BLOCKS": text})


def test_histograms_fit_into_the_metadata() -> None:
    shown = distributions(invented_rows(range(BLOCK_SEEDS), Depth.WORLD), 6)
    assert shown
    assert all(each.spread > 0 and each.samples.size <= BLOCK_SEEDS for each in shown)
    assert max(histograms(shown).size) <= THUMBNAIL_PIXELS


@pytest.mark.slow
def test_block_is_surveyed_by_the_engines_of_a_real_pool(
    store: WorldStore, disk_instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vwe_dagster.quality.survey_blocks.seed_row", seed_row)
    pool = WarmEnginePool(folder=str(tmp_path / "pool"), max_warm_containers=1, min_free_disk_gb=0)
    try:
        outcome = run(store, disk_instance, pool=pool)
        assert outcome.result.success
        assert outcome.checks == dict.fromkeys(CHECKS, True)
    finally:
        pool.opened.drain(timeout_s=PATIENCE_S)
        pool.close()
    rows = read_rows(file_of(store, Depth.START, block_name(3)))
    expected = [seed_row(seed, Depth.START) for seed in block(3).seeds.tolist()]
    assert rows.equals(table_of(block(3).seeds.tolist(), expected, Depth.START, 2))
    materialized = disk_instance.get_materialized_partitions(dg.AssetKey("survey"))
    assert materialized == {KEY}
