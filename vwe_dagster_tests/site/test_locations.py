"""Altars, traders and dungeons on the page of a world that has all of them."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Request, expect

from vwe_dagster.analysis.columns import BOSSES
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.rendering.icons import icon_path
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.export import write_site
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster.store.stages import read_processed
from vwe_dagster.world.canonical import LOCATION_COLUMNS
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.browsing import MINUS, PHONE, PIXEL_M, Visitor, click_at, plain_server, visit
from vwe_dagster_tests.site.conftest import Site, served
from vwe_dagster_tests.worlds import plateau_world, publish_imported, publish_world

KEY, BARE = "full", "bare"
"""The seeds of a world with all locations, and of one without any."""

WORLD = f"/worlds/{KEY}/"

MODDED = ("<img src=x>", "constructor")
"""Prefabs that only a modded game has."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    store = WorldStore(tmp_path_factory.mktemp("locations"))
    world = dataclasses.replace(plateau_world(Grid.of_world(128)), locations=scattered_locations())
    publish_imported(store, KEY, world)
    publish_world(store, BARE, Grid.of_world(64))
    with served(site_app(store)) as address:
        yield Site(address, store)


@pytest.fixture(scope="module")
def window_settings() -> dict[str, Any]:
    """Return the settings of windows in which moves of the map are not animated."""
    return {"reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def places(site: Site) -> pd.DataFrame:
    """Return the table of places of the world, with the ids that the page has for them."""
    manifest = site.store.manifest(parse_seed(KEY), "processed")
    assert manifest is not None
    table = read_processed(site.store, manifest).places
    assert table is not None
    rank = table.groupby("kind").cumcount() + 1
    return table.assign(id=table["kind"] + "-" + rank.astype(str))


def test_places_json_has_the_columns_of_the_table(site: Site, places: pd.DataFrame) -> None:
    columns = httpx.get(f"{site.address}{WORLD}places.json", timeout=PATIENCE_S).json()
    assert len(columns["x"]) == len(places) > 12_000
    for name in ("kind", "prefab"):
        assert np.array(columns[f"{name}s"])[columns[name]].tolist() == places[name].tolist()
    for name in ("x", "z"):
        assert columns[name] == np.rint(places[f"{name}_m"]).tolist()
    for name in ("candidate", "placed"):
        assert columns[name] == places[name].astype(int).tolist()


def test_world_json_has_a_summary_of_each_kind(site: Site, places: pd.DataFrame) -> None:
    facts = httpx.get(f"{site.address}{WORLD}world.json", timeout=PATIENCE_S).json()
    summary = facts["places"]
    assert (summary["count"], summary["table"]) == (len(places), None)
    assert {kind["kind"]: kind["count"] for kind in summary["kinds"]} == places.groupby("kind").size().to_dict()
    (haldor,) = (kind for kind in summary["kinds"] if kind["kind"] == "haldor")
    nearest = places[places["kind"] == "haldor"].iloc[0]
    assert (haldor["label"], haldor["group"], haldor["shown"], haldor["candidates"]) == ("Haldor", "trader", True, 10)
    assert summary["icons"][haldor["icon"]] == icon_path("haldor")
    assert (haldor["nearest_m"], haldor["nearest_x_m"]) == (round(nearest["distance_m"]), round(nearest["x_m"]))
    assert not {"places", "biomes"} & facts["statistics"].keys()


def test_boss_tour_has_the_length_of_the_column(site: Site, places: pd.DataFrame) -> None:
    facts = httpx.get(f"{site.address}{WORLD}world.json", timeout=PATIENCE_S).json()
    spawn = places[places["kind"] == "spawn"].iloc[0]
    assert facts["start"] == pytest.approx({"x_m": spawn["x_m"], "z_m": spawn["z_m"]}, abs=0.06)
    assert tuple(stop["kind"] for stop in facts["boss_tour"]) == BOSSES
    altars = {(kind, round(x, 1), round(z, 1)) for kind, x, z in places[["kind", "x_m", "z_m"]].itertuples(index=False)}
    stops = [tuple(stop.values()) for stop in facts["boss_tour"]]
    assert set(stops) <= altars
    way = np.array([tuple(facts["start"].values()), *(stop[1:] for stop in stops)])
    length_km = np.hypot(*np.diff(way, axis=0).T).sum() / 1000
    (shown,) = (
        each["value"] for group in facts["figures"] for each in group["figures"] if each["name"] == "boss_tour_km"
    )
    assert shown == pytest.approx(length_km, abs=0.05)
    assert httpx.get(f"{site.address}/worlds/{BARE}/world.json", timeout=PATIENCE_S).json()["boss_tour"] is None


def test_places_are_packed_and_kept_for_good(site: Site) -> None:
    with httpx.Client(base_url=site.address, timeout=PATIENCE_S) as client:
        version = client.get(f"{WORLD}world.json").json()["version"]
        answer = client.get(f"{WORLD}places.json", params={"v": version})
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < 100_000
        known = {"if-none-match": answer.headers["etag"]}
        assert client.get(f"{WORLD}places.json", headers=known).status_code == 304


def test_site_of_plain_files_has_the_places_of_the_world(site: Site, tmp_path: Path, visitor: Visitor) -> None:
    for key in (KEY, BARE):
        (tmp_path / key).mkdir()
        write_site(tmp_path / key, site.store, parse_seed(key), max_zoom=0)
    file = tmp_path / KEY / "worlds" / KEY / "places.json"
    assert file.read_bytes() == httpx.get(f"{site.address}{WORLD}places.json", timeout=PATIENCE_S).content
    assert not (tmp_path / BARE / "worlds" / BARE / "places.json").exists()
    with plain_server(tmp_path / KEY) as address:
        visit(visitor.page, f"{address}/worlds/{KEY}/#place=haldor-1")
        expect(visitor.page.locator(".place-card h2")).to_have_text("Haldor")
    page = tmp_path / KEY / "worlds" / KEY / "index.html"
    visit(visitor.page, f"{page.as_uri()}#place=haldor-1")
    expect(visitor.page.locator(".place-card h2")).to_have_text("Haldor")
    visitor.hosts -= {address.removeprefix("http://"), ""}
    visitor.hosts.add(site.address.removeprefix("http://"))


def test_first_visit_shows_bosses_traders_and_the_start(
    visitor: Visitor, places: pd.DataFrame, screenshots: Path
) -> None:
    page = visitor.page
    visit(page, WORLD)
    open_places(page)
    first = places[places["group"].isin(["boss", "trader"]) | (places["kind"] == "spawn")]
    expect(page.locator(".chosen")).to_contain_text(f"{len(first)} of {len(places):,} on the map")
    for name, pressed in {"Bosses": "true", "Traders": "true", "Dungeons": "false", "Other places": "mixed"}.items():
        expect(chip(page, name)).to_have_attribute("aria-pressed", pressed)
    expect(page.locator("#places .places li", has_text="Haldor")).to_have_count(10)
    page.screenshot(path=screenshots / "locations_first.png")
    # The sign is at its place on the map only.
    haldor = places[places["id"] == "haldor-1"].iloc[0]
    look_at(page, haldor, show="trader")
    press_middle(page)
    expect(page.locator(".place-card h2")).to_have_text("Haldor")
    look_at(page, haldor, show="grid")
    press_middle(page)
    expect(page.locator("#readout .place")).to_have_text(re.compile(rf"^x {MINUS}?[\d,]+"))
    expect(page.locator(".place-card")).to_be_hidden()


def test_popup_explains_candidates_and_copies_the_console_command(
    visitor: Visitor, places: pd.DataFrame, screenshots: Path
) -> None:
    page = visitor.page
    haldor = places[places["id"] == "haldor-2"].iloc[0]
    x, z = round(haldor["x_m"]), round(haldor["z_m"])
    visit(page, f"{WORLD}#at={x},{z}&zoom=6&place=haldor-2")
    card = page.locator(".place-card")
    expect(card).to_contain_text("One of these 10 becomes Haldor: the one whose zone is explored first.")
    expect(card).to_contain_text("The game's nameVendor_BlackForest")
    card.get_by_role("button", name=f"goto {x} {z}").click()
    assert copied(page) == f"goto {x} {z}"
    card.locator("button.text").first.click()
    assert copied(page) == f"{x}, {z}"
    card.get_by_role("button", name="Show all 10").click()
    all_ten = places[places["kind"] == "haldor"]
    expect(page).to_have_url(re.compile(r"zoom=[12]\b.*place=haldor-2"))
    page.screenshot(path=screenshots / "locations_candidates.png")
    middle = re.search(r"at=([-\d.]+),([-\d.]+)&zoom=([\d.]+)", page.url)
    assert middle is not None
    assert float(middle[1]) == pytest.approx((all_ten["x_m"].min() + all_ten["x_m"].max()) / 2, abs=2500)
    page.goto("about:blank")
    visit(page, f"{WORLD}#place=eikthyr-1")
    expect(card).to_contain_text("Eikthyr")
    expect(card).not_to_contain_text("becomes")


def test_places_are_clustered_and_a_cluster_opens_its_places(
    visitor: Visitor, places: pd.DataFrame, screenshots: Path
) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#at=0,0&zoom=1.75&show=grid")
    open_places(page)
    assert sign_pixels(page) == 0
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator(".chosen")).to_contain_text(f"{len(places):,} of {len(places):,} on the map")
    expect(page).to_have_url(re.compile("show=grid,peak,island,boss,trader,dungeon,camp,resource,ruin,other"))
    assert sign_pixels(page) > 10_000
    page.screenshot(path=screenshots / "locations_all.png")
    for group in ("Peaks", "Islands", "Bosses", "Traders"):
        chip(page, group).click()
    zooms = [zoom_of_link(page)]
    while (found := pixel_near_middle(page, "--panel")) is not None:
        before = page.url
        page.mouse.click(*found)
        expect(page).not_to_have_url(before)
        zooms.append(zoom_of_link(page))
    assert zooms == sorted(set(zooms))
    assert len(zooms) > 1
    found = pixel_near_middle(page, "--sign-paper")
    assert found is not None
    page.mouse.click(*found)
    expect(page.locator(".place-card")).to_be_visible()
    page.get_by_role("button", name="Whole world").click()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator(".chosen")).to_contain_text(f"0 of {len(places):,} on the map")
    expect(page.locator("#places .places li")).to_have_count(0)
    expect(page.locator("#places")).to_contain_text("The map shows no places.")


