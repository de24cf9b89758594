"""Kernels that a server compiles in advance, and the notice on a page that waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numba
import pytest
from playwright.sync_api import Route, expect

from vwe_dagster.site.warming import Warming
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.browsing import Visitor, visit
from vwe_dagster_tests.site.conftest import ONE, OTHER


def state_after(warming: Warming, is_awaited: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until the progress has the awaited state, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_awaited(progress := warming.progress()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return progress


def test_progress_counts_functions_that_are_compiled() -> None:
    compiled, may_end = threading.Event(), threading.Event()

    def compile_one() -> None:
        numba.njit(lambda x: x + 1)(1)
        compiled.set()
        may_end.wait(PATIENCE_S)

    warming = Warming([compile_one])
    assert warming.progress() == {"state": "loading", "share": 0.0}
    warming.start()
    try:
        assert compiled.wait(PATIENCE_S)
        progress = state_after(warming, lambda now: now["state"] == "compiling")
        assert 0 < progress["share"] < 1
    finally:
        may_end.set()
    assert state_after(warming, lambda now: now["state"] == "ready")["share"] == 1


def test_step_that_fails_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    def fail() -> None:
        raise ValueError("a fault")

    warming = Warming([fail, done.set])
    warming.start()
    assert done.wait(PATIENCE_S)
    state_after(warming, lambda now: now["state"] == "ready")
    assert "could not be loaded in advance" in caplog.text


def test_closed_warming_skips_the_remaining_steps() -> None:
    done: list[str] = []

    def close() -> None:
        done.append("first")
        warming.close()

    warming = Warming([close, lambda: done.append("second")])
    warming.start()
    state_after(warming, lambda now: now["state"] == "ready")
    assert done == ["first"]


@pytest.mark.parametrize(
    ("status", "text", "has_bar"),
    [
        ({"state": "compiling", "share": 0.4}, "Compiling the terrain kernels", True),
        ({"state": "ready", "share": 1}, "Computing the world", False),
    ],
)
def test_page_that_waits_shows_what_the_server_does(
    visitor: Visitor, status: dict[str, object], text: str, *, has_bar: bool
) -> None:
    page = visitor.page
    held: list[Route] = []
    page.route("**/status.json", lambda route: route.fulfill(json=status))

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/world.json*", hold)
    page.goto(f"/worlds/{ONE}/")
    notice = page.locator(".status")
    expect(notice).to_contain_text(text)
    expect(notice.get_by_role("progressbar")).to_have_count(int(has_bar))
    page.unroute("**/world.json*")
    for route in held:
        route.continue_()
    page.locator("body.ready").wait_for()
    expect(notice).to_have_count(0)
    visit(page, "/")


def test_comparison_shows_maps_before_the_analysis_is_done(visitor: Visitor) -> None:
    page = visitor.page
    held: list[Route] = []

    def outline_only(route: Route) -> None:
        answer = route.fetch()
        shown = {key: value for key, value in answer.json().items() if key not in {"statistics", "figures"}}
        route.fulfill(response=answer, json=shown)

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/world.json?outline", outline_only)
    page.route("**/world.json", hold)
    page.goto(f"/compare/?one={ONE}&other={OTHER}")
    for index in (0, 1):
        page.locator(".side-map").nth(index).locator("img.leaflet-tile-loaded").first.wait_for()
    assert page.locator("body.ready").count() == 0
    page.unroute("**/world.json")
    for route in held:
        route.continue_()
    page.locator("body.ready").wait_for()
    expect(page.locator("#table tr").first).to_be_attached()
