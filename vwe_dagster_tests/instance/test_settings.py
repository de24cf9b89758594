"""The settings of the project's Dagster instance, ``dagster.yaml``, as Dagster reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.config.home import find_home
from vwe_dagster.defs.sensors.inbox import RUNS_PER_TICK


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = find_home({"VWE_HOME": str(tmp_path)})
    home.prepare_instance()
    with dg.DagsterInstance.from_config(str(home.instance)) as instance:
        yield instance


def test_long_tick_of_a_sensor_does_not_delay_the_others(instance: dg.DagsterInstance) -> None:
    for daemon in ("sensors", "backfills"):
        settings = instance.get_settings(daemon)
        assert settings["use_threads"] is True
        assert settings["num_workers"] > 3, "there are three sensors"
        assert settings["num_submit_workers"] > 1
    assert RUNS_PER_TICK % instance.get_settings("sensors")["num_submit_workers"] == 0
