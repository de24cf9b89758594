"""Test runs of many seeds, as a backfill starts them: each is reported, and a failed one does not affect the others."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from vwe_dagster.defs.build import build_defs
from vwe_dagster.engine.messages import (
    EngineError,
    EngineIdentity,
    Progress,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster_tests.defs.pipeline import ASSETS, Outcome, Pipeline, PoolOfOne

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("thumbnails_only")]

KEYS = ["alpha", "gamma", "@5"]
BAD = "gamma"
GOOD = [key for key in KEYS if key != BAD]


class FailingEngine:
    """The native engine, but it fails for some seeds, and a test can replace its exports."""

    identity = EngineIdentity("native", "of the test")

    def __init__(
        self, failing: dict[str, Exception] | None = None, change: Callable[[WorldExport], WorldExport] | None = None
    ) -> None:
        self.failing = {parse_seed(key).number: error for key, error in (failing or {}).items()}
        self.change = change

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        if request.seed in self.failing:
            raise self.failing[request.seed]
        progress(0.5, "digging")
        export = dataclasses.replace(NativeEngine().generate(request), engine=self.identity)
        return self.change(export) if self.change else export


def with_pool(pipeline: Pipeline, pool: PoolOfOne) -> Pipeline:
    return dataclasses.replace(pipeline, resources={"pool": pool})


def test_every_seed_of_a_batch_is_reported(pipeline: Pipeline) -> None:
    outcome = pipeline.run(*KEYS)
    assert outcome.success
    for asset, stage in zip(ASSETS, WORLD_STAGES, strict=True):
        assert set(outcome.materialized(asset)) == set(KEYS)
        assert pipeline.materialized_keys(asset) == set(KEYS)
        for key in KEYS:
            metadata = outcome.metadata(asset, key)
            assert metadata["digest"] == pipeline.manifest(key, stage).digest
            assert metadata["seed number"] == parse_seed(key).number
            assert metadata["cached"] is False


def test_failed_seed_does_not_affect_its_batch(pipeline: Pipeline) -> None:
    engine = FailingEngine({BAD: EngineError("The mountain did not come.")})
    outcome = with_pool(pipeline, PoolOfOne(engine)).run(*KEYS)
    assert not outcome.success
    assert outcome.failures["raw_export"] == (
        f"1 of 3 seeds failed, the other 2 succeeded.\n{BAD}: The mountain did not come."
    )
    for asset, stage in zip(ASSETS, WORLD_STAGES, strict=True):
        assert list(outcome.materialized(asset)) == GOOD
        assert pipeline.materialized_keys(asset) == set(GOOD)
        assert {key for key in KEYS if pipeline.store.manifest(parse_seed(key), stage)} == set(GOOD)
        for key in GOOD:
            assert outcome.metadata(asset, key)["digest"] == pipeline.manifest(key, stage).digest
    assert outcome.failures["extracted"].endswith(f"{BAD}: Skipped because raw_export failed.")
    assert outcome.failures["processed"].endswith(f"{BAD}: Skipped because extracted failed.")


def test_unexpected_error_of_a_seed_does_not_affect_its_batch(pipeline: Pipeline) -> None:
    def breaking(export: WorldExport) -> WorldExport:
        def confirm() -> None:
            if export.request.seed == parse_seed(BAD).number:
                raise ZeroDivisionError("oh")

        return dataclasses.replace(export, confirm=confirm)

    outcome = with_pool(pipeline, PoolOfOne(FailingEngine(change=breaking))).run(*KEYS, assets=ASSETS[:1])
    assert outcome.failures["raw_export"].endswith(f"{BAD}: It failed unexpectedly: ZeroDivisionError('oh')")
    assert pipeline.materialized_keys("raw_export") == set(GOOD)


def data_versions(outcome: Outcome, asset: str) -> dict[str, str]:
    return {key: (event.tags or {})["dagster/data_version"] for key, event in outcome.materialized(asset).items()}


def test_data_versions_of_a_partial_batch_are_those_of_a_whole_one(pipeline: Pipeline) -> None:
    partial = with_pool(pipeline, PoolOfOne(FailingEngine({BAD: EngineError("No.")}))).run(*KEYS, assets=ASSETS[:1])
    whole = with_pool(pipeline, PoolOfOne(FailingEngine())).run(*KEYS, assets=ASSETS[:1])
    of_whole = data_versions(whole, "raw_export")
    assert data_versions(partial, "raw_export") == {key: of_whole[key] for key in GOOD}


def test_data_versions_do_not_depend_on_how_seeds_are_grouped(pipeline: Pipeline, tmp_path: Path) -> None:
    together = pipeline.run(*GOOD, assets=ASSETS[:2])
    with dg.DagsterInstance.ephemeral() as instance:
        single = {key: Pipeline(tmp_path / "single", instance).run(key, assets=ASSETS[:2]) for key in GOOD}
    for asset in ASSETS[:2]:
        joint = data_versions(together, asset)
        assert joint == {key: version for key in GOOD for version in data_versions(single[key], asset).values()}
        assert len(set(joint.values())) == 1


def test_rebuilding_one_seed_of_a_batch_makes_nothing_stale(pipeline: Pipeline) -> None:
    pipeline.run(*GOOD, assets=ASSETS[:2])
    assert pipeline.run(GOOD[1], assets=["raw_export"]).metadata("raw_export")["cached"]
    graph = build_defs().resolve_asset_graph()
    resolver = CachingStaleStatusResolver(pipeline.instance, graph, LoadingContextForTest(pipeline.instance))
    for key in GOOD:
        assert resolver.get_status(dg.AssetKey("extracted"), key) is StaleStatus.FRESH


def test_second_run_of_a_batch_requests_only_missing_worlds(pipeline: Pipeline) -> None:
    with_pool(pipeline, PoolOfOne(FailingEngine({BAD: EngineError("Not now.")}))).run(*KEYS, assets=ASSETS[:2])
    before = pipeline.files()
    pool = PoolOfOne()
    outcome = with_pool(pipeline, pool).run(*KEYS, assets=ASSETS[:2])
    assert outcome.success
    assert [request.seed for request in pool.requests] == [parse_seed(BAD).number]
    for asset in ASSETS[:2]:
        assert pipeline.materialized_keys(asset) == set(KEYS)
        assert {key for key in KEYS if not outcome.metadata(asset, key)["cached"]} == {BAD}
    after = pipeline.files()
    assert {path: after[path] for path in before} == before


def test_older_world_of_a_failed_seed_is_not_reported_as_new(pipeline: Pipeline) -> None:
    pipeline.run(*KEYS, assets=ASSETS[:2])
    engine = FailingEngine({BAD: EngineError("No.")})
    outcome = with_pool(pipeline, PoolOfOne(engine)).run(*KEYS, assets=ASSETS[:2], size=65)
    for asset in ASSETS[:2]:
        assert list(outcome.materialized(asset)) == GOOD
    assert pipeline.manifest(BAD, "raw").recipe.grid != pipeline.manifest(GOOD[0], "raw").recipe.grid


def test_invalid_key_does_not_affect_its_batch(pipeline: Pipeline) -> None:
    outcome = pipeline.run("alpha", "no/seed", "beta", assets=ASSETS[:2])
    assert "no/seed: The seed 'no/seed' has a slash" in outcome.failures["raw_export"]
    assert pipeline.materialized_keys("extracted") == {"alpha", "beta"}


def test_no_further_step_starts_if_every_seed_fails(pipeline: Pipeline) -> None:
    pool = PoolOfOne(FailingEngine({"alpha": EngineError("No."), "beta": EngineError("Nor this.")}))
    outcome = with_pool(pipeline, pool).run("alpha", "beta")
    assert outcome.failures == {"raw_export": "2 of 2 seeds failed, none succeeded.\nalpha: No.\nbeta: Nor this."}
    assert pipeline.files() == {}


def test_world_that_fails_in_a_later_stage_is_skipped_from_there(pipeline: Pipeline) -> None:
    def drown(export: WorldExport) -> WorldExport:
        height = export.planes["height"].copy()
        height[3, 4] = 1e6 if export.request.seed == parse_seed(BAD).number else height[3, 4]
        return dataclasses.replace(export, planes={**export.planes, "height": height})

    outcome = with_pool(pipeline, PoolOfOne(FailingEngine(change=drown))).run(*KEYS, assets=ASSETS[:3])
    assert [set(outcome.materialized(asset)) for asset in ASSETS[:3]] == [set(KEYS), set(GOOD), set(GOOD)]
    assert list(outcome.failures) == ["extracted", "processed"]
    assert "row 3, column 4" in outcome.failures["extracted"]


def test_world_of_a_lost_lease_is_not_published(pipeline: Pipeline) -> None:
    def fence(export: WorldExport) -> WorldExport:
        def confirm() -> None:
            raise EngineError("The lease was lost.")

        return dataclasses.replace(export, confirm=confirm)

    outcome = with_pool(pipeline, PoolOfOne(FailingEngine(change=fence))).run("alpha")
    assert outcome.failures == {"raw_export": "The lease was lost."}
    assert pipeline.files() == {}


def test_manifest_names_the_engine_of_the_export(pipeline: Pipeline) -> None:
    def by_another(export: WorldExport) -> WorldExport:
        return dataclasses.replace(export, engine=EngineIdentity("native", "9", "of the test"), timings_s={"a": 1e6})

    with_pool(pipeline, PoolOfOne(FailingEngine(change=by_another))).run("alpha", "beta", assets=ASSETS[:1])
    manifest = pipeline.manifest("beta", "raw")
    assert manifest.recipe.made_by == {"kind": "native", "version": "9", "game_version": "of the test"}
    assert manifest.seconds >= 1e6


def test_memory_of_each_world_in_a_batch_is_released(pipeline: Pipeline) -> None:
    alive: list[weakref.ref[object]] = []
    most = 0

    def count(export: WorldExport) -> WorldExport:
        nonlocal most
        gc.collect()
        alive.append(weakref.ref(export.planes["height"]))
        most = max(most, sum(each() is not None for each in alive))
        return export

    with_pool(pipeline, PoolOfOne(FailingEngine(change=count))).run(*KEYS, assets=["raw_export"])
    assert len(alive) == len(KEYS)
    assert most == 1


def test_progress_of_a_batch_counts_the_seeds(pipeline: Pipeline) -> None:
    outcome = with_pool(pipeline, PoolOfOne(FailingEngine())).run("alpha", "beta", assets=["raw_export"])
    assert pipeline.log(outcome) == ["alpha is ready; 1 of 2 seeds are done.", "beta is ready; 2 of 2 seeds are done."]


def test_foreign_export_of_several_seeds_is_rejected(pipeline: Pipeline) -> None:
    outcome = pipeline.run("alpha", "beta", assets=["extracted"], config={"extracted": {"foreign_export": "/nowhere"}})
    assert outcome.failures == {
        "extracted": "/nowhere has one world, but the run has 2 seeds; start a run of the seed of that world only."
    }


def test_backfill_puts_ten_seeds_into_a_run() -> None:
    for asset in ASSETS:
        assert build_defs().resolve_assets_def(asset).backfill_policy == dg.BackfillPolicy.multi_run(10)
