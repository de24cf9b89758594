"""The seed box of the pages: typed and random seeds, world files, and keeping a world, in a browser."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from vwe_dagster.formats.fwl import new_world, world_file_bytes
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.builds import BuildFailure, Builds
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.browsing import PAGE_MS, PHONE, Visitor, visit
from vwe_dagster_tests.site.conftest import ONE, OTHER, Site, served
from vwe_dagster_tests.worlds import publish_world

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160"/>'


def type_seed(page: Page, text: str) -> None:
    """Type a seed into the seed box and press Enter."""
    box = page.locator(".seed-box input[type=text]")
    box.fill(text)
    box.press("Enter")


def show_title(route: Route) -> None:
    """Respond with a page that stands for the page of a world."""
    route.fulfill(content_type="text/html", body="<title>world</title>")


def test_typed_seed_shows_its_world_from_every_page(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, "/")
    type_seed(page, OTHER)
    expect(page.locator("h1[data-key]")).to_have_text(OTHER)
    page.route(f"**/worlds/{OTHER}/", show_title)
    for path in ["/find/", f"/worlds/{ONE}/", f"/compare/?one={ONE}&other={OTHER}"]:
        visit(page, path)
        type_seed(page, OTHER)
        expect(page).to_have_url(re.compile(rf"/worlds/{OTHER}/"))


def test_world_that_is_not_stored_has_map_places_and_figures(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, "/")
    type_seed(page, "neverkept1")
    page.locator("body.ready").wait_for(timeout=PATIENCE_S * 1000)
    expect(page.locator("h1[data-key]")).to_have_text("neverkept1")
    expect(page.locator("#keep")).to_contain_text("Not kept")
    # This server keeps no worlds.
    expect(page.locator("#keep button")).to_be_hidden()
    expect(page.locator("#facts .tile").first).to_contain_text("km²")
    page.locator("img.leaflet-tile-loaded").first.wait_for()
    page.locator("#tab-places").click()
    expect(page.locator("#places")).to_contain_text("Haldor")


def test_random_seed_can_be_typed_in_the_game(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, "/")
    page.route("**/worlds/*/", show_title)
    page.get_by_role("button", name="Random").click()
    expect(page).to_have_url(re.compile(r"/worlds/[A-Za-z0-9]{10}/$"))


def test_hostile_seed_text_stays_on_the_page(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, "/")
    address, fault = page.url, page.locator(".seed-box output")
    for text in ['<img src=x onerror="alert(1)">', "../../etc", "a?b#c", "@99999999999", "a b", "a" * 300]:
        fault.evaluate("output => { output.textContent = '' }")
        type_seed(page, text)
        expect(fault).to_contain_text("1 to 32")
        assert page.url == address, text
        assert page.locator("img[src=x]").count() == 0


def test_dropped_world_file_shows_its_world_and_what_is_missing(visitor: Visitor) -> None:
    page = visitor.page
    world = new_world(parse_seed(ONE), "Mid<b>gard\u202e", world_gen_version=1, starting_keys=("NoPortals",))
    visit(page, "/")
    chooser = page.locator(".seed-box input[type=file]")
    chooser.set_input_files({"name": "long.fwl", "mimeType": "application/octet-stream", "buffer": bytes(70_000)})
    expect(page.locator(".seed-box output")).to_contain_text("too long")
    # The browser reports the choice of the same file again only if the last choice was cleared.
    expect(chooser).to_have_value("")
    chooser.set_input_files(
        {"name": "Midgard.fwl", "mimeType": "application/octet-stream", "buffer": world_file_bytes(world)}
    )
    expect(page).to_have_url(re.compile(rf"/worlds/{ONE}/"))
    note = page.locator("#keep")
    expect(note).to_contain_text("\u2068Mid<b>gard\u202e\u2069.")
    expect(note).to_contain_text("modifiers")
    expect(note).to_contain_text("world-gen version 1")


RUN_ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Site]:
    """Serve an empty data folder, with a first build that fails, and a second one that ends when the world is there."""
    store = WorldStore(tmp_path / "data")
    code = f"""
import pathlib, sys, time
if not (tried := pathlib.Path({str(tmp_path / "tried")!r})).exists():
    tried.touch()
    print({BuildFailure("<b>No engine</b> started.", RUN_ID).to_line()!r})
    sys.exit(1)
while not list(pathlib.Path({str(store.root)!r}).rglob("go")):
    time.sleep(0.05)
