"""What is made again by itself, tick by tick, on a real instance."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

from vwe_dagster.build import build_defs
from vwe_dagster.seeds import Seed
from vwe_dagster.store import Draft, Recipe, Stage, WorldStore
from vwe_dagster_tests.assets.pipeline import ASSETS, Pipeline, partition_tags

DOWNSTREAM = ("extracted", "processed", "renders")
CATALOG: Mapping[str, set[str | None]] = {"seed_catalog": {None}}
AUTOMATED = (*DOWNSTREAM, "seed_catalog")


class Ticks:
    """The automation of the project, one tick after the other."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self._defs = build_defs()
        self._cursor: Any = None

    def requested(self) -> Mapping[str, set[str | None]]:
        """The keys that the next tick asks for, by asset; None for an asset without partitions."""
        result = dg.evaluate_automation_conditions(self._defs, self.instance, cursor=self._cursor)
        self._cursor = result.cursor
        requested = {asset: set(result.get_requested_partitions(dg.AssetKey(asset))) for asset in AUTOMATED}
        return {asset: keys for asset, keys in requested.items() if keys}

    def made(self, assets: Iterable[str], *keys: str) -> None:
        """Tells Dagster that assets of some keys have been made."""
        for asset in assets:
            for key in keys:
                self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=key))

    def made_catalog(self) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization("seed_catalog"))

    def checked(self, asset: str, check: str, key: str, *, passed: bool) -> None:
        """Tells Dagster how a blocking check went for a key."""
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(dg.AssetKey(asset), check, passed=passed, metadata={}, blocking=True, partition=key)
        )

    def settle(self) -> None:
        """Has ticks until nothing is asked for, as after worlds that were made long ago."""
        while any([self.requested(), self.requested()]):
            pass


@pytest.fixture
def ticks(instance: dg.DagsterInstance) -> Ticks:
    instance.add_dynamic_partitions("seeds", ["one", "two", "three"])
    ticks = Ticks(instance)
    assert ticks.requested() == {}
    return ticks


def test_a_new_seed_is_not_made_by_itself(ticks: Ticks) -> None:
    ticks.instance.add_dynamic_partitions("seeds", ["four"])
    assert ticks.requested() == {}
    assert ticks.requested() == {}


def test_a_world_that_was_made_is_not_made_twice_and_the_catalog_is_brought_up_to_date_once(ticks: Ticks) -> None:
    ticks.made(ASSETS, "one", "two")
    assert ticks.requested() == {}
    assert ticks.requested() == CATALOG
    assert ticks.requested() == {}


def test_worlds_that_come_one_after_the_other_are_followed_by_one_catalog(ticks: Ticks) -> None:
    for key in ("one", "two", "three"):
        ticks.made(ASSETS, key)
        assert ticks.requested() == {}
    assert ticks.requested() == CATALOG
    assert ticks.requested() == {}


