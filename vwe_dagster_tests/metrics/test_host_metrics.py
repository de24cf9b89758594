"""The metrics of several hosts: their states, their runs, and queues without a worker."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from vwe_dagster.metrics.host_metrics import HostsCollector, overview_metrics
from vwe_dagster_tests.metrics.overviews import OVERVIEW


def samples(*names: str) -> dict[tuple[str, ...], float]:
    """Return the samples of metrics by their name and the values of their labels."""
    families = [family for family in overview_metrics(OVERVIEW) if family.name in names]
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_state_of_each_host_is_exposed() -> None:
    states = {key[1:] for key, value in samples("vwe_host_state").items() if value == 1}
    assert states == {("attic", "working"), ("cellar", "lost")}


def test_runs_and_engines_are_counted_per_host() -> None:
    assert samples("vwe_host_runs") == {("vwe_host_runs", "attic"): 1, ("vwe_host_runs", "cellar"): 0}
    assert samples("vwe_host_engines")["vwe_host_engines", "attic", "default", "GENERATING"] == 1


def test_queue_of_a_lost_host_is_stuck() -> None:
    assert {key[1]: value for key, value in samples("vwe_queue_stuck").items()} == {
        "vwe": 0,
        "vwe.attic": 0,
        "vwe.cellar": 1,
    }


def test_redis_that_does_not_answer_is_a_metric_and_no_error() -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HostsCollector("redis://127.0.0.1:1/0"))
    assert registry.get_sample_value("vwe_broker_up") == 0


def test_hosts_that_report_are_read_at_each_scrape(broker: str) -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HostsCollector(broker))
    assert registry.get_sample_value("vwe_broker_up") == 1
    assert registry.get_sample_value("vwe_queue_runs", {"queue": "vwe"}) == 0