def test_single_kinds_can_be_selected_and_are_in_the_link(visitor: Visitor, places: pd.DataFrame) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#at=0,0&zoom=1.75&show=boss")
    open_places(page)
    expect(page.locator("#kinds")).to_be_hidden()
    page.get_by_role("button", name="Choose kinds").click()
    dungeons = page.locator("#kinds").get_by_role("group", name="Dungeons")
    for kind in ("Sunken crypt", "Troll cave"):
        dungeons.get_by_role("button", name=re.compile(f"^{kind}")).click()
    page.locator("#kinds").get_by_role("button", name=re.compile("^Fader")).click()
    page.locator("#kinds").get_by_role("button", name=re.compile("^Other location")).click()
    expect(chip(page, "Bosses")).to_have_attribute("aria-pressed", "mixed")
    expect(page).to_have_url(re.compile("show=[a-z_,]*,sunken_crypt,troll_cave,other-kind"))
    bosses = places[(places["group"] == "boss") & (places["kind"] != "fader")]
    others = places["kind"].isin(["sunken_crypt", "troll_cave", "other"])
    shown = pd.concat([bosses, places[others]]).sort_values("distance_m")
    expect(page.locator(".chosen")).to_contain_text(f"{len(shown)} of")
    expect(page.locator("#places .places strong").first).to_have_text(
        shown.iloc[0]["label"] if shown.iloc[0]["kind"] != "other" else shown.iloc[0]["prefab"]
    )
    titles = page.locator("#places .places strong").all_text_contents()
    page.reload()
    page.locator("body.ready").wait_for()
    open_places(page)
    expect(page.locator(".chosen")).to_contain_text(f"{len(shown)} of")
    expect(page.locator("#places .places strong").first).to_be_visible()
    assert page.locator("#places .places strong").all_text_contents() == titles
    page.go_back()
    expect(page.locator(".chosen")).to_contain_text(f"{len(shown) - sum(places['kind'] == 'other')} of")


