"""The pages in the language of the browser: texts, numbers, and typed coordinates."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from vwe_dagster.analysis.columns import COLUMNS, Depth
from vwe_dagster.analysis.places import known_kinds
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.catalog.rows import publish_survey
from vwe_dagster_tests.site.browsing import MINUS, PAGE_MS, PHONE, visit
from vwe_dagster_tests.site.conftest import CLIPBOARD, desktop, served
from vwe_dagster_tests.site.test_locations import scattered_locations
from vwe_dagster_tests.site.test_texts import texts
from vwe_dagster_tests.worlds import plateau_world, publish_imported, publish_world

KEY, OTHER = "HHcLC5acQt", "abc"
WORLD = f"/worlds/{KEY}/"
PAGES = {
    "gallery": "/",
    "world": WORLD,
    "compare": f"/compare/?one={KEY}&other={OTHER}",
    "find": "/find/",
}
VISIBLE = """() => {
  const found = [document.title];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) found.push(walk.currentNode.textContent);
  for (const element of document.querySelectorAll("[title], [aria-label], [placeholder]"))
    for (const name of ["title", "aria-label", "placeholder"]) found.push(element.getAttribute(name) ?? "");
  return found.map((text) => text.trim()).filter(Boolean);
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a world with locations, a world without any, and a survey."""
    store = WorldStore(tmp_path_factory.mktemp("languages"))
    world = dataclasses.replace(plateau_world(Grid.of_world(128)), locations=scattered_locations())
    publish_imported(store, KEY, world)
    publish_world(store, OTHER, Grid.of_world(64))
    publish_survey(store, Depth.WORLD, [{"number": number, "start_land_km2": number / 20} for number in range(60)])
    with served(site_app(store)) as address:
        yield address


@pytest.fixture(scope="module")
def open_page(browser: Browser, address: str) -> Iterator[Callable[[], Page]]:
    """Return a function that opens a page in German."""
    with desktop(browser, address, locale="de-DE", permissions=CLIPBOARD, reduced_motion="reduce") as open_page:
        yield open_page


@pytest.fixture
def page(
    browser: Browser, address: str, open_page: Callable[[], Page], request: pytest.FixtureRequest
) -> Iterator[Page]:
    """Open a page in German, or as the parameter sets it; check at the end that it had no errors."""
    expect.set_options(timeout=PAGE_MS)
    if settings := getattr(request, "param", {}):
        page = browser.new_context(base_url=address, **{"locale": "de-DE", **settings}).new_page()
        page.context.set_default_timeout(PAGE_MS)
    else:
        page = open_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    (page.context if settings else page).close()
    assert errors == []


def english_only() -> re.Pattern[str]:
    """Return a pattern that matches the English texts and names whose German text differs."""
    english, german = texts("en"), texts("de")
    named = {
        **{f"biome.{biome.game_name}": biome.title for biome in BIOMES},
        **{f"kind.{kind}": each.label for kind, each in known_kinds().items()},
        **{f"column.{name}": column.label for name, column in COLUMNS.items()},
        **{f"column.{name}.meaning": column.meaning for name, column in COLUMNS.items()},
    }
    forms = {(key, form) for key, each in english.items() for form in each.values()} | set(named.items())
    same = {form for each in german.values() for form in each.values()}
    patterns = {re.sub(r"\\\{\w+\\\}", rf"[\\d.,{MINUS}]+", re.escape(form)) for _, form in forms if form not in same}
    return re.compile("|".join(sorted(patterns)))


@pytest.mark.parametrize("name", PAGES)
def test_german_pages_show_no_english_text(page: Page, name: str) -> None:
    visit(page, PAGES[name])
    if name == "world":
        page.locator("#tab-places").click()
        expect(page.locator("#places .places li").first).to_be_visible()
        page.locator("#places .places li button").first.click()
        expect(page.locator(".place-card")).to_be_visible()
    if name == "find":
        expect(page.locator("#rows li").first).to_be_visible()
    shown = page.evaluate(VISIBLE)
    assert list(filter(english_only().fullmatch, shown)) == []
    assert page.evaluate("document.documentElement.lang") == "de"


def test_german_numbers_have_a_decimal_comma_and_points_between_thousands(page: Page) -> None:
    visit(page, WORLD)
    assert re.fullmatch(r"\d+,\d km²", page.locator("#facts strong").first.inner_text())
    visit(page, "/find/")
    page.get_by_label("Startland, höchstens").fill("100")
    expect(page.locator(".range").first.locator("output")).to_have_text(re.compile(r"bis \d,\d\d km²"))


def test_typed_german_numbers_are_coordinates(page: Page) -> None:
    places = {
        "600, -100": (600, -100),
        "600,-100": (600, -100),
        "1.234, -5.678": (1234, -5678),
        "600,5 -100,25": (600.5, -100.25),
        "600,5; -100": (600.5, -100),
        "600.5, -100.5": (600.5, -100.5),
        f"x 1.234,5 z {MINUS}100": (1234.5, -100),
        "(600.1, 30.2, -100.3)": (600.1, -100.3),
    }
    page.goto("/find/")
    read = (
        'async (texts) => { const { parsePlace } = await import("/static/js/geo.js"); return texts.map(parsePlace); }'
    )
    assert page.evaluate(read, list(places)) == [{"x": x, "z": z} for x, z in places.values()]


def test_copied_coordinates_are_those_of_the_console_in_every_language(page: Page) -> None:
    visit(page, f"{WORLD}#at=1500,-2500&zoom=3&show=")
    page.keyboard.press("y")
    expect(page.locator("#toast")).to_have_text(re.compile(r"Kopiert: 1\d{3}, -2\d{3}"))
    assert re.fullmatch(r"1\d{3}, -2\d{3}", page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize("page", [{"locale": "fr-FR"}], indirect=True)
def test_other_languages_show_english_pages(page: Page) -> None:
    visit(page, "/find/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Find a seed")
    assert page.evaluate("document.documentElement.lang") == "en"
    visit(page, WORLD)
    assert re.fullmatch(r"\d+\.\d km²", page.locator("#facts strong").first.inner_text())


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_german_pages_fit_on_a_phone(page: Page) -> None:
    for path in PAGES.values():
        visit(page, path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_errors_of_the_server_are_german(page: Page) -> None:
    page.goto("/worlds/a%20b/")
    expect(page.locator("[data-reason=invalid_seed]")).to_contain_text("kein gültiger Seed")
    visit(page, "/find/")
    page.get_by_label("Startland, höchstens").fill("100")
    for condition, sentence in {
        "ilands > 3": "Es gibt keine Spalte „ilands“. Meinst du islands, mistlands oder land?",
        "islands > > 3": "Bei Zeichen 11, „>“, ist die Bedingung falsch geschrieben.",
        "(islands > ": "Die Bedingung ist unvollständig.",
    }.items():
        page.locator("#condition").fill(condition)
        expect(page.locator("#hint")).to_contain_text(sentence)
    visit(page, "/")
    page.locator("#search").fill("islands > note")
    expect(page.locator("#hint")).to_contain_text("Die Bedingung passt nicht zu den Spalten.")
