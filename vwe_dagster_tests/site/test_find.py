"""The page *Find a seed*: its requests, the permission to request a world, and its use in a browser."""

from __future__ import annotations

import io
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from vwe_dagster.analysis.columns import COLUMNS, Depth
from vwe_dagster.seeds.seed import Seed, parse_seed
from vwe_dagster.site.builds import MAX_WAITING, BuildFailure, Builds, BuildState, TooManyBuildsError
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.catalog.rows import publish_survey
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.browsing import PAGE_MS, PHONE, visit
from vwe_dagster_tests.site.conftest import CLIPBOARD, desktop, served
from vwe_dagster_tests.site.test_texts import PLACE, texts

NUMBERS = range(100, 160)

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160"/>'


def row(number: int) -> dict[str, Any]:
    return {"number": number, "islands": number, "start_land_km2": number / 20, "haldor_m": 5000.0 - number}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a survey of 60 seeds that does not build worlds."""
    home = tmp_path_factory.mktemp("home")
    store = WorldStore(home / "data")
    publish_survey(store, Depth.WORLD, [row(number) for number in NUMBERS])
    (home / "questions.toml").write_text(
        '[mine]\nmeaning = "Few islands."\ncondition = "islands < 104"\nprefer = ["haldor"]\n'
    )
    with served(site_app(store, home=home)) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client


def running(code: str) -> Builds:
    """Return builds whose command is a piece of Python; ``{}`` in it is the seed."""
    return Builds(lambda seed: [sys.executable, "-c", code.replace("{}", seed.key)], dict(os.environ))


def test_page_has_every_column_and_ready_question(client: httpx.Client) -> None:
    answer = client.get("/find/columns.json").json()
    assert [column["name"] for column in answer["columns"]] == list(COLUMNS)
    assert answer["questions"]["mine"]["meaning"] == "Few islands."
    assert "gentle-start" in answer["questions"]
    assert answer["token"] is None


def test_distribution_counts_all_rows(client: httpx.Client) -> None:
    answer = client.get("/find/distributions.json?columns=islands,swamp").json()
    assert sum(answer["islands"]["bars"]) == answer["islands"]["known"] == len(NUMBERS)
    assert answer["islands"]["low"] == pytest.approx(100, abs=0.2)
    assert answer["swamp"] == {"low": None, "high": None, "bars": [], "rows": len(NUMBERS), "known": 0}


def test_answer_counts_all_matches_and_has_the_first_rows(client: httpx.Client) -> None:
    answer = client.get(
        "/find/answer.json", params={"condition": "islands >= 150", "limit": 2, "sort": "islands"}
    ).json()
    assert (answer["matches"], answer["surveyed"], answer["worlds"], answer["columns"]) == (10, 60, 0, ["islands"])
    assert [found["seed"] for found in answer["rows"]] == ["@159", "@158"]
    assert parse_seed(answer["rows"][0]["text"]).number == 159
    assert answer["rows"][0]["command"] == "vwe world @159"
    ready = client.get("/find/answer.json", params={"question": "mine"}).json()
    assert [found["seed"] for found in ready["rows"]] == ["@103", "@102", "@101", "@100"]


def test_answer_is_bounded(client: httpx.Client) -> None:
    answer = client.get("/find/answer.json", params={"limit": 99999}).json()
    assert len(answer["rows"]) == len(NUMBERS)
    assert client.get("/find/answer.json", params={"limit": "-1"}).status_code == 200


@pytest.mark.parametrize(("column", "value"), [("seed", "@100"), ("number", 100), ("made_at", None), ("stale", False)])
def test_answer_has_columns_without_measures(client: httpx.Client, column: str, value: object) -> None:
    answer = client.get("/find/answer.json", params={"column": column, "limit": 1}).json()
    assert answer["rows"][0]["values"] == [value]


@pytest.mark.parametrize(
    ("path", "reason", "sentence"),
    [
        ("answer.json?condition=ilands>3", "misspelled_column", "did you mean islands"),
        ("answer.json?condition=islands in (select 1 from read_csv('/etc'))", "other_table", "only the table seeds"),
        ("answer.json?condition=islands>3&condition=swamp <", "incomplete", "'swamp <' cannot be used"),
        ("answer.json?question=other", "unknown_question", "Unknown question 'other'"),
        ("answer.json?sort=zzz", "unknown_column", "no column zzz"),
        ("distributions.json?columns=seed", "no_numbers", "no numbers"),
        ("worlds.json?condition=islands", "not_boolean", "not true or false"),
    ],
)
def test_question_that_cannot_be_answered_has_a_fault_and_values_for_its_text(
    client: httpx.Client, path: str, reason: str, sentence: str
) -> None:
    answer = client.get(f"/find/{path}").json()
    assert list(answer) == ["fault", "reason", "values"]
    assert answer["reason"] == reason
    assert sentence in answer["fault"]
    assert set(PLACE.findall(texts("de")[f"reason.{reason}"]["other"])) <= set(answer["values"])


def test_rows_surveyed_meanwhile_are_in_the_next_answer(tmp_path: Path) -> None:
    store = WorldStore(tmp_path / "data")
    publish_survey(store, Depth.WORLD, [row(1)])
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        assert client.get("/find/answer.json").json()["matches"] == 1
        publish_survey(store, Depth.WORLD, [row(2), row(3)], name="block-0000001")
        assert client.get("/find/answer.json").json()["matches"] == 3
        assert client.get("/find/distributions.json?columns=islands").json()["islands"]["known"] == 3


def test_only_a_page_of_the_server_can_request_a_world(tmp_path: Path) -> None:
    builds = running("pass")
    with served(site_app(WorldStore(tmp_path), builds=builds)) as address:
        token = httpx.get(f"{address}/find/columns.json", timeout=PATIENCE_S).json()["token"]
        good = {"origin": address, "x-vwe-token": token}
        for wrong in ({"x-vwe-token": token}, {"origin": address}, {**good, "x-vwe-token": "other"}):
            assert (
                httpx.post(f"{address}/find/builds", headers=wrong, content="@5", timeout=PATIENCE_S).status_code == 403
            )
        elsewhere = {**good, "origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        assert (
            httpx.post(f"{address}/find/builds", headers=elsewhere, content="@5", timeout=PATIENCE_S).status_code == 403
        )
        assert httpx.get(f"{address}/find/builds", headers=good, timeout=PATIENCE_S).status_code == 405
        assert (
            httpx.post(f"{address}/find/builds", headers=good, content="no seed", timeout=PATIENCE_S).status_code == 400
        )
        assert (
            httpx.post(f"{address}/find/builds", headers=good, content="x" * 1000, timeout=PATIENCE_S).status_code
            == 413
        )
        refused = httpx.post(f"{address}/find/builds", headers=good, content=b"\xff", timeout=PATIENCE_S)
        assert (refused.status_code, refused.json()["reason"]) == (400, "invalid_seed")
        assert "codec" not in refused.json()["message"]
        assert builds.states() == {}
        assert "@5" in httpx.post(f"{address}/find/builds", headers=good, content="@5", timeout=PATIENCE_S).json()


def test_server_without_builds_rejects_requests(address: str, client: httpx.Client) -> None:
    refused = client.post("/find/builds", headers={"origin": address, "x-vwe-token": "x"}, content="@5")
    assert refused.status_code == 404


def wait_for(builds: Builds, key: str, state: BuildState) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while builds.states()[key] is not state and time.monotonic() < deadline:
        time.sleep(0.02)
    assert builds.states()[key] is state


def test_builds_run_one_after_another_and_report_failures(tmp_path: Path) -> None:
    run_id = str(uuid.uuid4())
    line = BuildFailure("  The disk\u202e is full.\nTraceback", run_id).to_line()
    code = f"open(r'{tmp_path}/built', 'a').write('{{}} '); '{{}}' == '@2' and (print({line!r}), sys.exit(1))"
    builds = Builds(
        lambda seed: [sys.executable, "-c", f"import sys; {code.replace('{}', seed.key)}"], {}, lambda: "http://ui"
    )
    for number in (1, 2, 3):
        builds.request(Seed(f"@{number}", number))
    wait_for(builds, "@3", BuildState.BUILT)
    assert builds.states() == {"@1": BuildState.BUILT, "@2": BuildState.FAILED, "@3": BuildState.BUILT}
    assert (tmp_path / "built").read_text() == "@1 @2 @3 "
    failed, built = builds.latest(Seed("@2", 2)), builds.latest(Seed("@1", 1))
    assert failed is not None
    assert built is not None
    failure = failed.failure
    assert failure == BuildFailure(r"The disk\u202e is full.", run_id)
    assert builds.page_of(failure) == f"http://ui/runs/{run_id}"
    assert built.failure is None
    assert builds.latest(Seed("@4", 4)) is None


@pytest.mark.parametrize("output", [b"", b"warning\n", b"[]\n", b'{"reason": 3, "run_id": "../x"}', b"\xff" * 99999])
def test_failure_without_a_valid_last_line_has_no_reason(output: bytes) -> None:
    assert BuildFailure.from_output(io.BytesIO(output)) == BuildFailure()


def test_builds_are_bounded_and_end_with_the_server() -> None:
    builds = running("import time; time.sleep(600)")
    for number in range(MAX_WAITING):
        builds.request(Seed(f"@{number}", number))
    builds.request(Seed("@0", 0))
    with pytest.raises(TooManyBuildsError, match="8 requested worlds are not built yet"):
        builds.request(Seed("@99", 99))
    wait_for(builds, "@0", BuildState.BUILDING)
    builds.close()
    wait_for(builds, "@0", BuildState.FAILED)


@pytest.fixture(scope="module")
def open_page(browser: Browser, address: str) -> Iterator[Callable[[], Page]]:
    """Return a function that opens a page of the server on a desktop."""
    with desktop(browser, address, permissions=CLIPBOARD, reduced_motion="reduce") as open_page:
        yield open_page


@pytest.fixture
def page(
    browser: Browser, address: str, open_page: Callable[[], Page], request: pytest.FixtureRequest
) -> Iterator[Page]:
    """Open a page of the server, and check at the end that it had no errors; the parameter sets up its window."""
    expect.set_options(timeout=PAGE_MS)
    if settings := getattr(request, "param", {}):
        page = browser.new_context(base_url=address, permissions=CLIPBOARD, **settings).new_page()
        page.context.set_default_timeout(PAGE_MS)
    else:
        page = open_page()
    errors: list[str] = []
    page.on(
        "console", lambda message: errors.append(message.text) if "ERR_NETWORK_CHANGED" not in message.text else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    (page.context if settings else page).close()
    assert errors == []


def test_a_person_narrows_down_seeds_by_sliders_and_conditions(page: Page, screenshots: Path) -> None:
    visit(page, "/find/")
    count, first = page.locator("#count"), page.locator("#rows h2").first
    expect(count).to_have_text("60 of 60 surveyed seeds")
    page.get_by_label("Islands, minimum").fill("100")
    expect(page.locator(".range", has_text="Islands").locator("output")).to_have_text("from 130")
    expect(count).to_have_text("30 of 60 surveyed seeds")
    page.get_by_label("Condition").fill("haldor > 4848")
    expect(count).to_have_text("22 of 60 surveyed seeds")
    page.get_by_label("Sort by").select_option("islands")
    expect(first).to_contain_text("@151")
    page.screenshot(path=screenshots / "page_find.png")
    page.reload()
    expect(count).to_have_text("22 of 60 surveyed seeds")
    expect(first).to_contain_text("@151")
    page.get_by_role("button", name="Remove Islands").click()
    expect(count).to_have_text("52 of 60 surveyed seeds")
    page.get_by_label("Condition").fill("haldr > 4848")
    expect(page.locator("#hint")).to_contain_text("did you mean haldor")
    page.get_by_label("Condition").fill("")
    page.get_by_label("Ready question").select_option("mine")
    expect(count).to_have_text("4 of 60 surveyed seeds")
    expect(page.locator("#meaning")).to_have_text("Few islands.")
    page.get_by_label("Add a slider").select_option("rivers")
    expect(page.locator(".range", has_text="Rivers")).to_be_visible()
    page.locator("#rows").get_by_role("button", name="vwe world @103").click()
    assert page.evaluate("navigator.clipboard.readText()") == "vwe world @103"


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_finding_fits_a_phone(page: Page, screenshots: Path) -> None:
    visit(page, "/find/")
    expect(page.locator("#rows li")).to_have_count(24)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#count")).to_be_in_viewport()
    page.screenshot(path=screenshots / "page_find_phone.png")
    page.get_by_label("Condition").fill("ilands > 3")
    expect(page.locator("#hint")).to_be_in_viewport()
    page.get_by_label("Condition").fill("islands > 999")
    expect(page.locator("#none")).to_contain_text("No seed matches.")
    page.get_by_label("Condition").fill("")
    expect(page.locator("#rows li")).to_have_count(24)
    for button in page.locator("#rows li").first.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_results_have_pictures_computed_for_those_in_view(page: Page) -> None:
    visit(page, "/find/")
    pictures = page.locator("#rows .picture")
    expect(pictures).to_have_count(24)
    expect(pictures.first).to_have_attribute("data-state", "loaded")
    size = pictures.first.locator("img").evaluate("image => image.naturalWidth")
    assert size >= 144
    expect(pictures.last.locator("img")).to_have_count(0)


def test_two_pictures_are_requested_concurrently(page: Page) -> None:
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/thumbnail.png", hold)
    visit(page, "/find/")
    expect(page.locator("#rows .picture img")).to_have_count(2)
    page.wait_for_timeout(500)
    assert len(waiting) == 2
    for route in waiting[:2]:
        route.fulfill(status=200, content_type="image/svg+xml", body=PICTURE)
    expect(page.locator("#rows .picture[data-state=loaded]")).to_have_count(2)
    expect(page.locator("#rows .picture img")).to_have_count(4)
    page.unroute_all(behavior="ignoreErrors")


def test_pictures_of_results_that_are_gone_are_not_requested(page: Page) -> None:
    asked: list[str] = []
    page.route("**/thumbnail.png", lambda route: asked.append(route.request.url))
    visit(page, "/find/")
    expect(page.locator("#rows .picture img")).to_have_count(2)
    page.get_by_label("Condition").fill("islands > 158")
    expect(page.locator("#rows li")).to_have_count(1)
    expect(page.locator("#rows .picture img")).to_have_count(1)
    assert asked[-1].endswith("/worlds/%40159/thumbnail.png")
    assert len(asked) == 3
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.parametrize("page", [{}, PHONE], indirect=True, ids=["desktop", "phone"])
def test_results_are_opened_and_compared(page: Page, screenshots: Path) -> None:
    page.route("**/thumbnail.png", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
    visit(page, "/find/")
    rows = page.locator("#rows li")
    expect(rows.first.get_by_role("link", name="Open").first).to_have_attribute("href", "../worlds/%40100/")
    for index in (0, 1):
        rows.nth(index).get_by_role("button", name="to compare").click()
    page.screenshot(path=screenshots / "page_find_chosen.png")
    chosen = page.locator("#chosen")
    expect(chosen).to_contain_text("@100 and @101")
    expect(chosen.get_by_role("link", name="Compare")).to_have_attribute("href", "../compare/?one=%40100&other=%40101")
    rows.nth(1).get_by_role("button", name="to compare").click()
    expect(chosen).to_contain_text("choose another")


def test_a_person_keeps_a_world_from_the_page(browser: Browser, tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish_survey(store, Depth.WORLD, [row(5)])
    with served(site_app(store, builds=running("pass"))) as address:
        page = browser.new_page(base_url=address)
        page.route("**/thumbnail.png", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
        visit(page, "/find/")
        page.get_by_role("button", name="Keep").click()
        expect(page.locator("#rows .acts .faint")).to_have_text("Kept", timeout=PAGE_MS)
        page.close()


def test_stages_of_a_kept_world_are_shown_while_it_is_built(browser: Browser, tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish_survey(store, Depth.WORLD, [row(5)])
    build: dict[str, Any] = {
        "state": "building",
        "stages": ["raw"],
        "all_stages": ["raw", "extracted", "processed", "renders"],
    }
    with served(site_app(store, builds=running("pass"))) as address:
        page = browser.new_page(base_url=address)
        page.route("**/thumbnail.png", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
        page.route("**/build.json", lambda route: route.fulfill(json=build))
        visit(page, "/find/")
        page.get_by_role("button", name="Keep").click()
        expect(page.get_by_role("button", name="Building: validation")).to_be_disabled()
        assert page.locator("#rows progress").evaluate("bar => bar.value / bar.max") == 0.25
        # A server that was started again does not know the request.
        build["state"] = None
        expect(page.locator("#toast")).to_contain_text("The server was restarted before")
        expect(page.locator("#rows progress")).to_have_count(0)
        build["state"] = "failed"
        page.get_by_role("button", name="Keep").click()
        expect(page.locator("#rows .cause")).to_contain_text("ended without a message")
        build["state"] = "built"
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#rows .acts .faint")).to_have_text("Kept", timeout=PAGE_MS)
        page.close()


def test_world_that_was_not_kept_is_reported_and_can_be_requested_again(browser: Browser, tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish_survey(store, Depth.WORLD, [row(5)])
    line = BuildFailure("<img src=x onerror=alert(1)> is full.").to_line()
    with served(site_app(store, builds=running(f"print({line!r}); raise SystemExit(1)"))) as address:
        page = browser.new_page(base_url=address)
        page.route("**/thumbnail.png", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
        visit(page, "/find/")
        page.get_by_role("button", name="Keep").click()
        expect(page.locator("#toast")).to_have_text("The world of @5 was not built.", timeout=PAGE_MS)
        expect(page.locator("#rows .cause")).to_have_text("Reason: <img src=x onerror=alert(1)> is full.")
        expect(page.get_by_role("button", name="Try again")).to_be_enabled()
        # A slider that cannot be filled can be added again.
        page.route("**/distributions.json*", lambda route: route.fulfill(status=503, body="{}"))
        page.get_by_label("Add a slider").select_option("rivers")
        expect(page.locator("#toast")).to_contain_text("cannot be read")
        page.unroute("**/distributions.json*")
        page.get_by_label("Add a slider").select_option("rivers")
        expect(page.locator("#ranges")).to_contain_text("Rivers")
        page.close()