def test_search_finds_every_place_and_offers_its_kind(visitor: Visitor, places: pd.DataFrame) -> None:
    page = visitor.page
    visit(page, WORLD)
    page.keyboard.press("/")
    page.keyboard.type("frost cave")
    caves = places[places["kind"] == "frost_cave"]
    expect(page.locator("#places .places strong").first).to_have_text("Frost cave")
    expect(page.locator("#kinds button:visible")).to_have_text([re.compile(f"^Frost cave{len(caves)}$")])
    page.locator("#kinds button:visible").click()
    expect(page).to_have_url(re.compile("frost_cave"))
    expect(page.locator("#places .places small").nth(1)).to_have_text(re.compile("°"))
    page.locator("#places .places button").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("place=frost_cave-1"))
    expect(page.locator(".place-card h2")).to_have_text("Frost cave")
    expect(page.locator("#places .places button").first).to_have_attribute("aria-current", "true")
    # The game's own names are found, too.
    page.get_by_label("Search places").fill("mountaincave02")
    expect(page.locator("#kinds button:visible")).to_have_text([re.compile("^Frost cave")])
    expect(page.locator("#places .places strong").first).to_have_text("Frost cave")
    page.get_by_label("Search places").fill("no such place")
    expect(page.locator("#places")).to_contain_text("No place has this name.")
    page.get_by_label("Search places").fill("")
    expect(page.locator("#kinds")).to_be_hidden()