def test_worlds_from_before_automation_are_in_the_catalog(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("seeds", ["one", "two"])
    ticks = Ticks(instance)
    ticks.made(ASSETS, "one")
    assert ticks.requested() == CATALOG
    assert ticks.requested() == {}


def test_a_world_made_while_the_catalog_is_asked_for_is_in_the_next_one(ticks: Ticks) -> None:
    ticks.made(ASSETS, "one")
    ticks.requested()
    assert ticks.requested() == CATALOG
    ticks.made_catalog()
    ticks.made(ASSETS, "two")
    assert ticks.requested() == {}
    assert ticks.requested() == CATALOG


def test_a_raw_export_made_again_flows_down(ticks: Ticks) -> None:
    ticks.made(ASSETS, "one", "two")
    ticks.settle()
    ticks.made(["raw_export"], "two")
    assert ticks.requested() == dict.fromkeys(DOWNSTREAM, {"two"})
    assert ticks.requested() == {}
    ticks.made(DOWNSTREAM, "two")
    assert ticks.requested() == {}
    assert ticks.requested() == CATALOG
    assert ticks.requested() == {}


def test_a_raw_export_made_again_between_two_ticks_flows_down_too(ticks: Ticks) -> None:
    """Its own run comes right after that of the whole world, before anybody looks."""
    ticks.made(ASSETS, "one", "two")
    ticks.made(["raw_export"], "two")
    assert ticks.requested() == dict.fromkeys(DOWNSTREAM, {"two"})


def test_a_seed_added_after_the_first_tick_flows_down_too(ticks: Ticks) -> None:
    ticks.instance.add_dynamic_partitions("seeds", ["four"])
    ticks.made(ASSETS, "four")
    ticks.settle()
    ticks.made(["extracted"], "four")
    assert ticks.requested() == dict.fromkeys(["processed", "renders"], {"four"})


def test_what_fails_is_not_asked_for_over_and_over(ticks: Ticks) -> None:
    ticks.made(ASSETS, "one")
    ticks.settle()
    ticks.made(["raw_export"], "one")
    assert set(ticks.requested()) == set(DOWNSTREAM)
    assert [ticks.requested() for _ in range(3)] == [{}] * 3
    ticks.made(["raw_export"], "one")
    assert set(ticks.requested()) == set(DOWNSTREAM)


def test_a_raw_export_alone_is_not_taken_further(ticks: Ticks) -> None:
    ticks.made(["raw_export"], "one")
    assert ticks.requested() == {}
    assert ticks.requested() == {}


@pytest.mark.parametrize("passed", [True, False])
def test_an_export_that_fails_a_blocking_check_goes_no_further(ticks: Ticks, passed: bool) -> None:
    ticks.made(ASSETS, "one", "two")
    ticks.settle()
    ticks.made(["raw_export"], "one", "two")
    ticks.checked("raw_export", "grid_complete", "one", passed=passed)
    ticks.checked("raw_export", "grid_complete", "two", passed=True)
    assert ticks.requested() == dict.fromkeys(DOWNSTREAM, {"one", "two"} if passed else {"two"})


@pytest.mark.parametrize("keys", [("one",), ("one", "two", "three")])
def test_a_run_under_way_is_waited_for(ticks: Ticks, keys: tuple[str, ...]) -> None:
    ticks.made(ASSETS, "one", "two", "three")
    ticks.settle()
    run = start_run(ticks.instance, keys)
    ticks.made(["raw_export"], *keys)
    assert ticks.requested() == {}
    ticks.made(DOWNSTREAM, *keys[:-1])
    assert ticks.requested() == {}
    assert ticks.requested() == {}
    ticks.made(DOWNSTREAM, keys[-1])
    ticks.instance.report_run_canceled(run)
    assert ticks.requested() == {}
    assert ticks.requested() == CATALOG


def test_ticks_throughout_a_run_of_many_seeds_ask_for_nothing_but_the_catalog(ticks: Ticks, pipeline: Pipeline) -> None:
    keys = ("one", "two", "three")
    assert pipeline.run(*keys).success
    ticks.settle()
    requests: list[Mapping[str, set[str | None]]] = []
    store = TickingStore(pipeline, ticks, requests)
    again = {asset: {"force": True} for asset in ASSETS}
    again["raw_export"]["size"] = 64
    ticking = Pipeline(pipeline.root, pipeline.instance, {"store": store})
    assert ticking.run(*keys, config=again).success
    assert requests == [{}] * len(ASSETS) * len(keys)
    assert ticks.requested() == {}
    assert ticks.requested() == CATALOG
    assert ticks.requested() == {}


class TickingStore(WorldStore):
    """The data folder of a pipeline; automation has a tick before every stage that is published."""

    def __init__(self, pipeline: Pipeline, ticks: Ticks, requests: list[Mapping[str, set[str | None]]]) -> None:
        super().__init__(pipeline.root)
        self._ticks = ticks
        self._requests = requests
        self._one_at_a_time = threading.Lock()

    @contextlib.contextmanager
    def publish(self, seed: Seed, stage: Stage, recipe: Recipe) -> Iterator[Draft]:
        with self._one_at_a_time:
            self._requests.append(self._ticks.requested())
        with super().publish(seed, stage, recipe) as draft:
            yield draft


def start_run(instance: dg.DagsterInstance, keys: tuple[str, ...]) -> dg.DagsterRun:
    """A run of whole worlds that has started and made nothing yet."""
    job = build_defs().resolve_job_def("world")
    run = instance.create_run_for_job(
        job, tags=partition_tags(keys), status=dg.DagsterRunStatus.STARTED, asset_selection=None
    )
    assert run.status is dg.DagsterRunStatus.STARTED
    return run
