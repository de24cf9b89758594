"""The name of a host belongs to the worker of one home at a time, also if two machines have the same name."""

from __future__ import annotations

from pathlib import Path

import pytest

from vwe_dagster.config.home import HOME_VARIABLE, INSTANCE_VARIABLE, find_home
from vwe_dagster.hosts.host_reports import HostReports
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.shared_data import DataWatch
from vwe_dagster.hosts.worker import Worker, WorkerError


class EndedError(Exception):
    """Ends a worker before it consumes its queues."""


def end() -> None:
    raise EndedError


def worker(home: Path, broker: str) -> Worker:
    return Worker("attic", 1, find_home({HOME_VARIABLE: str(home)}), broker, DataWatch(home / "data", ""))


def test_second_worker_with_a_name_is_rejected_until_the_first_has_ended(
    tmp_path: Path, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in (HOME_VARIABLE, INSTANCE_VARIABLE):
        monkeypatch.setenv(variable, str(tmp_path))
    first, second = worker(tmp_path / "first", broker), worker(tmp_path / "second", broker)

    def start_second() -> None:
        with pytest.raises(WorkerError, match="has the name attic"):
            second.run(end)
        end()

    with pytest.raises(EndedError):
        first.run(start_second)
    with pytest.raises(EndedError):
        second.run(end)


def test_killed_worker_keeps_its_name_until_it_is_started_again(broker: str) -> None:
    reports = HostReports(connect(broker))
    assert reports.take_name("attic", "first home")
    assert reports.take_name("attic", "first home")
    assert not reports.take_name("attic", "second home")
    assert reports.take_name("barn", "second home")
