"""The metrics in the format that Prometheus scrapes."""

from __future__ import annotations

import sqlite3
import statistics
import time
import urllib.error
from pathlib import Path

import pytest

from vwe_dagster import __version__
from vwe_dagster.config.home import Home
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.metrics.data_folder import DataFolder
from vwe_dagster.pool.database import FILE
from vwe_dagster.pool.errors import EngineLostError, PoolError
from vwe_dagster.pool.kinds import TransitionKind
from vwe_dagster.pool.launcher import OUT_OF_MEMORY
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.opening import state_folder
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store.stage_counts import StageCounts
from vwe_dagster_tests.metrics.pools import get, home_in, pool_in, scrape, serving, value
from vwe_dagster_tests.pool.fakes import REQUEST, FakeEngine, FakeLauncher, FakeMachine, failing
from vwe_dagster_tests.store.stages import publish


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_in(tmp_path)


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


def test_home_without_pools_has_metrics_and_stays_unchanged(home: Home) -> None:
    families = scrape(home)
    assert families["vwe_pool_size"].samples == []
    assert value(families, "vwe_worlds_made_total") == 0
    assert value(families, "vwe_build_info", version=__version__) == 1
    assert value(families, "vwe_disk_free_bytes") > 0
    assert list(home.folder.iterdir()) == []


def test_jobs_are_counted_by_outcome_with_waits_and_durations(home: Home, machine: FakeMachine) -> None:
    pool = pool_in(home, machine)
    for _ in range(2):
        pool.generate(REQUEST).confirm()
    machine.in_job = failing(at="generating", error=EngineError("There is no such layer."))
    with pytest.raises(EngineError):
        pool.generate(REQUEST)
    families = scrape(home)
    jobs = {sample.labels["outcome"]: sample.value for sample in families["vwe_pool_jobs"].samples}
    assert jobs == {"exported": 2, "failed": 1, "fenced": 0, "abandoned": 0}
    assert value(families, "vwe_pool_cold_starts_total", pool="default") == 1
    for histogram in ("vwe_pool_acquire_wait_seconds", "vwe_pool_job_duration_seconds"):
        assert families[histogram].type == "histogram"
        assert value(families, f"{histogram}_count", pool="default") == 3
        assert value(families, f"{histogram}_bucket", le="+Inf") == 3
        buckets = [sample.value for sample in families[histogram].samples if sample.name.endswith("_bucket")]
        assert buckets == sorted(buckets)
    took = sum(job.duration_s or 0 for job in pool.history())
    assert value(families, "vwe_pool_job_duration_seconds_sum") == pytest.approx(took)


def test_pools_are_distinguished_by_name(home: Home, machine: FakeMachine) -> None:
    one, other = pool_in(home, machine, "one"), pool_in(home, FakeMachine(), "other")
    one.warm(2)
    with one.lease(), other.lease():
        families = scrape(home)
    assert value(families, "vwe_pool_size", pool="one") == 2
    assert value(families, "vwe_pool_engines", pool="one", state="READY") == 2
    assert value(families, "vwe_pool_free_engines", pool="one") == 1
    assert value(families, "vwe_pool_engines", pool="other", state="EMPTY") == 1
    assert value(families, "vwe_pool_free_engines", pool="other") == 0
    assert value(families, "vwe_pool_waiting_callers", pool="other") == 0


def test_open_circuit_is_exposed(home: Home, machine: FakeMachine) -> None:
    pool = pool_in(home, machine)
    machine.launch_fails = "There is no such image."
    with pytest.raises(PoolError):
        pool.generate(REQUEST)
    families = scrape(home)
    states = {sample.labels["state"]: sample.value for sample in families["vwe_pool_circuit_state"].samples}
    assert states == {"closed": 0, "open": 1, "half-open": 0}
    assert value(families, "vwe_pool_circuit_openings_total") == 1
    assert value(families, "vwe_pool_failed_starts_total") == 3


def test_engines_out_of_memory_and_repairs_of_the_reaper_are_counted(
    home: Home, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeLauncher, "cause_of_end", lambda _self, _launched: OUT_OF_MEMORY)

    def die(engine: FakeEngine, _phase: str) -> None:
        engine.running = False

    machine.in_job = die
    pool = pool_in(home, machine)
    with pytest.raises(EngineLostError):
        pool.generate(REQUEST)
    assert value(scrape(home), "vwe_pool_out_of_memory_kills_total") == 3
    pool.warm(1)
    die(next(engine for engine in machine.engines.values() if engine.running), "")
    before = scrape(home)
    pool.reap()
    families = scrape(home)
    assert value(families, "vwe_pool_out_of_memory_kills_total") == 4
    for counter in ("vwe_pool_reaps_total", "vwe_pool_reaper_passes_total"):
        assert value(families, counter) == value(before, counter) + 1


