"""Test the inbox sensor: the runs it requests, and that a kill loses no seed and builds none twice."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus

from vwe_dagster.defs.batching import LONG_LIST, SEEDS_PER_LONG_RUN, SEEDS_PER_RUN
from vwe_dagster.defs.in_flight import keys_of_runs
from vwe_dagster.defs.resources import WorldStoreResource
from vwe_dagster.defs.sensors.inbox import MAX_RUNS_PER_TICK, NEW_KEYS_PER_TICK, RUNS_PER_TICK, inbox
from vwe_dagster.seeds.random import random_seeds
from vwe_dagster_tests.defs.pipeline import Pipeline, partition_tags

pytestmark = pytest.mark.usefixtures("thumbnails_only")

TIMEOUT_S = 60
"""Time limit of Dagster for a tick."""


@dataclasses.dataclass
class Daemon:
    """A stand-in for Dagster's daemon: it registers seeds and creates at most one run per run key."""

    root: Path
    instance: dg.DagsterInstance
    asked: list[dg.RunRequest] = dataclasses.field(default_factory=list)
    reported: str = ""

    @property
    def folder(self) -> Path:
        return self.root / "inbox"

    def drop(self, name: str, *keys: str) -> None:
        """Put a list into the inbox."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text("".join(f"{key}\n" for key in keys))

    def evaluate(self) -> dg.SensorResult:
        """Evaluate a tick without acting on its result, as if the daemon was killed."""
        context = dg.build_sensor_context(self.instance, resources={"store": WorldStoreResource(root=str(self.root))})
        result = inbox(context)
        assert isinstance(result, dg.SensorResult)
        return result

    def tick(self, submit: int = RUNS_PER_TICK) -> list[list[str]]:
        """Evaluate a tick and act on its result.

        Args:
            submit: number of runs to create; if it is smaller than the result's, as if the daemon was killed.

        Returns:
            The keys of each created run.
        """
        result = self.evaluate()
        for request in result.dynamic_partitions_requests or []:
            assert isinstance(request, dg.AddDynamicPartitionsRequest)
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        self.reported = result.skip_reason.skip_message or "" if result.skip_reason else ""
        requests = [
            request
            for request in (result.run_requests or [])[:submit]
            if request.run_key not in {before.run_key for before in self.asked}
        ]
        self.asked += requests
        return [self.add_run(request.tags) for request in requests]

    def add_run(self, tags: Mapping[str, str]) -> list[str]:
        run = dg.DagsterRun("world", str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED, tags=tags)
        self.instance.add_run(run)
        ((_, keys),) = keys_of_runs([run], self.instance.get_dynamic_partitions("seeds"))
        return list(keys)

    def record_tick(self, seconds: float, runs: int) -> None:
        """Record a tick as the daemon does."""
        location = RegisteredCodeLocationOrigin("vwe")
        origin = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin("inbox")
        state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
        if not self.instance.all_instigator_state():
            self.instance.add_instigator_state(state)
        self.instance.create_tick(
            TickData(
                instigator_origin_id=origin.get_id(),
                instigator_name="inbox",
                instigator_type=InstigatorType.SENSOR,
                status=TickStatus.SUCCESS if runs else TickStatus.SKIPPED,
                timestamp=1000.0 + len(self.asked),
                end_timestamp=1000.0 + len(self.asked) + seconds,
                run_ids=[str(uuid.uuid4()) for _ in range(runs)],
                selector_id=state.selector_id,
            )
        )

    def end_runs(self) -> None:
        """Mark all runs as failed."""
        for run in self.instance.get_runs():
            self.instance.report_run_failed(run)

    def lists(self, folder: str = ".") -> list[str]:
        return sorted(path.name for path in (self.folder / folder).glob("*") if path.is_file())


@pytest.fixture
def daemon(instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    monkeypatch.setattr("vwe_dagster.store.inbox.SETTLED_S", 0.0)
    return Daemon(tmp_path / "data", instance)


@pytest.fixture
def timed_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon whose instance records ticks."""
    monkeypatch.setattr("vwe_dagster.store.inbox.SETTLED_S", 0.0)
    (tmp_path / "instance").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "instance")) as instance:
        yield Daemon(tmp_path / "data", instance)


def drawn(count: int) -> list[str]:
    return [seed.key for seed in random_seeds(count, [])]


def test_empty_inbox_is_reported(daemon: Daemon) -> None:
    assert daemon.tick() == []
    assert daemon.reported == f"There is no new seed list in {daemon.folder}."


