"""The event log on Postgres: its connections stay open, and no retry of a run is lost."""

from __future__ import annotations

import time
from unittest.mock import Mock

import pytest

from vwe_dagster_tests.deploy.test_compose import DEPLOY

pytest.importorskip("dagster_postgres", reason="the deployment has dagster-postgres")

import yaml
from dagster_postgres.event_log import PostgresEventLogStorage
from sqlalchemy.pool import QueuePool

from vwe_dagster.instance.pooled_event_log import OPEN_CONNECTIONS, SETTLED_S, PooledEventLogStorage


def storage_of(config: dict[str, object]) -> PooledEventLogStorage:
    return PooledEventLogStorage.from_config_value(None, {**config, "should_autocreate_tables": False})


def test_failure_is_seen_only_after_the_run_has_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    stored = {
        number: Mock(timestamp=now + after_s)
        for number, after_s in [(1, -SETTLED_S - 60), (2, 3600), (3, -1), (4, -SETTLED_S - 60)]
    }
    monkeypatch.setattr(PostgresEventLogStorage, "get_logs_for_all_runs_by_log_id", lambda *_: stored)
    storage = storage_of({"postgres_url": "postgresql+psycopg2://dagster@127.0.0.1:1/dagster"})
    # The cursor of the reader must not pass the third event, so the fourth waits, too.
    assert list(storage.get_logs_for_all_runs_by_log_id()) == [1, 2]


def test_the_deployed_event_log_keeps_a_connection_per_submitting_thread() -> None:
    deployed = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
    storage = storage_of(deployed["event_log_storage"]["config"])
    pool = vars(storage)["_engine"].pool
    assert isinstance(pool, QueuePool)
    assert pool.size() == OPEN_CONNECTIONS == deployed["sensors"]["num_submit_workers"]
