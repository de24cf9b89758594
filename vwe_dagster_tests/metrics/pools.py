"""A home with used pools, and the samples of a scrape."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPResponse
from pathlib import Path

import uvicorn
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from vwe_dagster.config.home import Home
from vwe_dagster.metrics.data_folder import DataFolder
from vwe_dagster.metrics.endpoint import metrics_app
from vwe_dagster.pool.clock import SystemClock
from vwe_dagster.pool.opening import state_folder
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.pool.fakes import FakeMachine

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0, acquire_timeout=1)


def home_in(folder: Path) -> Home:
    return Home(folder, folder / ".dagster", own_instance=True)


def pool_in(home: Home, machine: FakeMachine, name: str = "default") -> EnginePool:
    """Return a pool of a home with fake engines."""
    return machine.pool(state_folder(home.pools / name), SETTINGS, SystemClock())


def scrape(home: Home, data: DataFolder | None = None) -> Mapping[str, Metric]:
    """Return the metric families of a scrape by name; counters are named without ``_total``."""
    with serving(home, data) as address:
        text = get(f"{address}/metrics").read().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


@contextlib.contextmanager
def serving(home: Home, data: DataFolder | None = None) -> Iterator[str]:
    """Serve the metrics of a home, and yield the address."""
    app = metrics_app(home, data or DataFolder(home.data))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def get(address: str, **headers: str) -> HTTPResponse:
    """Send a request, and wait until the server responds."""
    answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20)  # noqa: S310
    assert isinstance(answer, HTTPResponse)
    return answer


def value(families: Mapping[str, Metric], sample: str, **labels: str) -> float:
    """Return the value of the only sample with a name and labels."""
    (found,) = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    ]
    return found