def test_list_grows_as_it_is_scrolled(visitor: Visitor, places: pd.DataFrame) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#show=ruin")
    open_places(page)
    items = page.locator("#places .places li")
    expect(items.first).to_be_visible()
    count = items.count()
    assert count < sum(places["group"] == "ruin")
    items.last.scroll_into_view_if_needed()
    expect(items.nth(count)).to_be_attached()


def test_list_is_sorted_by_distance_from_the_pointer(visitor: Visitor, places: pd.DataFrame) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#at=0,0&zoom=3&show=camp")
    open_places(page)
    camps = places[places["group"] == "camp"]

    def nearest(x: float, z: float) -> list[str]:
        order = np.hypot(camps["x_m"].to_numpy() - x, camps["z_m"].to_numpy() - z).argsort()
        return camps["id"].to_numpy()[order[:3]].tolist()  # type: ignore[no-any-return]

    def expect_listed(ids: list[str]) -> None:
        for index, name in enumerate(ids):
            expect(page.locator("#places .places li").nth(index)).to_have_attribute("data-place", name)

    expect_listed(nearest(0, 0))
    page.get_by_label("Order").select_option("Nearest to the pointer")
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 + 2400 / PIXEL_M, box["y"] + box["height"] / 2 + 1800 / PIXEL_M)
    expect_listed(nearest(2400, -1800))
    # On its way to the list the pointer passes other places.
    page.mouse.move(20, 700, steps=8)
    page.wait_for_timeout(600)
    expect_listed(nearest(2400, -1800))
    page.get_by_label("Order").select_option("Nearest to the middle of the map")
    page.keyboard.press("c")
    page.get_by_label("x, z in meters").fill("-3000, 2500")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"at=-\d+"))
    middle = re.search(r"at=([-\d.]+),([-\d.]+)", page.url)
    assert middle is not None
    expect_listed(nearest(float(middle[1]), float(middle[2])))
    page.locator("#places .places button").nth(2).focus()
    opened = page.locator("#places .places li").nth(2).get_attribute("data-place")
    page.keyboard.press("Enter")
    expect(page.locator("#places .places li").first).to_have_attribute("data-place", str(opened))
    expect(page.locator("#places .places button").first).to_be_focused()