def test_free_text_does_not_become_a_label(home: Home, machine: FakeMachine) -> None:
    pool = pool_in(home, machine)
    with pool.lease(purpose="it ended (out of memory)"), pool.lease(purpose="(out of memory)"):
        pass
    pool.drain()
    pool.create_engine("it ended (out of memory)")
    families = scrape(home)
    kinds = {sample.labels["kind"] for sample in families["vwe_pool_transitions"].samples}
    assert kinds <= set(TransitionKind) - {"other"}
    assert value(families, "vwe_pool_out_of_memory_kills_total") == 0


def test_unreadable_ledger_does_not_hide_other_pools(home: Home, machine: FakeMachine) -> None:
    pool_in(home, machine, "good").warm(1)
    broken = state_folder(home.pools / "broken")
    broken.mkdir(parents=True)
    (broken / FILE).write_text("this is no database, and long enough to be seen as none" * 100)
    families = scrape(home)
    assert value(families, "vwe_pool_up", pool="broken") == 0
    assert value(families, "vwe_pool_up", pool="good") == 1
    assert value(families, "vwe_pool_free_engines", pool="good") == 1


def test_built_and_kept_stages_are_counted(home: Home) -> None:
    stage_counts = StageCounts(home.stage_counts)
    for stage, outcome in (("raw", "made"), ("raw", "made"), ("extracted", "made"), ("raw", "kept")):
        stage_counts.add(stage, outcome)  # type: ignore[arg-type]
    families = scrape(home)
    assert value(families, "vwe_worlds_made_total") == 2
    assert value(families, "vwe_stages_made_total", stage="extracted") == 1
    assert value(families, "vwe_cache_hits_total", stage="raw") == 1
    assert value(families, "vwe_cache_hits_total", stage="renders") == 0


def test_unreadable_stage_counts_leave_a_gap_and_do_not_fail_a_stage(home: Home) -> None:
    home.stage_counts.parent.mkdir(parents=True)
    home.stage_counts.write_text("this is no database, and long enough to be seen as none" * 100)
    families = scrape(home)
    assert families["vwe_worlds_made"].samples == families["vwe_stages_made"].samples == []
    StageCounts(home.stage_counts).add("raw", "made")


def test_data_folder_is_measured_independently_of_scrapes(home: Home) -> None:
    data = DataFolder(home.data)
    assert "vwe_data_bytes" in scrape(home, data)
    assert scrape(home, data)["vwe_data_bytes"].samples == []
    for number in (1, 2):
        publish(home.data, number, parse_seed(f"@{number}"))
    data.measure()
    families = scrape(home, data)
    files = [path for path in home.data.glob("seeds/*/*/**/*") if path.is_file()]
    assert sum(sample.value for sample in families["vwe_data_bytes"].samples) == sum(
        path.stat().st_size for path in files
    )
    assert value(families, "vwe_data_seeds") == 2
    publish(home.data, 30_000, parse_seed("@2"))
    data.measure()
    files = [path for path in home.data.glob("seeds/*/*/**/*") if path.is_file()]
    assert sum(sample.value for sample in scrape(home, data)["vwe_data_bytes"].samples) == sum(
        path.stat().st_size for path in files
    )


def test_scrape_of_a_hundred_thousand_transitions_takes_at_most_a_tenth_of_a_second(
    home: Home, machine: FakeMachine
) -> None:
    pool = pool_in(home, machine)
    pool.generate(REQUEST).confirm()
    with Ledger(state_folder(home.pools / "default")).database.transaction() as db:
        db.executemany(
            "INSERT INTO transitions (at, slot, before, after, kind, detail, token) "
            "VALUES ('', 0, 'READY', 'GENERATING', 'job', ?, 0)",
            [(f"world of {number}",) for number in range(100_000)],
        )
    times = []
    with serving(home) as address:
        for _ in range(6):
            began = time.perf_counter()
            get(f"{address}/metrics").read()
            times.append(time.perf_counter() - began)
    assert statistics.median(times) < 0.1
    assert value(scrape(home), "vwe_pool_transitions_total", before="READY", kind="job") == 100_001


def test_health_check_answers(home: Home) -> None:
    with serving(home) as address:
        assert get(f"{address}/healthz").read() == b"ok\n"
        assert str(get(f"{address}/metrics").headers["content-type"]).startswith("text/plain; version=")
        open_metrics = get(f"{address}/metrics", accept="application/openmetrics-text; version=1.0.0")
        assert open_metrics.read().endswith(b"# EOF\n")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{address}/")


def test_stage_counts_are_readable_during_a_write(home: Home) -> None:
    StageCounts(home.stage_counts).add("raw", "made")
    writing = sqlite3.connect(home.stage_counts, isolation_level=None)
    writing.execute("BEGIN IMMEDIATE")
    assert value(scrape(home), "vwe_worlds_made_total") == 1
    writing.execute("ROLLBACK")
    writing.close()
