"""The pages for everyone: axe-core's rules, the keyboard, fingers, and less motion."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.catalog.rows import publish_survey
from vwe_dagster_tests.site.browsing import PAGE_MS, PHONE, visit
from vwe_dagster_tests.site.conftest import ONE, OTHER, Site, served

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}

WORLD = f"/worlds/{ONE}/"
LINE = f"{WORLD}#line=-4000,2000;0,0;4000,1500"

SETTLED = """() => document.getAnimations().every(
  (each) => each.playState !== "running" || each.effect.getTiming().iterations === Infinity
)"""
"""Returns whether all animations have ended, except those of pictures that are still loaded."""

VIOLATIONS = """async (rules) => {
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) =>
    `${id}: ${target.join(" ")} ${any.map(({ message }) => message).join(" ")}`.slice(0, 240)));
}"""

RULES: dict[Literal["light", "dark"], list[str] | None] = {
    "light": None,
    "dark": ["color-contrast", "link-in-text-block"],
}
"""The checked rules of axe-core by theme; None for all. The dark theme differs only in its colors."""

SMALL_TARGETS = """() => {
  const selector = "a, button, input, select, summary, textarea, [role=tab], [tabindex='0']";
  const isInText = (element) => element.matches("p a, p button, li a") && element.closest("p, li");
  const inView = ({ top, bottom, left, right }) => bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  return [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility() && !isInText(element))
    .map((element) => (element.matches("[type=checkbox], [type=radio]") ? element.closest("label") : element))
    .map((element) => ({ element, box: element.getBoundingClientRect() }))
    .filter(({ box }) => inView(box) && (box.width < 43.9 || box.height < 43.9))
    .map(({ element, box }) => `${element.outerHTML.slice(0, 110)} ${box.width} x ${box.height}`);
}"""

FOCUS = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const label = element.closest("label");
  const outlines = [[element], [element.parentElement], [label, "::before"]].filter(([each]) => each);
  const isMarked = outlines.some(([each, part]) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(each, part);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 1;
  });
  // Marks are created again when they return to the view.
  (window.reached ??= new Set()).add(element.dataset.place ?? element);
  return { name: element.outerHTML.slice(0, 110), isMarked };
}"""

UNREACHED = """() => {
  const selector = "a[href], button:not(:disabled), input:not(:disabled), select, summary, textarea, [tabindex='0']";
  const isRoving = (element) => element.tabIndex < 0 || element.type === "radio";
  return [...document.querySelectorAll(selector)]
    .filter((element) => element.checkVisibility({ checkVisibilityCSS: true }))
    .filter((element) => !window.reached.has(element.dataset.place ?? element) && !isRoving(element))
    .map((element) => element.outerHTML.slice(0, 110));
}"""


@pytest.fixture(scope="module")
def axe() -> None:
    """Require axe-core, which ``make lint-js`` installs."""
    if not AXE.exists():
        reason = f"{AXE} is missing; install it with: npm ci"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a survey of 40 seeds, and yield the address of the page that searches it."""
    home = tmp_path_factory.mktemp("home")
    store = WorldStore(home / "data")
    publish_survey(store, Depth.WORLD, [{"number": n, "islands": n, "haldor_m": 5000.0 - n} for n in range(100, 140)])
    with served(site_app(store, home=home)) as address:
        yield f"{address}/find/"


@pytest.fixture
def page(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a window with the settings of the parameter."""
    with window(browser, site, getattr(request, "param", DESKTOP)) as page:
        yield page


@contextlib.contextmanager
def window(browser: Browser, site: Site, settings: dict[str, Any]) -> Iterator[Page]:
    """Open a window with an empty page."""
    context = browser.new_context(base_url=site.address, **settings)
    context.set_default_timeout(PAGE_MS)
    yield context.new_page()
    context.close()


def states(page: Page, finder: str) -> Iterator[str]:
    """Open every page, and show its parts one after another; yield the name of each state."""
    visit(page, "/")
    page.locator(".world img").first.wait_for()
    yield "gallery"
    page.get_by_role("button", name="Help").click()
    yield "help of the gallery"
    visit(page, f"/compare/?one={ONE}&other={OTHER}")
    yield "comparison"
    visit(page, finder)
    page.locator("#results tr, .result, #rows tr, li").first.wait_for()
    yield "find"
    visit(page, f"{WORLD}#at=0,0&zoom=3&show=grid,rings,peak,island,water&place=peak-1")
    page.locator(".place-card").wait_for()
    yield "world with a popup"
    page.get_by_role("button", name="Layers").click()
    yield "layers"
    page.keyboard.press("Escape")
    page.locator("#tab-places").click()
    page.locator("#places .places li").first.wait_for()
    yield "places"
    visit(page, LINE)
    page.locator("#profile .ground").first.wait_for(state="attached")
    yield "profile"
    page.get_by_role("button", name="Go to coordinates").click()
    yield "go to coordinates"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Help").click()
    yield "help of a world"