def test_keys_show_and_hide_groups(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, WORLD)
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("trader,dungeon,spawn"))
    page.keyboard.press("b")
    expect(page).to_have_url(re.compile("show=grid,peak,trader,dungeon,spawn"))
    page.get_by_role("button", name="Layers").click()
    others = page.get_by_role("checkbox", name="Other places")
    expect(others).to_have_js_property("indeterminate", True)
    others.check()
    expect(others).to_have_js_property("indeterminate", False)
    expect(page).to_have_url(re.compile("trader,dungeon,other"))


def test_places_are_read_only_when_they_are_needed(visitor: Visitor) -> None:
    page, asked = visitor.page, list[str]()

    def hear(request: Request) -> None:
        if "places.json" in request.url:
            asked.append(request.url)

    page.on("request", hear)
    visit(page, f"{WORLD}#show=grid,peak,island")
    page.wait_for_load_state("networkidle")
    assert asked == []
    open_places(page)
    page.get_by_label("Search places").fill("haldor")
    expect(page.locator("#places .places li")).to_have_count(10)
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    assert len(asked) == 1


def test_places_that_cannot_be_read_are_requested_again(visitor: Visitor) -> None:
    page = visitor.page
    error_body = json.dumps({"message": "A file is damaged; materialize processed again."})
    page.route("**/places.json*", lambda route: route.fulfill(status=503, body=error_body))
    visit(page, WORLD)
    expect(page.locator("#toast")).to_have_text("A file is damaged; materialize processed again.")
    page.unroute("**/places.json*")
    open_places(page)
    expect(page.locator("#places .places li", has_text="Haldor")).to_have_count(10)
    assert all("503" in complaint for complaint in visitor.complaints)
    visitor.complaints.clear()


def test_measured_line_continues_at_the_sign_of_a_location(visitor: Visitor, places: pd.DataFrame) -> None:
    page = visitor.page
    eikthyr = places[places["id"] == "eikthyr-1"].iloc[0]
    x, z = round(eikthyr["x_m"]), round(eikthyr["z_m"])
    visit(page, f"{WORLD}#at={x},{z}&zoom=3&show=boss")
    settle(page)
    page.get_by_role("button", name="Measure").click()
    # A little beside the middle of the sign; there is no sign 1200 m to the east.
    click_at(page, 3 * PIXEL_M, 3 * PIXEL_M)
    click_at(page, 1200, 0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(f"line={x},{z};")))
    expect(page.locator(".place-card")).to_be_hidden()


def test_names_of_modded_locations_are_not_interpreted_as_html(visitor: Visitor, places: pd.DataFrame) -> None:
    page = visitor.page
    for name in MODDED:
        modded = places[places["prefab"] == name].iloc[0]
        look_at(page, modded, show="other-kind")
        point_at_middle(page)
        expect(page.locator(".leaflet-tooltip")).to_have_text(name)
        press_middle(page)
        expect(page.locator(".place-card h2")).to_have_text(name)


