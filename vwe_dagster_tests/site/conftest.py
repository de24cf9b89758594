"""A site with a few small worlds, served on this machine, and a visitor with a browser."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, expect
from starlette.applications import Starlette

from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster.store.stages import read_extracted
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.browsing import PAGE_MS, Visitor
from vwe_dagster_tests.worlds import publish_world

SIZE = 320
"""Samples along each side of the worlds: more than one block, and the last block is smaller."""

ONE, OTHER, NUMBERED = "HHcLC5acQt", "abc", "@298112588"
"""The seeds of the worlds; the last stands for the same world as the first."""


@dataclasses.dataclass(frozen=True)
class Site:
    """A running site.

    Attributes:
        address: its URL.
        store: the data folder.
    """

    address: str
    store: WorldStore

    def world(self, key: str = ONE) -> CanonicalWorld:
        """Return a world from the store."""
        manifest = self.store.manifest(parse_seed(key), "extracted")
        assert manifest is not None
        return read_extracted(self.store, manifest)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    store = WorldStore(tmp_path_factory.mktemp("site"))
    publish_world(store, ONE, Grid.of_world(SIZE), pictures=True)
    publish_world(store, OTHER, Grid.of_world(SIZE))
    publish_world(store, NUMBERED, Grid.of_world(64))
    with served(site_app(store)) as address:
        yield Site(address, store)


@contextlib.contextmanager
def served(app: Starlette, port: int = 0) -> Iterator[str]:
    """Serve an application on this machine, by default at a free port, and yield its address."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not server.started and time.monotonic() < deadline:
                assert thread.is_alive()
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def visitor(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Open a window, and check at the end that its page had no errors; the parameter sets up the window."""
    settings: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
    settings |= getattr(request, "param", {})
    context = browser.new_context(base_url=site.address, permissions=["clipboard-read", "clipboard-write"], **settings)
    context.set_default_timeout(PAGE_MS)
    expect.set_options(timeout=PAGE_MS)
    page = context.new_page()
    visitor = Visitor(page, set(), [])

    def hear(said: ConsoleMessage) -> None:
        # The machine's networks change while other tests start containers, and Chromium then drops its connections.
        if "ERR_NETWORK_CHANGED" not in said.text:
            visitor.complaints.append(f"{said.type}: {said.text}")

    page.on("request", lambda asked: visitor.hosts.add(urlsplit(asked.url).netloc))
    page.on("console", hear)
    page.on("pageerror", lambda error: visitor.complaints.append(f"error: {error}"))
    yield visitor
    assert visitor.complaints == []
    assert visitor.hosts == {urlsplit(site.address).netloc}
    context.close()
