"""The tools of the tab *Plan*, the signs of the start and of coordinates, and the eyes of the legend."""

from __future__ import annotations

import heapq
import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import FloatRect, expect

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.islands import Landmasses
from vwe_dagster.engine.messages import LANDMARKS
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M, Grid
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.browsing import MINUS, PHONE, Visitor, click_at, visit
from vwe_dagster_tests.site.conftest import Site, served
from vwe_dagster_tests.worlds import publish_world

KEY, BARE, SIZE = "HHcLC5acQt", "bare", 256
"""The seeds of a world with locations and of one without, and the samples along each side of the first."""

WORLD = f"/worlds/{KEY}/"
MIDDLE = "#at=0,0&zoom=3&style=biomes&show="

SHADED = """
(points) => {
  const tiles = [...document.querySelectorAll("canvas.shade")].map((canvas) => ({
    width: canvas.width,
    box: canvas.getBoundingClientRect(),
    pixels: canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data,
  }));
  return points.map(([column, row]) => {
    const isIn = ({ left, right, top, bottom }) => column >= left && column < right && row >= top && row < bottom;
    const tile = tiles.find(({ box }) => isIn(box));
    if (!tile) return null;
    const part = (value, from, to) => Math.floor(((value - from) / (to - from)) * tile.width);
    const { left, right, top, bottom } = tile.box;
    return tile.pixels[4 * (part(row, top, bottom) * tile.width + part(column, left, right)) + 3] > 0;
  });
}
"""
"""Returns whether the layer over the map dims points of the window."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    store = WorldStore(tmp_path_factory.mktemp("plan"))
    publish_world(store, KEY, Grid.of_world(SIZE), locations=LANDMARKS)
    publish_world(store, BARE, Grid.of_world(64))
    with served(site_app(store)) as address:
        yield Site(address, store)


@pytest.fixture(scope="module")
def window_settings() -> dict[str, Any]:
    """Return the settings of windows in which moves of the map are not animated."""
    return {"reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def facts(site: Site) -> dict[str, Any]:
    """Return ``world.json``."""
    answer: dict[str, Any] = httpx.get(f"{site.address}{WORLD}world.json", timeout=PATIENCE_S).json()
    return answer


def test_eyes_dim_all_other_samples(visitor: Visitor, site: Site, screenshots: Path) -> None:
    page, world = visitor.page, site.world(KEY)
    visit(page, f"{WORLD}{MIDDLE}")
    page.get_by_role("button", name="Only Black Forest").press("Enter")
    page.get_by_role("button", name="Only Land").click()
    expect(page).to_have_url(re.compile("dim=BlackForest,land"))
    box = page.locator("#map").bounding_box()
    assert box is not None
    along = world.grid.coordinates()
    cells = [(row, column) for row in range(112, 144) for column in range(112, 144)]
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    points = [(middle[0] + float(along[column]) / 12, middle[1] - float(along[row]) / 12) for row, column in cells]

    def check_bright(bright: list[bool]) -> None:
        assert 0 < sum(bright) < len(bright)
        page.locator("canvas.shade.leaflet-tile-loaded").first.wait_for()
        assert page.evaluate(SHADED, points) == [not each for each in bright]

    forest = [world.biome[cell] == Biome.BLACK_FOREST for cell in cells]
    check_bright([bool(each and world.height[cell] >= SEA_LEVEL_M) for each, cell in zip(forest, cells, strict=True)])
    page.screenshot(path=screenshots / "plan_dim.png")
    page.reload()
    expect(page.get_by_role("button", name="Only Land")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Show everything").click()
    expect(page.locator("canvas.shade")).to_have_count(0)
    assert "dim=" not in page.url

    disc = Disc.of_world(world)
    first = world.grid.nearest(float(disc.coordinates_m[0]))
    landmasses = Landmasses.of_disc(disc).number
    islands = [int(landmasses[row - first, column - first]) for row, column in cells]
    two = [island for island, _ in Counter(filter(None, islands)).most_common(2)]
    page.get_by_role("button", name=re.compile("All .* islands")).click()
    for island in two:
        page.get_by_role("button", name=re.compile(rf"Only Island {island}\b")).press("Enter")
    expect(page).to_have_url(re.compile(f"dim=island-{two[0]},island-{two[1]}"))
    check_bright([island in two for island in islands])
    page.screenshot(path=screenshots / "plan_dim_islands.png")
    page.get_by_role("tab", name="World").click()
    page.get_by_role("button", name="Only Black Forest").click()
    check_bright([bool(each and island in two) for each, island in zip(forest, islands, strict=True)])


def test_second_press_at_the_same_point_meets_the_same_eye(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, f"{WORLD}{MIDDLE}")
    eye = page.locator("#islands .eye").last
    # Hovering waits until the layout is stable.
    eye.hover()
    box = eye.bounding_box()
    assert box is not None
    for pressed in ("true", "false"):
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(eye).to_have_attribute("aria-pressed", pressed)


def test_eye_in_the_popup_of_an_island_is_kept_in_the_link(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, f"{WORLD}{MIDDLE}")
    page.locator("#islands button:not(.eye)").first.click()
    page.locator(".leaflet-popup .eye").click()
    expect(page).to_have_url(re.compile("dim=island-"))


def test_start_boss_tour_and_nearest_places_are_shown(
    visitor: Visitor, facts: dict[str, Any], screenshots: Path
) -> None:
    page, (x, z) = visitor.page, facts["start"].values()
    visit(page, f"{WORLD}{MIDDLE}")
    expect(page.locator(".start-sign")).to_have_accessible_name("Start: new characters appear here")
    page.get_by_role("tab", name="Plan").click()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("tour=1"))
    expect(page.locator(".stop-sign")).to_have_text([str(number) for number in range(1, 8)])
    (tour,) = (
        each["value"] for group in facts["figures"] for each in group["figures"] if each["name"] == "boss_tour_km"
    )
    expect(page.locator("#pane-plan")).to_contain_text(f"{tour:.1f} km: the shortest way")
    stop = facts["boss_tour"][0]
    leg = math.hypot(stop["x_m"] - x, stop["z_m"] - z)
    expect(page.locator(".tour li").first).to_have_text(re.compile(rf"1Eikthyr{leg:,.0f} m"))

    kinds = {kind["label"]: kind for kind in facts["places"]["kinds"]}
    nearest = page.locator(".nearest li")
    expect(nearest.filter(has_text="Haldor")).to_be_visible()
    page.keyboard.press("v")
    page.get_by_role("button", name="Middle of the map").press("Enter")
    origin = re.search(r"from=([^&]+)", page.url)
    assert origin is not None
    center = [float(part) for part in origin[1].split(",")]
    places = httpx.get(f"{page.url.partition('#')[0]}places.json", timeout=PATIENCE_S).json()
    haldors = [
        math.hypot(x - center[0], z - center[1])
        for kind, x, z in zip(places["kind"], places["x"], places["z"], strict=True)
        if places["kinds"][kind] == kinds["Haldor"]["kind"]
    ]
    expect(nearest.filter(has_text="Haldor")).to_contain_text(f"{min(haldors):,.0f} m")
    page.screenshot(path=screenshots / "plan_tour.png")
    nearest.filter(has_text="Haldor").get_by_role("button").click()
    expect(page.locator(".place-card h2")).to_have_text("Haldor")


def test_world_without_locations_marks_the_center_as_its_start(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, f"/worlds/{BARE}/#at=900,900&zoom=2&show=")
    page.locator(".start-sign").press("Enter")
    expect(page).to_have_url(re.compile("at=144,-180&zoom=4"))
    page.get_by_role("tab", name="Plan").click()
    expect(page.locator("#plan h2")).to_have_text(["Sailing distance", "Pins and routes"])


def test_sailing_distance_is_that_of_the_shortest_way_over_water(
    visitor: Visitor, site: Site, screenshots: Path
) -> None:
    page, world = visitor.page, site.world(KEY)
    along = world.grid.coordinates()
    inside = np.hypot(along[:, None], along[None, :]) <= WORLD_RADIUS_M
    water = (world.height < SEA_LEVEL_M - 1) & inside
    costs = costs_of_ways(water, start := next(zip(*np.nonzero(water), strict=True)))
    far = np.unravel_index(int(np.where(costs < np.inf, costs, -1).argmax()), costs.shape)
    lake = next(zip(*np.nonzero(water & (costs == np.inf)), strict=True))

    def link(*cells: tuple[Any, ...]) -> str:
        return ";".join(f"{along[column]:.1f},{along[row]:.1f}" for row, column in cells)

    visit(page, f"{WORLD}#at=0,0&zoom=1&show=&sail={link(start, far)}")
    page.get_by_role("tab", name="Plan").click()
    expect(page.locator(".sailing")).to_contain_text(f"By ship{costs[far] * world.grid.cell_m / 1000:.2f} km")
    expect(page.locator("path.sail-line")).to_be_attached()
    page.screenshot(path=screenshots / "plan_sailing.png")
    page.goto(f"{WORLD}#at=0,0&zoom=1&show=&sail={link(start, lake)}")
    expect(page.locator(".sailing")).to_contain_text("No way by water.")

    page.get_by_role("button", name="Choose two points").press("Enter")
    page.get_by_role("button", name="Middle of the map").press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator("#pick")).to_be_hidden()
    assert "sail=" not in page.url


def test_pins_and_routes_are_kept_shared_exported_and_imported(
    visitor: Visitor, tmp_path: Path, screenshots: Path
) -> None:
    page, hostile = visitor.page, "<img src=x onerror=alert(1)>;,&#\u202e"
    visit(page, f"{WORLD}{MIDDLE}")
    page.keyboard.press("a")
    click_at(page, 600, -120)
    page.get_by_label("Name").fill(hostile)
    page.get_by_label("Note").fill("Copper & tin\nhere")
    page.get_by_label("Blue").check()
    page.get_by_role("button", name="Save").click()
    page.keyboard.press("m")
    click_at(page, -1200, 600)
    click_at(page, 1200, 600)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Keep the line as a route").click()
    page.get_by_label("Name").press("Enter")
    page.get_by_role("tab", name="Plan").click()
    names = page.locator(".pins strong")
    expect(names).to_have_text([hostile[:-1], "Route"])
    page.locator(".pin-sign").press("Enter")
    expect(page.locator(".place-card .note")).to_have_text("Copper & tin\nhere")
    page.screenshot(path=screenshots / "plan_pins.png")
    page.reload()
    page.get_by_role("tab", name="Plan").click()
    expect(names).to_have_text([hostile[:-1], "Route"])

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    exported = tmp_path / "pins.geojson"
    download.value.save_as(exported)
    content = json.loads(exported.read_text())
    assert (content["vwe"]["version"], content["vwe"]["seed_number"]) == (1, parse_seed(KEY).number)
    assert content["features"][0]["geometry"] == {"type": "Point", "coordinates": [600, -120]}
    page.get_by_role("button", name="Copy the link").click()
    shared = page.evaluate("navigator.clipboard.readText()")

    page.get_by_role("button", name="Delete Route").click()
    expect(names).to_have_count(1)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(names).to_have_text([hostile[:-1], "Route"])
    for name in (hostile[:-1], "Route"):
        page.get_by_role("button", name=f"Delete {name}", exact=True).click()
    expect(names).to_have_count(0)

    page.goto(shared)
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(names).to_have_text([hostile[:-1], "Route"])
    content["features"] = [*content["features"], {"geometry": {"type": "Point", "coordinates": [1e9, "x"]}}]
    content["features"][1]["properties"]["name"] = "Renamed"
    exported.write_text(json.dumps(content))
    page.locator("#pane-plan input[type=file]").set_input_files(exported)
    expect(page.locator("#toast")).to_have_text("Imported 1 pin or route.")
    expect(names).to_have_text([hostile[:-1], "Route", "Renamed"])
    exported.write_text(json.dumps(content | {"vwe": {"version": 1, "seed_number": 7}}))
    page.locator("#pane-plan input[type=file]").set_input_files(exported)
    expect(page.locator("#toast")).to_contain_text("seed number 7")


def test_invalid_pins_of_a_link_are_left_out(visitor: Visitor) -> None:
    page, valid = visitor.page, "0,valid,,1,2"
    invalid = ["9,,,1", "0,%,x,1,2", "0,a,b,1e9,5", "0,a,b,NaN,1", "", "", "__proto__,a,b,1"]
    for pins, shown in ((";".join([*invalid, valid, "1,,,50,60"]), 2), (f"{valid};0,{'a' * 5000},,1,2", 0)):
        page.goto("about:blank")
        visit(page, f"/worlds/{BARE}/#at=0,0&zoom=1&show=&pins={pins}")
        expect(page.locator(".pin-sign")).to_have_count(shown)
        # A pin without a name is called "Pin".
        expect(page.get_by_role("button", name="Pin", exact=True)).to_have_count(shown // 2)


def test_pins_of_an_unknown_version_are_reported(visitor: Visitor, tmp_path: Path) -> None:
    # JavaScript cannot convert this version to a text.
    content = {"type": "FeatureCollection", "features": [], "vwe": {"version": {"toString": 1}}}
    file = tmp_path / "pins.geojson"
    file.write_text(json.dumps(content))
    visit(visitor.page, f"/worlds/{BARE}/")
    visitor.page.locator("#pane-plan input[type=file]").set_input_files(file)
    expect(visitor.page.locator("#toast")).to_contain_text('version {"toString":1}')


def test_pins_beyond_the_limits_of_a_world_and_of_a_link_are_reported(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    points = [{"type": "Point", "coordinates": [10 * number, 0]} for number in range(600)]
    file = tmp_path / "pins.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [{"geometry": point} for point in points]}))
    visit(page, f"/worlds/{BARE}/")
    page.locator("#pane-plan input[type=file]").set_input_files(file)
    expect(page.locator("#toast")).to_have_text("Imported 500 pins and routes. A world can have 500.")
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#toast")).to_contain_text(re.compile(r"The link has the first \d+ of 500 pins"))


@pytest.mark.parametrize("visitor", [PHONE], indirect=True)
def test_places_gone_to_are_marked_and_kept_as_pins_on_a_phone(visitor: Visitor, screenshots: Path) -> None:
    page = visitor.page
    visit(page, f"{WORLD}{MIDDLE}")
    page.get_by_role("button", name="Go to coordinates").tap()
    page.locator("#goto input").fill("600, -100")
    page.locator("#goto input").press("Enter")
    expect(page).to_have_url(re.compile("go=600,-100"))
    page.reload()
    sign = page.get_by_role("button", name=f"Marked place 600, {MINUS}100")
    sign.tap()
    page.get_by_role("button", name="Keep as a pin").tap()
    page.get_by_role("button", name="Save").tap()
    expect(page.locator(".pin-sign")).to_be_visible()
    sign.press("Enter")
    page.get_by_role("button", name="Remove the mark").tap()
    expect(sign).to_have_count(0)
    assert "go=" not in page.url
    page.get_by_role("tab", name="Plan").tap()
    page.get_by_role("button", name="Show on the map").tap()
    page.evaluate("location.hash = '#at=0,0&zoom=0.5&show=peak,island&tour=1'")
    page.wait_for_url("**zoom=0.5**")
    labels = page.locator(".stop-sign:not([hidden]) span, .measure-label:not([hidden]) span, .start-sign span")
    boxes = [box for label in labels.all() if (box := label.bounding_box()) is not None]
    assert len(boxes) > 7
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))
    page.get_by_role("tab", name="Plan").tap()
    page.get_by_role("button", name="Choose two points").tap()
    expect(page.locator("#pick")).to_be_in_viewport(ratio=1)
    for button in page.locator("#pick button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.screenshot(path=screenshots / "plan_phone.png")


def overlap(one: FloatRect, other: FloatRect) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def costs_of_ways(water: np.ndarray[Any, np.dtype[np.bool_]], start: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """Return the costs of the cheapest ways over water to all cells: a side is 1, a corner 17/12."""
    costs = np.full(water.shape, np.inf)
    open_cells = [(0.0, start)]
    costs[start] = 0
    while open_cells:
        cost, (row, column) = heapq.heappop(open_cells)
        for by_row, by_column in [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]:
            cell = row + by_row, column + by_column
            further = cost + (1 if 0 in (by_row, by_column) else 17 / 12)
            if water[cell] and further < costs[cell] - 1e-9:
                costs[cell] = further
                heapq.heappush(open_cells, (further, cell))
    return costs


def test_pins_that_a_later_version_stored_are_not_overwritten(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, f"/worlds/{BARE}/{MIDDLE}")
    key = page.evaluate(
        "fetch('world.json').then((answer) => answer.json()).then((facts) => `vwe-pins-${facts.number}`)"
    )
    later = json.dumps({"type": "FeatureCollection", "features": [], "vwe": {"version": 99}})
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, later])
    page.reload()
    page.locator("body.ready").wait_for()
    page.keyboard.press("a")
    click_at(page, 600, -120)
    page.get_by_label("Name").fill("Base")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_contain_text("does not store the pins")
    assert page.evaluate("(key) => localStorage.getItem(key)", key) == later


COVERED = """
() => {
  const canvas = document.querySelector("canvas.locations");
  const origin = canvas.getBoundingClientRect();
  const scale = canvas.width / origin.width;
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const hasSign = ({ left, top, width, height }) =>
    context
      .getImageData((left - origin.left) * scale, (top - origin.top) * scale, width * scale, height * scale)
      .data.some((value, index) => index % 4 === 3 && value > 0);
  const boxesOf = (selector) => [...document.querySelectorAll(selector)]
    .filter((each) => each.checkVisibility({ visibilityProperty: true }))
    .map((each) => each.getBoundingClientRect());
  const labels = boxesOf(".place.peak .icon, .place.island span, .place.peak.labelled span");
  const above = boxesOf(".pin-sign .icon, .pin-sign span, .start-sign .icon, .start-sign span");
  const meets = (one, other) => one.left < other.right && other.left < one.right &&
    one.top < other.bottom && other.top < one.bottom;
  return {
    count: labels.length,
    covered: labels.filter((one) => hasSign(one) || above.some((other) => meets(one, other))).length,
    names: [...document.querySelectorAll(".pin-sign span")]
      .filter((each) => each.checkVisibility({ visibilityProperty: true })).map((each) => each.textContent),
  };
}
"""
"""Returns how many signs of peaks and islands are visible, and how many of these cover other signs."""


def test_peaks_and_islands_give_way_to_signs_and_pins(visitor: Visitor, facts: dict[str, Any]) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#at=0,0&zoom=1.5&style=map&show=peak,island,boss,trader")
    expect(page.locator("canvas.locations")).to_be_visible()
    page.wait_for_function(f"() => ({COVERED})().count > 0")
    assert page.evaluate(COVERED)["covered"] == 0
    # One pin covers the sign of a peak and the name of the other pin.
    shown = page.locator(".place.peak").first
    peak = facts["peaks"][int((shown.get_attribute("data-place") or "").removeprefix("peak-")) - 1]
    x, z = round(peak["x_m"]), round(peak["z_m"])
    pins = f"0,First,,{x},{z};1,Second,,{x + 40},{z}"
    page.evaluate(f"location.hash = 'at=0,0&zoom=1.5&style=map&show=peak,island&pins={pins}'")
    expect(page.locator(".pin-sign")).to_have_count(2)
    found = page.evaluate(COVERED)
    assert (found["covered"], found["names"]) == (0, ["First"])
    expect(page.locator(f".place[data-place=peak-{peak['peak']}]")).to_have_count(0)
    page.locator(".pin-sign").nth(1).hover()
    assert page.evaluate(COVERED)["names"] == ["First", "Second"]