def test_link_opens_a_place_of_a_hidden_kind(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#at=0,0&zoom=3&show=grid&place=sunken_crypt-3")
    expect(page.locator(".place-card h2")).to_have_text("Sunken crypt")
    assert sign_pixels(page) > 0
    page.keyboard.press("Escape")
    expect(page.locator(".place-card")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("place="))
    assert sign_pixels(page) == 0


def test_last_of_many_fast_moves_is_shown(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#at=0,0&zoom=3&show=other")
    page.locator("#map").hover()
    page.evaluate(
        """() => {
            const box = document.querySelector("#map").getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            for (const step of [0, 1, 2, 3, 4, 5]) {
                const at = { clientX: x + 10 * step, clientY: y, bubbles: true };
                document.elementFromPoint(at.clientX, y).dispatchEvent(new MouseEvent("mousemove", at));
            }
        }"""
    )
    expect(page.locator("#readout .place")).to_have_text(re.compile(r"x 600\b"))


def test_world_without_locations_has_no_chips(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, f"/worlds/{BARE}/")
    page.get_by_role("tab", name="Places").click()
    expect(page.locator(".chip")).to_have_text([re.compile(name) for name in (r"All\d", r"Peaks\d", r"Islands\d")])
    expect(page.locator("#places")).not_to_contain_text("candidates")
    page.get_by_role("button", name="Layers").click()
    expect(page.get_by_label("Peaks")).to_be_visible()
    expect(page.get_by_label("Bosses")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("show=grid&|show=grid$"))


def test_page_states_the_limits_and_links_to_the_documentation(visitor: Visitor) -> None:
    page = visitor.page
    visit(page, WORLD)
    open_places(page)
    expect(page.locator("#pane-places")).to_contain_text(
        "Hollow icons are candidates. Rotation and interiors are unknown. "
        "A world that was played or re-rolled may differ."
    )
    more = page.get_by_role("link", name="More about locations")
    expect(more).to_have_attribute("href", re.compile(r"/docs/explanation/locations\.md$"))


@pytest.mark.parametrize("visitor", [PHONE], indirect=True)
def test_locations_are_found_on_a_phone(visitor: Visitor, places: pd.DataFrame, screenshots: Path) -> None:
    page = visitor.page
    visit(page, WORLD)
    page.get_by_role("tab", name="Places").click()
    page.get_by_role("button", name="Show more of the panel").click()
    page.get_by_role("button", name="All", exact=True).tap()
    expect(page.locator(".chosen")).to_contain_text(f"{len(places):,} of {len(places):,} on the map")
    page.get_by_role("button", name="Choose kinds").tap()
    page.wait_for_timeout(400)
    page.screenshot(path=screenshots / "locations_phone_kinds.png")
    for each in page.locator(".chip:visible").all():
        box = each.bounding_box()
        assert box is not None
        assert box["height"] >= 40
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_label("Search places").fill("haldor")
    expect(page.locator(".chosen")).to_be_hidden()
    page.locator("#places .places button").first.tap()
    page.locator(".leaflet-popup-close-button").tap()
    page.get_by_role("tab", name="Places").tap()
    page.get_by_label("Search places").fill("bonemass")
    page.locator("#places .places button").first.tap()
    card = page.locator(".place-card")
    expect(card.locator("h2")).to_have_text("Bonemass")
    page.wait_for_timeout(1200)
    page.screenshot(path=screenshots / "locations_phone_popup.png")
    expect(card.get_by_role("button", name="goto")).to_be_in_viewport(ratio=1)
    card.get_by_role("button", name="goto").tap()
    bonemass = places[places["id"] == "bonemass-1"].iloc[0]
    assert copied(page) == f"goto {round(bonemass['x_m'])} {round(bonemass['z_m'])}"


@pytest.mark.parametrize("visitor", [{"color_scheme": "dark"}], indirect=True)
def test_signs_have_the_colors_of_the_theme(visitor: Visitor, screenshots: Path) -> None:
    page = visitor.page
    visit(page, f"{WORLD}#at=0,0&zoom=5&show=boss,dungeon,ruin,resource")
    settle(page)
    dark = sign_colors(page)
    page.screenshot(path=screenshots / "locations_dark.png")
    page.keyboard.press("d")
    light = sign_colors(page)
    assert dark
    assert light
    assert not dark & light


def scattered_locations() -> pd.DataFrame:
    """Return the most locations of each type that the game places, and a few modded ones, at most one per zone."""
    noise = np.random.default_rng(7)
    names = [each.prefab for each in shipped_table().types for _ in range(each.quantity)]
    names += [name for name in MODDED for _ in range(3)]
    zones = np.stack(np.meshgrid(np.arange(-150, 151), np.arange(-150, 151)), axis=-1).reshape(-1, 2)
    zones = zones[np.hypot(zones[:, 0], zones[:, 1]) < 150]
    middles = zones[noise.permutation(len(zones))[: len(names)]] * 64.0 + noise.uniform(-8, 8, (len(names), 2))
    rows: dict[str, Any] = {
        "prefab": names,
        "group": "",
        "x_m": middles[:, 0],
        "y_m": 31.0,
        "z_m": middles[:, 1],
        "radius_m": 8.0,
        "placed": False,
    }
    return pd.DataFrame(rows).astype(LOCATION_COLUMNS)


def open_places(page: Page) -> None:
    """Open the list of places and wait until the places are read."""
    page.get_by_role("tab", name="Places").click()
    expect(page.locator("#places")).not_to_contain_text("Loading the places")


def chip(page: Page, group: str) -> Locator:
    """Return the button of a group above the list."""
    return page.get_by_role("group", name="Places on the map").get_by_role("button", name=re.compile(f"^{group}"))


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def look_at(page: Page, place: pd.Series[Any], *, show: str) -> None:
    """Show a place in the middle of the map, so near that no other sign covers its own."""
    page.goto("about:blank")
    visit(page, f"{WORLD}#at={place['x_m']:.1f},{place['z_m']:.1f}&zoom=5&show={show}")
    settle(page)


def settle(page: Page) -> None:
    """Wait until the places are read and drawn."""
    page.wait_for_load_state("networkidle")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def middle_of_map(page: Page) -> tuple[float, float]:
    box = page.locator("#map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def press_middle(page: Page) -> None:
    page.mouse.click(*middle_of_map(page))


def point_at_middle(page: Page) -> None:
    x, y = middle_of_map(page)
    page.mouse.move(x - 40, y - 40)
    page.mouse.move(x, y)


def signs_of(page: Page) -> npt.NDArray[np.uint8]:
    """Return the signs in the view as RGBA, ``[row, column, channel]``, one pixel per pixel of the page."""
    settle(page)
    picture = page.evaluate(
        """() => {
            const [map, signs] = [document.querySelector("#map"), document.querySelector("canvas.locations")];
            const [view, box] = [map, signs].map((each) => each.getBoundingClientRect());
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [map.clientWidth, map.clientHeight];
            copy.getContext("2d").drawImage(signs, box.x - view.x, box.y - view.y, box.width, box.height);
            return copy.toDataURL("image/png");
        }"""
    )
    return np.array(Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))))