"""
    builds = Builds(lambda _: [sys.executable, "-c", code], {}, lambda: "http://127.0.0.1:3000")
    with served(site_app(store, builds=builds)) as address:
        yield Site(address, store)


def test_kept_world_replaces_its_preview_after_a_failure_without_a_reload(keeping: Site, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PAGE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{keeping.address}/worlds/abc/")
    page.locator("body.ready").wait_for(timeout=PATIENCE_S * 1000)
    page.evaluate("window.isSamePage = true")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#keep [role=status]")).to_have_text("The build failed.")
    expect(page.locator("#keep .cause")).to_contain_text("Reason: <b>No engine</b> started.")
    run = page.get_by_role("link", name="Show the run in Dagster")
    expect(run).to_have_attribute("href", f"http://127.0.0.1:3000/runs/{RUN_ID}")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#keep [role=status]")).to_contain_text("terrain")
    expect(run).to_have_count(0)
    publish_world(keeping.store, "abc", Grid.of_world(64))
    expect(page.locator("#keep [role=status]")).to_contain_text("pictures")
    (keeping.store.root / "go").touch()
    expect(page.locator("#keep [role=status]")).to_have_text("Kept", timeout=PATIENCE_S * 1000)
    expect(page.locator("#made")).to_contain_text("Built")
    assert page.evaluate("window.isSamePage")
    assert errors == []
    page.close()


@pytest.mark.parametrize("view", [{"viewport": {"width": 1280, "height": 800}}, PHONE], ids=["desktop", "phone"])
def test_gallery_without_worlds_welcomes_with_a_seed_box_and_examples(
    browser: Browser, tmp_path: Path, view: dict[str, object]
) -> None:
    with served(site_app(WorldStore(tmp_path))) as address:
        context = browser.new_context(base_url=address, **view)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(PAGE_MS)
        page.route("**/thumbnail.png", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
        page.route("**/worlds/*/", show_title)
        visit(page, "/")
        welcome = page.locator("#welcome")
        expect(welcome.get_by_role("textbox", name="Seed")).to_be_visible()
        expect(welcome.locator("#examples a")).to_have_count(3)
        expect(welcome.get_by_role("link", name="Find a seed")).to_have_attribute("href", "find/")
        expect(page.locator("#search")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        type_seed(page, OTHER)
        expect(page).to_have_url(re.compile(rf"/worlds/{OTHER}/"))
        page.goto("/find/")
        expect(page.get_by_role("button", name="vwe survey run 1000")).to_be_in_viewport()
        context.close()


@pytest.mark.parametrize("visitor", [{}, PHONE], indirect=True, ids=["desktop", "phone"])
def test_placeholder_of_the_seed_box_is_not_cut(visitor: Visitor) -> None:
    page = visitor.page
    for path in ("/", f"/worlds/{ONE}/"):
        visit(page, path)
        if "worlds" in path and page.locator("#handle").is_visible():
            page.locator("#handle").click()
        box = page.locator(".seed-box input[type=text]").bounding_box()
        assert box is not None
        assert box["width"] >= 130, path


@pytest.fixture
def restarts(tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Return a function that starts the server of a data folder again, at the same address."""
    store = WorldStore(tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with contextlib.ExitStack() as server:

        def restart() -> Site:
            server.close()
            builds = Builds(lambda _: [sys.executable, "-c", "import time; time.sleep(600)"], {})
            return Site(server.enter_context(served(site_app(store, builds=builds), port)), store)

        yield restart


def test_interrupted_build_can_be_requested_again_on_the_same_page(
    restarts: Callable[[], Site], browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PAGE_MS)
    page.goto(f"{restarts().address}/worlds/abc/")
    page.locator("body.ready").wait_for(timeout=PATIENCE_S * 1000)
    status, keep = page.locator("#keep [role=status]"), page.get_by_role("button", name="Keep")
    keep.click()
    expect(status).to_contain_text("terrain")
    restarts()
    expect(keep).to_be_enabled(timeout=PATIENCE_S * 1000)
    expect(page.locator("#keep progress")).to_be_hidden()
    # The server has another token than the page was opened with.
    keep.click()
    expect(status).to_contain_text("terrain")
    page.close()


def test_world_is_shown_in_a_browser_without_storage(visitor: Visitor) -> None:
    page = visitor.page
    blocked = "{ get() { throw new DOMException('blocked', 'SecurityError'); } }"
    page.add_init_script(
        f"for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, {blocked});"
    )
    visit(page, f"/worlds/{ONE}/")
    expect(page.locator("#map .failure")).to_have_count(0)
