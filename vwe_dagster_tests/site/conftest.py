"""A site with a few small worlds, served on this machine, and a visitor with a browser."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect
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


DESKTOP: ViewportSize = {"width": 1280, "height": 800}

CLIPBOARD = ["clipboard-read", "clipboard-write"]


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


@contextlib.contextmanager
def desktop(browser: Browser, address: str, **settings: Any) -> Iterator[Callable[[], Page]]:
    """Yield a function that closes its previous page, and opens a page with empty storage.

    The pages share a process of the browser, which takes as long to start as a page of a world takes to load.
    """
    context = browser.new_context(base_url=address, viewport=DESKTOP, **settings)
    context.set_default_timeout(PAGE_MS)
    # The process lives as long as a page of the same site.
    keeper = context.new_page()
    keeper.goto("/static/icon.svg")

    def open_page() -> Page:
        keeper.evaluate("localStorage.clear()")
        return context.new_page()

    yield open_page
    context.close()


@pytest.fixture(scope="module")
def window_settings() -> dict[str, Any]:
    """Return further settings of the windows of :func:`open_page`, which a module may override."""
    return {}


@pytest.fixture(scope="module")
def open_page(browser: Browser, site: Site, window_settings: dict[str, Any]) -> Iterator[Callable[[], Page]]:
    """Return a function that opens a page of the site on a desktop."""
    with desktop(browser, site.address, permissions=CLIPBOARD, color_scheme="light", **window_settings) as open_page:
        yield open_page


@pytest.fixture
def visitor(
    browser: Browser, site: Site, open_page: Callable[[], Page], request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """Open a page, and check at the end that it had no errors; the parameter sets up its window."""
    expect.set_options(timeout=PAGE_MS)
    if settings := getattr(request, "param", {}):
        settings = {"viewport": DESKTOP, "color_scheme": "light", "permissions": CLIPBOARD, **settings}
        page = browser.new_context(base_url=site.address, **settings).new_page()
        page.context.set_default_timeout(PAGE_MS)
    else:
        page = open_page()
    visitor = Visitor(page, set(), [])

    def record(message: ConsoleMessage) -> None:
        # The machine's networks change while other tests start containers, and Chromium then drops its connections.
        if "ERR_NETWORK_CHANGED" not in message.text:
            visitor.complaints.append(f"{message.type}: {message.text}")

    page.on("request", lambda asked: visitor.hosts.add(urlsplit(asked.url).netloc))
    page.on("console", record)
    page.on("pageerror", lambda error: visitor.complaints.append(f"error: {error}"))
    yield visitor
    (page.context if settings else page).close()
    assert visitor.complaints == []
    assert visitor.hosts == {urlsplit(site.address).netloc}