def sign_pixels(page: Page) -> int:
    """Return the number of pixels of the view that have a sign."""
    return int((signs_of(page)[..., 3] > 200).sum())


def pixel_near_middle(page: Page, color: str) -> tuple[float, float] | None:
    """Return the sign pixel with a named color of the page that is nearest to the middle of the map, or None."""
    value = page.evaluate("(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", color)
    signs = signs_of(page)
    rows, columns = np.nonzero((signs[..., :3] == tuple(bytes.fromhex(value[1:]))).all(-1) & (signs[..., 3] == 255))
    if not len(rows):
        return None
    x, y = columns - signs.shape[1] / 2, rows - signs.shape[0] / 2
    nearest = np.hypot(x, y).argmin()
    middle_x, middle_y = middle_of_map(page)
    return middle_x + float(x[nearest]) + 0.5, middle_y + float(y[nearest]) + 0.5


def sign_colors(page: Page) -> set[tuple[int, ...]]:
    """Return the most frequent colors of the signs."""
    signs = signs_of(page)
    colors, counts = np.unique(signs[signs[..., 3] == 255], axis=0, return_counts=True)
    return {tuple(color.tolist()) for color in colors[counts.argsort()[-4:]]}


def zoom_of_link(page: Page) -> float:
    """Return the zoom of the link."""
    found = re.search(r"zoom=([\d.]+)", page.url)
    assert found is not None
    return float(found[1])
