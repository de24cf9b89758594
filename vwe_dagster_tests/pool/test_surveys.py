"""Surveys on leased engines: the record and the reset of a world, and another engine for a killed one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.messages import SurveyRequest
from vwe_dagster.pool.errors import FencedError
from vwe_dagster.pool.ledger import SURVEY_SIZE
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import RecordedJobState, State
from vwe_dagster_tests.pool.holders import PATIENCE_S, Site
from vwe_dagster_tests.survey.made_rows import invented_rows

pytestmark = pytest.mark.slow

SEEDS = tuple(range(20))
REQUEST = SurveyRequest(SEEDS, Depth.START)
SETTINGS = PoolSettings(max_warm_containers=1, min_free_disk_gb=0, acquire_timeout=PATIENCE_S, idle_minutes=5)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A pool of one slot, whose engines end with the test."""
    site = Site(tmp_path / "pool", SETTINGS)
    try:
        yield site
    finally:
        site.end_engines()


@pytest.fixture
def pool(site: Site) -> Iterator[EnginePool]:
    with site.pool() as pool:
        yield pool


def test_survey_is_recorded_and_its_engine_reset(pool: EnginePool) -> None:
    export = pool.survey(REQUEST)
    export.confirm()
    assert export.table.equals(invented_rows(SEEDS, Depth.START), check_metadata=True)
    (job,) = pool.history()
    assert (job.seed, job.size, job.state) == (SEEDS[0], SURVEY_SIZE, RecordedJobState.EXPORTED)
    (slot,) = pool.status().slots
    assert (slot.state, slot.holder) == (State.READY, None)


def test_surveys_do_not_use_up_an_engine(pool: EnginePool) -> None:
    for _ in range(SETTINGS.max_jobs_per_engine + 1):
        pool.survey(SurveyRequest((1,), Depth.START))
    assert len({job.engine for job in pool.history()}) == 1
    assert pool.status().slots[0].jobs == 0


def test_survey_continues_on_another_engine_if_its_own_is_killed(site: Site, pool: EnginePool) -> None:
    killed: list[int] = []

    def kill_once(fraction: float, _: str) -> None:
        if fraction > 0 and not killed:
            killed.extend(site.pids())
            os.kill(killed[0], signal.SIGKILL)

    export = pool.survey(REQUEST, kill_once)
    assert killed
    assert export.table["number"].to_pylist() == list(SEEDS)
    assert [job.state for job in pool.history()] == [RecordedJobState.EXPORTED, RecordedJobState.FAILED]


def test_rows_of_a_lease_that_was_taken_are_not_confirmed(pool: EnginePool) -> None:
    with pool.lease() as lease:
        export = lease.survey(REQUEST)
        pool.release(lease.slot, force=True)
        with pytest.raises(FencedError):
            lease.survey(REQUEST)
    export.confirm()
