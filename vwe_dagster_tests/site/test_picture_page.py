"""The pictures of the page of a world: the view as a file and on paper, the poster, and the relief."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from vwe_dagster.rendering.poster import Paper
from vwe_dagster.site import source
from vwe_dagster.site.server import site_app
from vwe_dagster_tests.conftest import BROWSER_ARGUMENTS
from vwe_dagster_tests.site.browsing import PAGE_MS, Visitor, visit
from vwe_dagster_tests.site.conftest import ONE, Site, served

WORLD = f"/worlds/{ONE}/"
VIEW = f"{WORLD}#at=0,0&zoom=3&style=map&show=grid,peak&line=-600,0;600,0"
NO_WEBGL = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.startsWith("webgl") ? null : original.call(this, kind, ...more);
};
"""


@pytest.fixture(scope="module")
def browser_arguments() -> list[str]:
    return [*BROWSER_ARGUMENTS, "--enable-unsafe-swiftshader"]


@pytest.fixture
def posters(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[httpx.Client, list[Paper]]]:
    """Return a client of a site with a replaced poster function, and the papers of its calls."""
    papers: list[Paper] = []

    def draw(*_: object, paper: Paper, **__: object) -> bytes:
        papers.append(paper)
        return b"poster"

    monkeypatch.setattr(source, "poster_png", draw)
    with served(site_app(site.store)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client, papers


def test_poster_is_drawn_on_request_for_a_paper(posters: tuple[httpx.Client, list[Paper]]) -> None:
    client, papers = posters
    answer = client.get(f"{WORLD}poster.png?paper=a2")
    assert (answer.headers["content-type"], answer.content) == ("image/png", b"poster")
    known = client.get(f"{WORLD}poster.png?paper=a2", headers={"if-none-match": answer.headers["etag"]})
    assert known.status_code == 304
    assert client.get(f"{WORLD}poster.png").content == b"poster"
    assert papers == [Paper.A2, Paper.CM_30X40]


def test_poster_on_unknown_paper_is_rejected(posters: tuple[httpx.Client, list[Paper]]) -> None:
    answer = posters[0].get(f"{WORLD}poster.png?paper=a5")
    assert answer.status_code == 404
    assert "choose from 30x40, a2, 2x3" in answer.json()["message"]


def test_picture_of_the_view_has_title_map_and_legend(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, VIEW)
    expect(page.locator("img.leaflet-tile-loaded").first).to_be_visible()
    page.keyboard.press("f")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as PNG").click()
    assert download.value.suggested_filename == f"{ONE}-view.png"
    picture = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int)
    box = page.locator("#map").bounding_box()
    assert box is not None
    assert picture.shape[1] == 2 * round(box["width"])
    title, ground = picture[:128], picture[128 : 128 + 2 * round(box["height"])]
    background = title[4, 4]
    assert (np.abs(title[:, :600] - background).max(axis=-1) > 100).sum() > 300
    assert len(np.unique(ground.reshape(-1, 3)[::50], axis=0)) > 100
    legend = picture[128 + len(ground) :]
    assert len(np.unique(legend.reshape(-1, 3), axis=0)) > 8
    line = ground[len(ground) // 2, ground.shape[1] // 2 - 60]
    assert line[0] - line[2] > 60, "the measured line is drawn"


def test_poster_is_saved_from_the_page(visitor: Visitor) -> None:
    page = visitor.page
    page.route(re.compile(r"/poster\.png\?paper=2x3&v="), lambda route: route.fulfill(body=b"poster"))
    visit(page, WORLD)
    page.get_by_role("button", name="Pictures").click()
    page.get_by_label("Paper").select_option("2x3")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the poster").click()
    assert download.value.suggested_filename == f"{ONE}-poster-2x3.png"
    assert download.value.path().read_bytes() == b"poster"


@pytest.mark.parametrize(
    "visitor", [{"color_scheme": "dark", "viewport": {"width": 800, "height": 500}}], indirect=True
)
def test_printed_page_is_one_sheet_with_the_view_in_light_colors(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, VIEW)
    expect(page.locator("img.leaflet-tile-loaded").first).to_be_visible()
    pdf = page.pdf(format="A4", landscape=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) == 1
    expect(page).to_have_url(re.compile("at=0,0&zoom=3"))
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator("#print canvas")).to_be_visible()
    for hidden in ("#panel", "#stage"):
        expect(page.locator(hidden)).to_be_hidden()
    sheet = Image.open(io.BytesIO(page.locator("#print canvas").screenshot())).convert("L")
    assert np.asarray(sheet)[3, 3] > 220
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_relief_turns_by_keys(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, WORLD)
    page.keyboard.press("h")
    canvas = page.locator("#relief canvas[data-drawn]")
    expect(canvas).to_be_visible()
    expect(page.locator("#relief [role=status]")).to_have_count(0)
    before = canvas.screenshot()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    after = canvas.screenshot()
    one, other = (np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int) for shot in (before, after))
    assert (np.abs(one - other).max(axis=-1) > 30).mean() > 0.01
    # The software renderer of the browser reports that screenshots are slow.
    visitor.complaints[:] = [each for each in visitor.complaints if "GPU stall" not in each]


def test_relief_on_a_page_from_a_disk_keeps_the_colors_of_biomes(visitor: Visitor) -> None:
    page = visitor.page
    # On such a page, browsers do not hand the pixels of tiles to WebGL.
    page.add_init_script("""
        const { texImage2D } = WebGL2RenderingContext.prototype;
        WebGL2RenderingContext.prototype.texImage2D = function (...values) {
          if (values.at(-1) instanceof HTMLCanvasElement) throw new DOMException("tainted", "SecurityError");
          return texImage2D.apply(this, values);
        };
    """)
    visit(page, WORLD)
    page.keyboard.press("h")
    canvas = page.locator("#relief canvas[data-drawn]")
    expect(canvas).to_be_visible()
    expect(page.locator("#relief [role=status]")).to_have_count(0)
    page.wait_for_timeout(300)
    drawn = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"))
    assert (drawn.max(axis=-1) < 10).mean() < 0.01
    visitor.complaints[:] = [each for each in visitor.complaints if "GPU stall" not in each]


def test_browser_without_webgl_shows_the_picture_of_the_relief(visitor: Visitor) -> None:
    page = visitor.page
    page.add_init_script(NO_WEBGL)
    visit(page, WORLD)
    page.keyboard.press("h")
    still = page.get_by_role("img", name="The world as a relief, seen from the south")
    # The server may first have to compile the kernels of the relief.
    expect(still).to_be_visible(timeout=4 * PAGE_MS)
    expect(still).to_have_js_property("naturalWidth", 1100)
    page.keyboard.press("Escape")
    expect(page.locator("#relief")).to_be_hidden()
