"""The real pages, from the real server, in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M
from vwe_dagster_tests.site.browsing import MINUS, PHONE, PIXEL_M, Visitor, click_at, visit
from vwe_dagster_tests.site.conftest import NUMBERED, ONE, OTHER, SIZE, Site

WORLD = f"/worlds/{ONE}/"
COMPARISON = f"/compare/?one={ONE}&other={OTHER}"
SMALL = {**PHONE, "viewport": {"width": 320, "height": 568}}
SIDEWAYS = {**PHONE, "viewport": {"width": 844, "height": 390}}
READ: dict[tuple[str, ...], tuple[float, float] | None] = {
    ("600, -100", "600,-100", "600 \N{MINUS SIGN}100", "x 600 z -100", "X=600, Z=-100", "x600z-100"): (600, -100),
    ("600 m; -100 m", "6e2, -1E2", "[600, -100.0]", "+600 ,-100."): (600, -100),
    ("600, 38.5, -100", "600,38,-100", "Player position (X,Y,Z):(600, 38, -100)", "x 600 y 38 z -100"): (600, -100),
    ("1,234, -5,678", f"x 1,234  z {MINUS}5,678", "1234 -5678"): (1234, -5678),
    ("1 200, 300", "1,200 3, 400", f"1{' ' * 3000}x"): None,
    ("1e5, 3", "1e5", "1,5 2,5", "12,34 5", "0x10, 3", "600W 100S", "1 km, 2 km", "z 1 x 2", "1 2 3 4", ""): None,
}
"""Typed coordinates, and the place that they stand for."""


def test_visitor_explores_a_world(visitor: Visitor, site: Site, screenshots: Path) -> None:
    page, world = visitor.page, site.world()
    visit(page, f"{WORLD}#at=0,0&zoom=3&style=map&show=grid,peak")
    page.screenshot(path=screenshots / "page_world.png")
    readout = page.locator("#readout")
    for row, column in [(160, 160), (150, 175), (172, 150), (145, 142), (168, 181)]:
        point_at(page, page.locator("#map"), world, row, column)
        expect(readout.locator(".biome")).to_have_text(Biome(int(world.biome[row, column])).title)
        height = float(world.height[row, column])
        sea = readout.locator(".sea")
        expect(sea).to_contain_text("above the sea" if height >= SEA_LEVEL_M else "under water")
        assert number_in(sea) == pytest.approx(abs(height - SEA_LEVEL_M), abs=0.06)

    page.keyboard.press("2")
    expect(page.locator("img.leaflet-tile[src*='/biomes/']").first).to_be_visible()
    page.get_by_role("button", name="Layers").click()
    page.get_by_role("radio", name="Relief").check(force=True)
    expect(page).to_have_url(re.compile("style=heights"))
    page.get_by_role("radio", name="Relief").press("ArrowDown")
    expect(page).to_have_url(re.compile("style=forest"))
    page.get_by_label("Rivers, streams and lakes").check()
    expect(page).to_have_url(re.compile("show=grid,water,peak"))
    page.go_back()
    page.go_back()
    page.go_back()
    expect(page).to_have_url(re.compile("style=biomes"))
    expect(page.get_by_label("Biomes", exact=False).first).to_be_checked()
    page.keyboard.press("Escape")
    page.screenshot(path=screenshots / "page_biomes.png")


def test_visitor_measures_a_line_and_copies_the_link(visitor: Visitor, site: Site, screenshots: Path) -> None:
    page, world = visitor.page, site.world()
    visit(page, f"{WORLD}#at=0,0&zoom=3&style=biomes&show=grid")
    page.get_by_role("button", name="Measure").click()
    click_at(page, -2400, 600)
    click_at(page, 1200, 600)
    click_at(page, 1200, -600)
    page.keyboard.press("Enter")
    figures = page.locator("#profile .figures")
    expect(figures).to_contain_text("Length4,800 m")
    expect(figures).to_contain_text("Bearing108° ESE")
    line = re.search(r"line=([^&]+)", page.url)
    assert line is not None
    assert line[1] == "-2400,600;1200,600;1200,-600"
    plot = page.locator("#profile .plot")
    expect(plot.locator(".ground").first).to_be_attached()
    plot.focus()
    page.keyboard.press("Home")
    tip = page.locator("#profile .tip")
    expect(tip).to_contain_text("after 0 m")
    expect(page.locator("path.spot")).to_be_visible()
    along = world.grid.nearest(-2400), world.grid.nearest(600)
    assert Biome(int(world.biome[along[1], along[0]])).title in tip.inner_text()
    page.screenshot(path=screenshots / "page_profile.png")

    address, shown = page.url, figures.inner_text()
    page.reload()
    expect(page.locator("#profile .ground").first).to_be_attached()
    assert (page.url, figures.inner_text()) == (address, shown)
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    expect(page.locator("#readout .place")).to_have_text(re.compile(rf"x {MINUS}?\d "))
    page.get_by_role("button", name="Remove the line").click()
    expect(page.locator("#profile")).to_be_hidden()
    assert "line=" not in page.url


def test_measured_line_continues_at_the_sign_of_a_place(visitor: Visitor) -> None:
    page = visitor.page
    peak = page.request.get(f"{WORLD}world.json").json()["peaks"][0]
    visit(page, f"{WORLD}#at={peak['x_m']},{peak['z_m']}&zoom=3&show=peak")
    page.get_by_role("button", name="Measure").click()
    page.locator(".leaflet-marker-icon[data-place='peak-1']").click()
    click_at(page, 1200, 600)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(f"line={peak['x_m']:.6g},{peak['z_m']:.6g};")))
    expect(page.locator(".place-card")).to_be_hidden()


def test_island_is_marked_on_its_land(visitor: Visitor, site: Site) -> None:
    page, world = visitor.page, site.world()

    def is_land(x_m: float, z_m: float) -> bool:
        return bool(world.height[world.grid.nearest(z_m), world.grid.nearest(x_m)] >= SEA_LEVEL_M)

    islands = page.request.get(f"{WORLD}world.json").json()["islands"]
    around_water = (island for island in islands if not is_land(island["centroid_x_m"], island["centroid_z_m"]))
    visit(page, f"{WORLD}#place=island-{next(around_water)['island']}")
    page.locator(".place-card button.text").click()
    assert is_land(*map(float, page.evaluate("navigator.clipboard.readText()").split(", ")))


def test_unreachable_server_is_reported(visitor: Visitor) -> None:
    page = visitor.page
    page.route("**/data/**", lambda route: route.abort())
    visit(page, f"{WORLD}#line=0,0;900,900")
    expect(page.locator("#toast")).to_have_text("The server does not answer.")
    expect(page.locator("#profile .figures")).to_contain_text("Length")
    assert {complaint.partition(":")[0] for complaint in visitor.complaints} == {"error"}
    assert all("Failed to load resource" in complaint for complaint in visitor.complaints)

    page.route("**/tiles/**", lambda route: route.abort())
    page.evaluate("location.hash = 'at=3000,3000&zoom=5'")
    expect(page.locator("#toast")).to_contain_text("did not send parts of the map")
    page.get_by_role("button", name="Pictures").click()
    page.route("**/poster.png*", lambda route: route.abort())
    page.get_by_role("button", name="Save the poster").click()
    # Outside the modal dialog, the toast would be below it.
    expect(page.locator("#pictures #toast")).to_have_text("The server does not answer.")
    page.unroute("**/tiles/**")
    page.wait_for_function(
        "() => [...document.querySelectorAll('img.leaflet-tile')].some((tile) => tile.naturalWidth > 0)"
    )

    page.route("**/world.json*", lambda route: route.abort())
    page.goto(COMPARISON)
    expect(page.locator(".failure")).to_have_text("The server does not answer.")
    # A page may report a failed request after it showed the message.
    page.goto("about:blank")
    visitor.complaints.clear()


def test_profile_has_no_slope_into_the_void(visitor: Visitor, site: Site) -> None:
    page, world = visitor.page, site.world()
    row = world.grid.nearest(2000)
    ground = world.height[row - 1 : row + 2, : SIZE // 2]
    visit(page, f"{WORLD}#line=-14000,2000;0,2000")
    lowest = page.locator("#profile .figures div").filter(has_text="Lowest").locator("dd")
    assert number_in(lowest) >= ground[ground > -399].min() - SEA_LEVEL_M - 1


def test_invalid_link_shows_the_view_of_a_first_visit(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, WORLD)
    page.get_by_role("button", name="Whole world").click()
    expect(page).to_have_url(re.compile("#at="))
    first = page.url
    for link in ["at=1e300,0&zoom=3", "at=,&zoom=3", "at=0,0", "line=0,0;1e308,0", "line=1,", "style=__proto__&show=x"]:
        page.goto("about:blank")
        visit(page, f"{WORLD}#{link}")
        expect(page.locator("#profile")).to_be_hidden()
        page.get_by_role("button", name="Copy the link to this view").click()
        expect(page).to_have_url(first if "show" not in link else re.compile("style=map&show=$"))


def test_visitor_goes_to_typed_places(visitor: Visitor, screenshots: Path) -> None:
    page = visitor.page

    visit(page, WORLD)
    facts = page.request.get(f"{WORLD}world.json").json()
    peak = facts["peaks"][1]
    page.get_by_role("tab", name="Places").click()
    expect(page.locator(".chip")).to_have_text([re.compile(name) for name in (r"All\d", r"Peaks\d", r"Islands\d")])
    expect(page.get_by_label("Search places")).to_have_js_property("spellcheck", False)
    page.get_by_label("Search places").fill("peak 2")
    page.locator("#places .places button").first.click()
    expect(page.locator(".place-card")).to_contain_text(f"Height above the sea{peak['above_sea_m']:,.0f} m")
    expect(page).to_have_url(re.compile("zoom=4&.*place=peak-2"))
    expect(page.locator("#places .places button").first).to_have_attribute("aria-current", "true")
    page.screenshot(path=screenshots / "page_peak.png")
    page.go_back()
    expect(page.locator(".place-card")).to_be_hidden()
    page.locator(".leaflet-marker-icon[data-place='peak-2']").click()
    expect(page.locator(".place-card")).to_contain_text("Peak 2")
    page.locator(".place-card button").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{round(peak['x_m'])}, {round(peak['z_m'])}"

    page.keyboard.press("c")
    page.get_by_label("x, z in meters").fill("600 -300")
    page.keyboard.press("Enter")
    expect(page.locator("#readout .place")).to_have_text(f"x 600  z {MINUS}300")
    expect(page.locator("#readout .distance")).to_have_text("671 m")
    expect(page.locator("#readout .bearing")).to_have_text("117° ESE")
    status = page.locator("#readout").get_by_role("status")
    expect(status).to_have_text(re.compile(rf"^[A-Z][a-zA-Z ]+; [\d.]+ m above the sea; 600, {MINUS}300$"))


def test_world_with_unknown_rivers_shows_no_figures_of_rivers(visitor: Visitor) -> None:
    page = visitor.page

    def without_rivers(route: Route) -> None:
        facts = route.fetch().json()
        facts["statistics"] |= {"river_count": None, "stream_count": None}
        route.fulfill(body=json.dumps(facts), content_type="application/json")

    page.route("**/world.json*", without_rivers)
    visit(page, WORLD)
    expect(page.locator("#facts")).to_contain_text("Start land")
    expect(page.locator("#facts")).not_to_contain_text("Rivers")
    expect(page.locator("#facts")).not_to_contain_text("null")


def test_typed_coordinates_are_parsed_or_rejected(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, WORLD)
    page.keyboard.press("c")
    page.get_by_label("x, z in meters").fill("1e5, 3")
    page.keyboard.press("Enter")
    expect(page.locator("#goto output")).to_have_text("Write x and z in meters, such as 600, -100.")
    page.keyboard.press("Escape")
    expect(page.locator("#goto input")).not_to_be_focused()
    page.keyboard.press("x")
    status = page.locator("#readout").get_by_role("status")
    expect(status).to_have_text(re.compile(rf"^[A-Z].+; .+ m (above the sea|under water); {MINUS}?\d+, {MINUS}?\d+$"))
    expected = {text: place and {"x": place[0], "z": place[1]} for texts, place in READ.items() for text in texts}
    read = "texts => import('/static/js/geo.js').then((geo) => texts.map((text) => geo.parsePlace(text)))"
    assert dict(zip(expected, page.evaluate(read, list(expected)), strict=True)) == expected


def test_page_of_a_world_links_to_a_comparison(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, WORLD)
    page.get_by_role("button", name="Compare with another world").click()
    dialog = page.get_by_role("dialog", name="Compare with")
    for key, message in ((ONE, "the world of this page"), ("no seed", "1 to 32")):
        dialog.get_by_role("combobox").fill(key)
        dialog.get_by_role("button", name="Compare").click()
        expect(dialog.get_by_role("status")).to_contain_text(message)
    dialog.get_by_role("combobox").fill(OTHER)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(COMPARISON)))


def test_two_worlds_are_compared_at_one_pointer(visitor: Visitor, site: Site, screenshots: Path) -> None:
    page = visitor.page
    visit(page, "/")
    for key in (ONE, OTHER):
        page.get_by_role("button", name=f"Choose {key} to compare").click()
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page).to_have_url(re.compile(re.escape(COMPARISON)))
    visit(page, f"{COMPARISON}#at=0,0&zoom=3&style=biomes&show=grid")
    left, right = page.locator(".side-map").first, page.locator(".side-map").last
    for row, column in [(160, 161), (150, 172)]:
        point_at(page, left, site.world(), row, column)
        for readout, key in zip(page.locator(".readout").all(), (ONE, OTHER), strict=True):
            expect(readout).to_have_attribute("data-ready", "true")
            expect(readout.locator(".biome")).to_have_text(Biome(int(site.world(key).biome[row, column])).title)
    expect(right.locator("path.ghost")).to_be_visible()
    page.keyboard.press("x")
    for readout, key in zip(page.locator(".readout").all(), (ONE, OTHER), strict=True):
        expect(readout.get_by_role("status")).to_have_text(
            re.compile(rf"^{key}; [A-Z].+; .+ (above the sea|under water); \d, {MINUS}?\d$")
        )
    page.get_by_role("button", name="Help").click()
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("announce the biome")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    page.screenshot(path=screenshots / "page_compare.png")
    left.focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("at=14[34]"))
    box = right.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for readout in page.locator(".readout").all():
        assert number_in(readout.locator(".place")) == pytest.approx(1440, abs=PIXEL_M)
    page.get_by_role("button", name="Figures").click()
    expect(page.locator("#table")).to_contain_text("Highest peak")


def test_late_sample_of_a_former_place_is_not_shown(visitor: Visitor) -> None:
    page, held, is_left = visitor.page, list[Route](), False
    visit(page, f"{COMPARISON}#at=0,0&zoom=3&style=biomes&show=grid")

    def hold(route: Route) -> None:
        if is_left:
            route.continue_()
        else:
            held.append(route)

    page.route("**/data/**", hold)
    page.locator(".side-map").first.hover()
    for readout in page.locator(".readout").all():
        expect(readout.locator(".biome")).to_have_text("…")
    page.locator("h1").hover()
    is_left = True
    with page.expect_event("requestfinished"):
        for route in held:
            route.continue_()
    page.wait_for_load_state("networkidle")
    for readout in page.locator(".readout").all():
        expect(readout.locator(".idle")).to_be_visible()


def test_samples_of_a_rebuilt_world_are_not_shown(visitor: Visitor) -> None:
    page = visitor.page

    def made_again(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "etag": f'"{16 * "0"}-data-0-0"'})

    page.route("**/data/**", made_again)
    visit(page, WORLD)
    page.locator("#map").hover()
    expect(page.locator("#toast")).to_contain_text("This world was rebuilt. Reload the page")
    expect(page.locator("#readout .biome")).to_have_text("…")


@pytest.mark.parametrize("path", [WORLD, COMPARISON])
def test_page_that_cannot_be_shown_has_an_error(browser: Browser, site: Site, path: str) -> None:
    page = browser.new_context(base_url=site.address).new_page()
    error_body = json.dumps({"message": "A file is damaged; materialize extracted again."})
    page.route("**/world.json*", lambda route: route.fulfill(status=503, body=error_body))
    page.goto(path)
    expect(page.locator("main .failure")).to_have_text("A file is damaged; materialize extracted again.")
    page.context.close()


def test_worlds_with_different_zooms_are_compared_in_one_view(visitor: Visitor) -> None:
    page = visitor.page

    def of_another_program(route: Route) -> None:
        facts = route.fetch().json() | {"max_zoom": 3}
        route.fulfill(body=json.dumps(facts), content_type="application/json")

    page.route(f"**/{OTHER}/world.json", of_another_program)
    visit(page, f"{COMPARISON}#at=0,0&zoom=6.5&show=grid")
    scales = page.locator(".leaflet-control-scale-line")
    expect(scales).to_have_text(["100 m", "100 m"])


def test_gallery_finds_worlds_and_offers_others(visitor: Visitor, screenshots: Path) -> None:
    page = visitor.page
    visit(page, "/")
    cards = page.locator(".world h2")
    expect(cards).to_have_text([NUMBERED, OTHER, ONE])
    page.screenshot(path=screenshots / "page_gallery.png")
    rows = page.request.get("/worlds.json").json()
    peaks = {row[0]: row[rows["columns"].index("highest_peak_above_sea_m")] for row in rows["rows"]}
    page.get_by_label("Sort by").select_option("Highest peak above the sea")
    expect(cards).to_have_text(sorted(peaks, key=lambda key: -peaks[key]))
    page.get_by_role("button", name="the largest first").click()
    expect(page.get_by_role("button", name="the smallest first")).to_be_visible()
    expect(cards).to_have_text(sorted(peaks, key=lambda key: peaks[key]))
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("search")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    search = page.get_by_label("Search worlds", exact=False)
    islands = {row[0]: row[rows["columns"].index("islands")] for row in rows["rows"]}
    most = max(islands, key=lambda key: islands[key])
    search.fill(f"islands >= {islands[most]}")
    expect(cards).to_have_text([most])
    search.fill(f"ISLANDS < {islands[most]} and seed like '%'")
    expect(cards).to_have_count(2)
    for text, fault in {
        "ilands > 3": "did you mean islands",
        "islands > ": "cannot be used",
        "islands > 1 -- 2": "has a comment",
        "2000 > swampp": "did you mean swamp",
    }.items():
        search.fill(text)
        expect(page.locator("#hint")).to_contain_text(fault)
        expect(cards).to_have_count(0)
        expect(page.locator("#absent")).to_be_hidden()
    for seed, is_seed in {"@2147483647": True, "@2147483648": False, "@-2147483648": True, "@-0": False}.items():
        search.fill(seed)
        expect(page.locator("#absent")).to_contain_text(
            f"The world of {seed} is not stored." if is_seed else "@-2147483648 to @2147483647"
        )
    search.fill("NotYetMade")
    expect(page.locator("#absent")).to_contain_text("The world of NotYetMade is not stored.")
    search.fill(ONE)
    page.get_by_role("link", name=ONE).click()
    expect(page.locator("h1")).to_have_text(ONE)


@pytest.mark.parametrize("visitor", [{"color_scheme": "dark"}], indirect=True)
def test_dark_theme_follows_the_system_until_it_is_switched(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, "/")
    page.evaluate("localStorage.setItem('vwe-theme', 'unknown')")
    page.reload()
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    page.locator("body.ready").wait_for()
    page.keyboard.press("d")
    expect(root).to_have_attribute("data-theme", "light")
    visit(page, WORLD)
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Light or dark").click()
    expect(root).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("visitor", [PHONE], indirect=True)
def test_pages_fit_on_a_phone(visitor: Visitor, screenshots: Path) -> None:
    page = visitor.page
    for name, path in {"gallery": "/", "compare": COMPARISON, "world": WORLD}.items():
        visit(page, path)
        page.locator(".leaflet-tile-loaded, .world img").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 390, name
        page.screenshot(path=screenshots / f"page_phone_{name}.png")
    page.touchscreen.tap(315, 330)
    expect(page.locator("#readout .biome")).not_to_have_text("…")
    expect(page.locator("path.spot")).to_be_visible()
    page.get_by_role("button", name="Show more of the panel").click()
    page.locator("#legend li").first.scroll_into_view_if_needed()
    expect(page.locator("#legend li").first).to_be_in_viewport()
    page.get_by_role("tab", name="Places").click()
    expect(page.locator("#places .places li").first).to_be_in_viewport()
    for button in page.locator(".toolbar button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize("visitor", [SMALL, SIDEWAYS], ids=["small", "sideways"], indirect=True)
def test_buttons_are_not_covered_on_small_screens(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, COMPARISON)
    for button in page.locator(".compare-bar button:visible").all():
        button.click(trial=True)
    page.get_by_role("button", name="Layers").click()
    assert page.viewport_size is not None
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    visit(page, f"{WORLD}#line=-4000,2000;0,0;4000,1500")
    expect(page.locator("#profile .ground").first).to_be_attached()
    for button in page.locator("#profile button:visible, .toolbar button:visible").all():
        box = button.bounding_box()
        assert box is not None
        button.click(trial=True, position={"x": box["width"] - 8, "y": box["height"] / 2})
    page.get_by_role("button", name="Remove the line").click()
    expect(page.locator("#profile")).to_be_hidden()
    assert covered_tools(page) == []


@pytest.mark.parametrize("visitor", [{"viewport": {"width": 640, "height": 400}}], indirect=True)
def test_every_tool_of_an_enlarged_page_is_on_the_screen(visitor: Visitor) -> None:
    visit(visitor.page, WORLD)
    assert covered_tools(visitor.page) == []


def covered_tools(page: Page) -> list[str]:
    """Return the ids of the map's tools that something covers in part."""
    covered: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".toolbar button")].filter((button) => {
          const {left, right, top, bottom} = button.getBoundingClientRect();
          const isPressed = (y) => button.contains(document.elementFromPoint((left + right) / 2, y));
          return right > left && !(isPressed(top + 2) && isPressed(bottom - 2));
        }).map((button) => button.id)"""
    )
    return covered


@pytest.mark.parametrize("visitor", [PHONE], indirect=True)
def test_tool_lowers_the_sheet_that_would_cover_it(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, WORLD)
    for tool in ("Layers", "Measure"):
        page.get_by_role("tab", name="World").click()
        expect(page.locator("body")).to_have_attribute("data-sheet", "half")
        page.get_by_role("button", name=tool, exact=True).click()
        expect(page.locator("body")).to_have_attribute("data-sheet", "peek")
        page.keyboard.press("Escape")


@pytest.mark.parametrize("visitor", [{"viewport": {"width": 844, "height": 390}, "locale": "de-DE"}], indirect=True)
def test_cards_are_as_wide_as_their_content(visitor: Visitor) -> None:
    page = visitor.page
    # A turned phone shows the same point in the middle.
    visit(page, f"/worlds/%40{NUMBERED[1:]}/#at=1200,-600&zoom=4")
    assert page.locator(".head p").evaluate("title => title.scrollWidth <= title.clientWidth")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("canvas.chart").first).to_have_css("width", "390px")
    page.keyboard.press("g")
    expect(page).to_have_url(re.compile(r"at=1200(\.\d)?,-(600|599\.\d)&"))
    page.set_viewport_size({"width": 844, "height": 390})
    visit(page, "/")
    expect(page.locator(".world").first).to_be_visible()
    too_wide = page.locator(".world").evaluate_all("all => all.filter((each) => each.scrollWidth > each.clientWidth)")
    assert too_wide == []


def point_at(page: Page, view: Locator, world: CanonicalWorld, row: int, column: int) -> None:
    """Move the pointer to a sample of a world, in a view of zoom 3 around the center, and wait for the readout."""
    along = world.grid.coordinates()
    x, z = float(along[column]), float(along[row])
    box = view.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 + x / PIXEL_M, box["y"] + box["height"] / 2 - z / PIXEL_M)
    place = page.locator("#readout .place, .readout .place").first
    expect(place).to_have_text(re.compile(f"^x ({'|'.join(near(x))})  z ({'|'.join(near(z))})$"))
    expect(page.locator("#readout, .readout").first).to_have_attribute("data-ready", "true")


def near(meters: float) -> list[str]:
    """Return the page's notation of coordinates within a pixel of one."""
    around = np.arange(round(meters) - PIXEL_M, round(meters) + PIXEL_M + 1)
    return [f"{value:,.0f}".replace("-", MINUS) for value in around]


def number_in(element: Locator) -> float:
    """Return the first number in a text."""
    found = re.search(rf"{MINUS}?[\d,]+(?:\.\d+)?", element.inner_text())
    assert found is not None
    return float(found[0].replace(",", "").replace(MINUS, "-"))
