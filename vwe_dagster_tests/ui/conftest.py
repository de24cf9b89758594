"""Fixtures: the pages of ``vwe ui`` with a temporary home."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from vwe_dagster_tests.command import PATIENCE_S, Vwe

PAGE_MS = 60_000
"""Time limit for a page to show an expected element; CI has few cores."""

SMALL_WORLDS = {"ops": {"raw_export": {"config": {"size": 64, "locations": "NONE"}}}}

LAUNCHES = {"executionParams", "backfillParams"}
"""The variables of the mutations that launch a run or a backfill."""


@pytest.fixture(scope="module")
def vwe(tmp_path_factory: pytest.TempPathFactory) -> Vwe:
    return Vwe(tmp_path_factory.mktemp("ui"))


@pytest.fixture(scope="module")
def address(vwe: Vwe) -> Iterator[str]:
    """Yield the address of ``vwe ui``, and check that it ends after a signal."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = vwe.start("ui", "--port", str(port))
    try:
        wait_for_pages(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1500, "height": 1400}, base_url=address)
    page.route("**/graphql*", request_small_worlds)
    page.set_default_timeout(PAGE_MS)
    expect.set_options(timeout=PAGE_MS)
    return page


def request_small_worlds(route: Route) -> None:
    """Add a run config to the runs and backfills that a page launches, because worlds of the default size take long."""
    posted = json.loads(route.request.post_data or "{}")
    launches = LAUNCHES & posted.get("variables", {}).keys()
    for name in launches:
        posted["variables"][name]["runConfigData"] = SMALL_WORLDS
    route.continue_(post_data=posted if launches else None)


def wait_for_pages(process: subprocess.Popen[str], address: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"vwe ui ended: {process.communicate()}")
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:  # noqa: S310  loopback
                assert "dagster_version" in json.load(answer)
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    pytest.fail("vwe ui did not come up")