@dataclasses.dataclass
class Findings:
    """What is wrong with the pages.

    Attributes:
        violations: violations of the rules of axe-core by state and theme; none without axe-core.
        small_targets: the targets that are too small for a finger, by state.
    """

    violations: dict[tuple[str, str], list[str]] = dataclasses.field(default_factory=dict)
    small_targets: dict[str, list[str]] = dataclasses.field(default_factory=dict)


def check_pages(page: Page, finder: str) -> Findings:
    """Open every page and check all its states."""
    findings = Findings()
    axe = AXE.read_text(encoding="utf-8") if AXE.exists() else ""
    for state in states(page, finder):
        page.wait_for_function(SETTLED)
        if small := page.evaluate(SMALL_TARGETS):
            findings.small_targets[state] = small
        if not axe:
            continue
        # Evaluated, because the pages' policy rejects injected scripts.
        page.evaluate(axe)
        for theme, rules in RULES.items():
            page.emulate_media(color_scheme=theme)
            page.locator(f"html[data-theme={theme}]").wait_for(state="attached")
            page.wait_for_function(SETTLED)
            if violations := page.evaluate(VIOLATIONS, rules):
                findings.violations[state, theme] = violations
    return findings


@pytest.fixture(scope="module")
def on_phone(browser: Browser, site: Site, finder: str) -> Findings:
    """Return the findings on a phone, where opening all pages takes longest."""
    with window(browser, site, PHONE) as page:
        return check_pages(page, finder)


@pytest.mark.usefixtures("axe")
def test_pages_on_a_desktop_have_no_violation_of_axe(page: Page, finder: str) -> None:
    assert check_pages(page, finder).violations == {}


@pytest.mark.usefixtures("axe")
def test_pages_on_a_phone_have_no_violation_of_axe(on_phone: Findings) -> None:
    assert on_phone.violations == {}


def test_everything_can_be_pressed_with_a_finger(on_phone: Findings) -> None:
    assert on_phone.small_targets == {}


# Without animated moves, marks that come into view exist before the next Tab.
@pytest.mark.parametrize("page", [{**DESKTOP, "reduced_motion": "reduce"}], indirect=True)
def test_keyboard_reaches_everything_with_a_visible_focus(page: Page, finder: str) -> None:
    for path in ["/", f"/compare/?one={ONE}&other={OTHER}", finder, f"{LINE}&at=0,0&zoom=3&show=peak"]:
        visit(page, path)
        if path == finder:
            page.locator("#ranges input").first.wait_for()
        for _ in range(300):
            page.keyboard.press("Tab")
            focus = page.evaluate(FOCUS)
            if focus is None:
                break
            assert focus["isMarked"], (path, focus["name"])
        assert page.evaluate(UNREACHED) == [], path


@pytest.mark.parametrize("page", [{**DESKTOP, "reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_if_less_motion_is_preferred(page: Page) -> None:
    visit(page, f"{WORLD}#at=0,0&zoom=3&show=peak")
    for key in ("+", "ArrowRight", "-", "Home"):
        page.locator("#map").press(key)
        assert page.evaluate("document.querySelector('.leaflet-zoom-anim, .leaflet-pan-anim')") is None
        assert page.evaluate("document.getAnimations().length") == 0
    page.get_by_role("tab", name="Places").click()
    page.locator("#places .places button").first.click()
    page.locator(".place-card").wait_for()
    assert page.evaluate("document.getAnimations().length") == 0


def test_loading_is_shown_while_the_server_draws_tiles(page: Page) -> None:
    visit(page, f"{WORLD}#at=0,0&zoom=3")
    expect(page.locator("#map .loading")).to_be_hidden()
    page.route("**/tiles/**", lambda _: None)
    page.keyboard.press("2")
    expect(page.locator("#map[aria-busy=true]")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Loading the map")).to_have_attribute("aria-valuenow", "0")
    # The held requests continue.
    page.unroute("**/tiles/**")
    expect(page.locator("#map .loading")).to_be_hidden()
    expect(page.locator("#map")).not_to_have_attribute("aria-busy", "true")


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_texts_of_a_phone_are_about_fingers(page: Page) -> None:
    visit(page, f"{WORLD}#at=0,0&zoom=3")
    expect(page.locator("#readout")).to_contain_text("Tap the map")
    page.touchscreen.tap(195, 400)
    expect(page.locator("#readout .from-center")).to_contain_text("from the center")
    page.get_by_role("button", name="Help").click()
    help_dialog = page.get_by_role("dialog", name="Help")
    expect(help_dialog).to_contain_text("Touch and hold")
    expect(help_dialog.locator(".keys")).to_be_hidden()
