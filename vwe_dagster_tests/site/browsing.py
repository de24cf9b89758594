"""A visitor with a browser: steps and settings that the tests of the pages share."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PageTimeoutError

PAGE_MS = 60_000
"""Longest time for a page to show an expected element; CI has few cores."""

MINUS = "\N{MINUS SIGN}"

PIXEL_M = 12.0
"""The ground of a pixel at zoom 3."""

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


@dataclasses.dataclass
class Visitor:
    """A browser window, and the errors in it.

    Attributes:
        page: the window.
        hosts: the hosts of all requests.
        complaints: errors and warnings of the page.
    """

    page: Page
    hosts: set[str]
    complaints: list[str]


def visit(page: Page, path: str) -> None:
    """Open a page; retry if a part of it was lost."""
    for _ in range(3):
        page.goto(path)
        with contextlib.suppress(PageTimeoutError):
            page.locator("body.ready").wait_for(timeout=PAGE_MS)
            return
    pytest.fail(f"{path} does not open")


def click_at(page: Page, x: float, z: float) -> None:
    """Click a point of the world, in a view of zoom 3 around the center."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2 + x / PIXEL_M, box["y"] + box["height"] / 2 - z / PIXEL_M)


@contextlib.contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Serve a folder with a plain web server, and yield its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
