"""The event log on Postgres: its connections stay open."""

from __future__ import annotations

import pytest

from vwe_dagster_tests.deploy.test_compose import DEPLOY

pytest.importorskip("dagster_postgres", reason="the deployment has dagster-postgres")

import yaml
from sqlalchemy.pool import QueuePool

from vwe_dagster.instance.pooled_event_log import OPEN_CONNECTIONS, PooledEventLogStorage


def test_the_deployed_event_log_keeps_a_connection_per_submitting_thread() -> None:
    deployed = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
    config = {**deployed["event_log_storage"]["config"], "should_autocreate_tables": False}
    storage = PooledEventLogStorage.from_config_value(None, config)
    pool = vars(storage)["_engine"].pool
    assert isinstance(pool, QueuePool)
    assert pool.size() == OPEN_CONNECTIONS == deployed["sensors"]["num_submit_workers"]
