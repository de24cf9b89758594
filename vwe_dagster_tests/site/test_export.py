"""The pages of several worlds as plain files: on a web server, and opened from a disk."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.export import write_gallery, write_site
from vwe_dagster.site.exported_pages import LinkPreview
from vwe_dagster.store import StoreError
from vwe_dagster_tests.site.browsing import PAGE_MS, plain_server, visit
from vwe_dagster_tests.site.conftest import NUMBERED, ONE, OTHER, Site

URL = "https://example.org/my-worlds/"
SEEDS = [parse_seed(key) for key in (ONE, OTHER, NUMBERED)]


class Head(HTMLParser):
    """The title and the named contents in the head of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.contents: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "meta" and "content" in values:
            self.contents[values.get("property") or values.get("name", "")] = values["content"]
        if tag == "link":
            self.links[values["rel"]] = values["href"]


@pytest.fixture(scope="module")
def exported(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a gallery of three worlds, below another folder."""
    folder = tmp_path_factory.mktemp("exported") / "some path" / "gallery"
    folder.mkdir(parents=True)
    write_gallery(folder, site.store, SEEDS, url=URL, max_zoom=1)
    return folder


def script_value(path: Path) -> str:
    """Return the value of a script of data as JSON."""
    found = re.fullmatch(r"document\.currentScript\.value=(.*);\n", path.read_text())
    assert found is not None
    return found[1]


def test_files_equal_those_of_the_server(site: Site, exported: Path) -> None:
    files = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    assert {"index.html", "compare/index.html", "worlds.json", "static/leaflet/LICENSE"} <= files
    pages = {name for name in files if name.endswith((".html", "card.jpg", "worlds.json", "world.json"))}
    bundles = {f"static/js/{name}.js" for name in ("gallery", "world", "compare")}
    with httpx.Client(base_url=site.address, timeout=120) as client:
        for name in files - pages - bundles:
            if "/tiles/" in name and not name.endswith("map/1/1/1.webp"):
                continue
            content = (exported / name).read_bytes()
            if name.endswith(".bin.js"):
                content = gzip.decompress(base64.b64decode(json.loads(script_value(exported / name))))
                served = client.get(f"/{name.removesuffix('.js')}").content
            elif name.endswith(".json.js"):
                content = json.loads(script_value(exported / name))
                served = json.loads((exported / name.removesuffix(".js")).read_bytes())
            else:
                served = client.get(f"/{name}").content
            assert content == served, name


def test_world_has_the_other_seeds_of_the_same_world(exported: Path) -> None:
    facts = json.loads((exported / "worlds" / ONE / "world.json").read_bytes())
    assert (facts["same_world"], facts["max_zoom"]) == ([NUMBERED], 1)


def test_links_have_previews_with_absolute_addresses(exported: Path) -> None:
    for folder in ("", f"worlds/{ONE}/", f"worlds/{NUMBERED}/"):
        head = Head((exported / folder / "index.html").read_text())
        assert head.contents["og:image"] == f"{URL}{folder}card.jpg"
        assert head.contents["og:url"] == head.links["canonical"] == f"{URL}{folder}"
        with Image.open(exported / folder / "card.jpg") as card:
            assert [str(side) for side in card.size] == [
                head.contents[f"og:image:{each}"] for each in ("width", "height")
            ]
    comparison = Head((exported / "compare" / "index.html").read_text())
    assert comparison.contents["og:image"] == f"{URL}card.jpg"
    world = Head((exported / "worlds" / ONE / "index.html").read_text())
    assert ONE in world.contents["og:title"]
    assert "Start land:" in world.contents["og:description"]


def test_preview_without_an_address_has_a_relative_picture() -> None:
    head = Head(LinkPreview('<b>"', "&amp;", "worlds/x/").tags())
    assert head.contents["og:image"] == "card.jpg"
    assert "og:url" not in head.contents
    assert (head.contents["og:title"], head.contents["og:description"]) == ('<b>"', "&amp;")


@pytest.fixture(params=["server", "disk"])
def address(request: pytest.FixtureRequest, exported: Path) -> Iterator[str]:
    """Yield the address of the gallery: below a path of a web server, or in the file system."""
    if request.param == "disk":
        yield exported.as_uri()
        return
    with plain_server(exported.parents[1]) as server:
        yield f"{server}/some%20path/gallery"


def test_visitor_searches_opens_and_compares_worlds(address: str, browser: Browser, screenshots: Path) -> None:
    page = browser.new_context().new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    visit(page, f"{address}/index.html")
    expect(page.get_by_role("link", name="Find a seed")).to_be_hidden()
    search = page.get_by_label("Search worlds", exact=False)
    search.fill("islands > 3")
    expect(page.locator("#hint")).to_contain_text("Conditions are evaluated by vwe serve")
    search.fill("elsewhere")
    expect(page.locator("#absent")).to_have_text("This gallery does not have the world elsewhere.")
    search.fill(ONE[:4])
    page.get_by_role("link", name=ONE).click()
    page.locator("img.leaflet-tile-loaded").first.wait_for(timeout=PAGE_MS)
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    readout = page.locator("#readout")
    expect(readout).to_have_attribute("data-ready", "true")
    expect(readout.locator(".sea")).to_contain_text(re.compile("above the sea|under water"))
    page.get_by_role("button", name="Compare with another world").click()
    dialog = page.get_by_role("dialog", name="Compare with")
    dialog.get_by_role("combobox").fill(OTHER)
    page.keyboard.press("Enter")
    expect(page.locator(".side-title")).to_have_text([ONE, OTHER])
    page.get_by_role("button", name="Swap the worlds").click()
    expect(page.locator(".side-title")).to_have_text([OTHER, ONE])
    page.screenshot(path=screenshots / "page_exported_comparison.png")
    page.get_by_role("link", name=OTHER).click()
    page.locator("body.world-page.ready").wait_for()
    page.get_by_role("link", name="All worlds").click()
    page.locator("body.gallery-page.ready").wait_for()
    assert complaints == []
    page.goto(f"{address}/compare/index.html?one={ONE}&other=../{OTHER}")
    expect(page.locator(".failure")).to_contain_text("Choose two worlds")
    page.context.close()


def test_missing_world_is_reported_with_the_command(site: Site, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="vwe world nothing"):
        write_site(tmp_path, site.store, parse_seed("nothing"))
