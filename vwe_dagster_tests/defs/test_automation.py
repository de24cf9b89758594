"""The automatic rebuilds that each tick requests, on a real instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import pytest

from vwe_dagster.defs.build import build_defs
from vwe_dagster_tests.defs.pipeline import ASSETS, Pipeline

pytestmark = pytest.mark.slow

DOWNSTREAM = ("extracted", "processed", "renders")
AUTOMATED = (*DOWNSTREAM, "seed_catalog")


class Ticks:
    """The ticks of the project's automation."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self._defs = build_defs()
        self._cursor: Any = None

    def requested(self) -> Mapping[str, set[str | None]]:
        """Return the keys that the next tick requests, by asset; None for an asset without partitions."""
        result = dg.evaluate_automation_conditions(self._defs, self.instance, cursor=self._cursor)
        self._cursor = result.cursor
        requested = {asset: set(result.get_requested_partitions(dg.AssetKey(asset))) for asset in AUTOMATED}
        return {asset: keys for asset, keys in requested.items() if keys}

    def materialize(self, assets: Iterable[str], *keys: str) -> None:
        """Report to Dagster that the assets of some keys have been materialized."""
        for asset in assets:
            for key in keys:
                self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=key))


@pytest.fixture
def ticks(instance: dg.DagsterInstance) -> Ticks:
    instance.add_dynamic_partitions("seeds", ["one", "two", "three"])
    ticks = Ticks(instance)
    assert ticks.requested() == {}
    return ticks


def test_new_seed_is_not_built_automatically(ticks: Ticks) -> None:
    ticks.instance.add_dynamic_partitions("seeds", ["four"])
    assert ticks.requested() == {}
    assert ticks.requested() == {}


def test_built_world_updates_the_catalog_once_and_is_not_rebuilt(ticks: Ticks) -> None:
    ticks.materialize(ASSETS, "one", "two")
    assert ticks.requested() == {"seed_catalog": {None}}
    assert ticks.requested() == {}


def test_rebuilt_raw_export_rebuilds_later_stages(ticks: Ticks) -> None:
    ticks.materialize(ASSETS, "one", "two")
    ticks.requested()
    ticks.materialize(["raw_export"], "two")
    requested = ticks.requested()
    assert [requested[asset] for asset in DOWNSTREAM] == [{"two"}] * len(DOWNSTREAM)
    assert ticks.requested() == {}
    ticks.materialize(DOWNSTREAM, "two")
    assert set(ticks.requested()) <= {"seed_catalog"}
    assert ticks.requested() == {}


def test_seed_added_after_the_first_tick_is_updated_too(ticks: Ticks) -> None:
    ticks.instance.add_dynamic_partitions("seeds", ["four"])
    ticks.materialize(ASSETS, "four")
    assert ticks.requested() == {"seed_catalog": {None}}
    ticks.materialize(["extracted"], "four")
    requested = ticks.requested()
    assert requested["processed"] == requested["renders"] == {"four"}
    assert "extracted" not in requested


def test_raw_export_alone_requests_no_later_stage(ticks: Ticks) -> None:
    ticks.materialize(["raw_export"], "one")
    assert ticks.requested() == {}


def test_tick_between_stages_waits_for_the_rest(ticks: Ticks) -> None:
    ticks.materialize(ASSETS, "one")
    ticks.requested()
    run = start_run(ticks.instance, "one")
    ticks.materialize(["raw_export"], "one")
    assert ticks.requested() == {}
    ticks.materialize(DOWNSTREAM, "one")
    ticks.instance.report_run_canceled(run)
    assert ticks.requested() == {"seed_catalog": {None}}


@pytest.mark.usefixtures("thumbnails_only")
def test_runs_of_many_seeds_request_only_the_catalog(ticks: Ticks, pipeline: Pipeline) -> None:
    assert pipeline.run("one", "two").success
    assert ticks.requested() == {"seed_catalog": {None}}
    assert ticks.requested() == {}


def start_run(instance: dg.DagsterInstance, key: str) -> dg.DagsterRun:
    """Create a started run of a whole world that has not materialized any asset yet."""
    job = build_defs().resolve_job_def("world")
    run = instance.create_run_for_job(
        job, tags={"dagster/partition": key}, status=dg.DagsterRunStatus.STARTED, asset_selection=None
    )
    assert run.status is dg.DagsterRunStatus.STARTED
    return run