def test_file_that_is_being_written_is_not_read(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vwe_dagster.store.inbox.SETTLED_S", 60.0)
    daemon.drop("spring.txt", "HHcLC5acQt")
    daemon.tick()
    assert daemon.instance.get_dynamic_partitions("seeds") == []
    assert daemon.lists() == ["spring.txt"]


def test_new_seeds_are_registered_then_requested_in_batches_then_the_list_is_done(daemon: Daemon) -> None:
    keys = drawn(2 * SEEDS_PER_RUN + 1)
    daemon.drop("spring.txt", *keys)
    assert daemon.tick() == []
    assert daemon.instance.get_dynamic_partitions("seeds") == keys
    assert daemon.tick() == [keys[:SEEDS_PER_RUN], keys[SEEDS_PER_RUN : 2 * SEEDS_PER_RUN], keys[-1:]]
    assert daemon.lists() == ["spring.txt"]
    assert daemon.tick() == []
    assert daemon.lists("done") == ["spring.txt"]
    assert daemon.reported == f"spring.txt: 21 seeds are built or requested. It was moved to {daemon.folder / 'done'}."


def test_registered_seeds_are_grouped_in_their_order(daemon: Daemon) -> None:
    daemon.instance.add_dynamic_partitions("seeds", ["a", "b", "c", "d"])
    daemon.drop("spring.txt", "e", "d", "a", "b")
    assert daemon.tick() == []
    assert daemon.tick() == [["a", "b"], ["d", "e"]]


def test_valid_seeds_of_a_list_are_built_and_invalid_entries_reported(daemon: Daemon) -> None:
    daemon.drop("spring.txt", "ok", "a/b")
    daemon.tick()
    assert daemon.tick() == [["ok"]]
    daemon.tick()
    assert daemon.lists("rejected") == ["spring.txt", "spring.txt.report.txt"]


def test_invalid_list_is_rejected_and_does_not_block_others(daemon: Daemon) -> None:
    daemon.drop("a.txt")
    daemon.drop("b.txt", "ok")
    daemon.drop("c.xlsx", "ok")
    daemon.tick()
    assert daemon.lists() == ["b.txt"]
    assert daemon.lists("rejected") == ["a.txt", "a.txt.report.txt", "c.xlsx", "c.xlsx.report.txt"]
    assert "a.txt has no seeds" in daemon.reported
    assert daemon.tick() == [["ok"]]


def test_list_that_cannot_be_moved_does_not_block_others(daemon: Daemon) -> None:
    daemon.drop("a.xlsx", "a")
    (daemon.folder / "rejected").write_text("in the way")
    daemon.drop("b.txt", "b")
    daemon.tick()
    assert "a.xlsx cannot be moved" in daemon.reported
    assert daemon.tick() == [["b"]]


def test_list_whose_notes_cannot_be_stored_does_not_block_others(daemon: Daemon) -> None:
    daemon.drop("a.txt", "a # by the sea")
    daemon.tick()
    assert daemon.tick() == [["a"]]
    notes = daemon.root / "catalog" / "notes.json"
    notes.parent.mkdir()
    notes.write_text("{")
    daemon.drop("b.txt", "b")
    daemon.tick()
    assert "a.txt stays in the inbox. The file" in daemon.reported
    assert "repair it or move it away" in daemon.reported
    assert daemon.tick() == [["b"]]
    notes.unlink()
    daemon.tick()
    assert daemon.lists("done") == ["a.txt", "b.txt"]


def test_tick_that_is_killed_at_any_moment_loses_no_seed_and_requests_none_twice(daemon: Daemon) -> None:
    keys = drawn(5 * SEEDS_PER_RUN)
    daemon.drop("spring.txt", *keys)
    daemon.evaluate()
    daemon.tick()
    daemon.evaluate()
    asked = daemon.tick(submit=2)
    daemon.evaluate()
    asked += daemon.tick(submit=1)
    daemon.end_runs()
    asked += daemon.tick()
    assert daemon.lists() == ["spring.txt"]
    assert [key for batch in asked for key in batch] == keys
    assert daemon.tick() == []
    assert daemon.lists("done") == ["spring.txt"]


def test_failed_seeds_are_requested_again_when_the_list_is_added_again(daemon: Daemon) -> None:
    daemon.drop("spring.txt", "a", "b")
    daemon.tick()
    assert daemon.tick() == [["a", "b"]]
    daemon.end_runs()
    assert daemon.tick() == []
    assert daemon.lists("done") == ["spring.txt"]
    time.sleep(0.02)
    daemon.drop("spring.txt", "a", "b")
    assert daemon.tick() == [["a", "b"]]
    daemon.tick()
    assert daemon.lists("done") == ["spring-2.txt", "spring.txt"]


def test_seed_of_an_unfinished_run_is_requested_after_it(daemon: Daemon) -> None:
    keys = ["a", "b", "c", "d"]
    daemon.instance.add_dynamic_partitions("seeds", keys)
    daemon.add_run(partition_tags(["b", "c"]))
    daemon.drop("spring.txt", *keys)
    assert daemon.tick() == [["a"], ["d"]]
    assert daemon.tick() == []
    assert daemon.reported == "spring.txt: 2 wait for other unfinished runs."
    assert daemon.lists() == ["spring.txt"]
    daemon.end_runs()
    assert daemon.tick() == [["b", "c"]]


def test_seed_of_two_lists_is_requested_once(daemon: Daemon) -> None:
    daemon.instance.add_dynamic_partitions("seeds", ["a", "b", "c"])
    daemon.drop("first.txt", "a", "b")
    time.sleep(0.02)
    daemon.drop("second.txt", "b", "c")
    assert daemon.tick() == [["a", "b"], ["c"]]


def test_list_of_ten_thousand_seeds_is_processed_in_short_ticks(daemon: Daemon) -> None:
    keys = drawn(10_000)
    daemon.drop("long.txt", *keys)
    began = time.monotonic()
    daemon.tick()
    first, second = daemon.tick(), daemon.tick()
    assert time.monotonic() - began < TIMEOUT_S / 3
    assert len(first) == len(second) == RUNS_PER_TICK
    assert [key for batch in first + second for key in batch] == keys[: 2 * RUNS_PER_TICK * SEEDS_PER_LONG_RUN]


@pytest.mark.parametrize(
    ("seconds", "runs", "next_runs"),
    [(60.0, 8, RUNS_PER_TICK), (22.0, 8, 20), (45.0, 24, 24), (20.0, 16, 36), (1.0, 8, MAX_RUNS_PER_TICK)],
)
def test_number_of_runs_follows_the_pace_of_the_last_tick(
    timed_daemon: Daemon, seconds: float, runs: int, next_runs: int
) -> None:
    timed_daemon.instance.add_dynamic_partitions("seeds", keys := drawn(4000))
    timed_daemon.drop("long.txt", *keys)
    timed_daemon.record_tick(seconds, runs)
    timed_daemon.record_tick(0.1, 0)
    assert len(timed_daemon.evaluate().run_requests or []) == next_runs


def test_fast_storage_registers_seeds_for_all_runs_of_the_next_tick(timed_daemon: Daemon) -> None:
    timed_daemon.drop("long.txt", *drawn(4000))
    timed_daemon.record_tick(1.0, 8)
    timed_daemon.tick()
    assert len(timed_daemon.instance.get_dynamic_partitions("seeds")) == MAX_RUNS_PER_TICK * SEEDS_PER_LONG_RUN


def test_long_list_is_registered_in_parts_while_its_first_seeds_are_requested(daemon: Daemon) -> None:
    keys = drawn(2 * NEW_KEYS_PER_TICK + 1)
    daemon.drop("long.txt", *keys)
    assert daemon.tick() == []
    assert daemon.instance.get_dynamic_partitions("seeds") == keys[:NEW_KEYS_PER_TICK]
    requested = daemon.tick()
    assert daemon.instance.get_dynamic_partitions("seeds") == keys[: 2 * NEW_KEYS_PER_TICK]
    assert [key for batch in requested for key in batch] == keys[: RUNS_PER_TICK * SEEDS_PER_LONG_RUN]
    while daemon.lists():
        requested += daemon.tick()
    assert [key for batch in requested for key in batch] == keys
    assert daemon.lists("done") == ["long.txt"]


def test_new_seeds_of_several_lists_share_the_limit_of_a_tick(daemon: Daemon) -> None:
    first, second = drawn(NEW_KEYS_PER_TICK - 1), ["b", "c"]
    daemon.drop("first.txt", *first)
    time.sleep(0.02)
    daemon.drop("second.txt", *second)
    daemon.tick()
    assert daemon.instance.get_dynamic_partitions("seeds") == [*first, "b"]
    while daemon.lists():
        daemon.tick()
    assert daemon.instance.get_dynamic_partitions("seeds") == [*first, *second]


@pytest.mark.parametrize(("listed", "size"), [(LONG_LIST - 1, SEEDS_PER_RUN), (LONG_LIST, SEEDS_PER_LONG_RUN)])
def test_runs_of_a_long_list_take_more_seeds(daemon: Daemon, listed: int, size: int) -> None:
    daemon.drop("spring.txt", *drawn(listed))
    daemon.tick()
    assert {len(batch) for batch in daemon.tick()} == {size}


def test_runs_build_the_worlds_and_existing_worlds_are_not_requested(daemon: Daemon) -> None:
    pipeline = Pipeline(daemon.root, daemon.instance)
    daemon.drop("spring.txt", "a", "b")
    daemon.tick()
    (keys,) = daemon.tick()
    (request,) = daemon.asked
    assert request.tags.items() >= partition_tags(keys).items()
    assert pipeline.run(*keys).success
    assert pipeline.materialized_keys("renders") == {"a", "b"}
    daemon.end_runs()
    time.sleep(0.02)
    daemon.drop("more.txt", "a", "b", "c")
    daemon.tick()
    assert daemon.tick() == [["c"]]
    # Removed data is rebuilt, although Dagster still records its materialization.
    pipeline.store.remove(pipeline.manifest("a", "raw").seed)
    time.sleep(0.02)
    daemon.drop("again.txt", "a", "b")
    assert daemon.tick() == [["a"]]


def test_sensor_is_on_by_default() -> None:
    assert inbox.default_status is dg.DefaultSensorStatus.RUNNING
    assert inbox.job_name == "world"
