"""A person adds a seed in the UI, materializes it, and reads about it: in a real browser, on the real server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from vwe_dagster.store import STAGES
from vwe_dagster_tests.command import PATIENCE_S, Vwe

KEY = "HHcLC5acQt"
ASSETS = ("raw_export", "extracted", "processed", "renders")
GROUP = "/locations/vwe_dagster.definitions/asset-groups/world"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RUN_S = 240
RUNS = (
    "query ($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { ... on Runs { results { runId status } } } }"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium of the system; on a CI machine there has to be one."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        absence = f"none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CI"):
            pytest.fail(absence)
        pytest.skip(absence)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def vwe(tmp_path_factory: pytest.TempPathFactory) -> Vwe:
    return Vwe(tmp_path_factory.mktemp("ui"))


@pytest.fixture(scope="module")
def address(vwe: Vwe) -> Iterator[str]:
    """Where ``vwe ui`` serves its pages; it has to end when told to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = vwe.start("ui", "--port", str(port))
    try:
        wait_for_pages(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1500, "height": 1400}, base_url=address)
    page.set_default_timeout(60_000)
    return page


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where to keep pictures of the pages: where an environment variable says, else nowhere for long."""
    folder = Path(os.environ.get("VWE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_person_makes_a_world_and_looks_at_it(vwe: Vwe, page: Page, screenshots: Path) -> None:
    add_seed(page, KEY)
    page.screenshot(path=screenshots / "materialize.png")
    assert launch(page, KEY)["status"] == "SUCCESS"
    page.goto(f"{GROUP}/lineage")
    expect(page.get_by_text("100% filled")).to_have_count(len(ASSETS))
    page.screenshot(path=screenshots / "lineage.png")
    (seed,) = vwe.store.seeds()
    assert [vwe.store.damaged(seed, stage) for stage in STAGES] == [[]] * len(STAGES)
    for asset in ASSETS:
        look_at(page, asset)
        page.screenshot(path=screenshots / f"{asset}.png")
    page.get_by_text("[Show Markdown]").click()
    assert shown_size(page, "[src^='data:image/webp']") == [256, 256]
    page.wait_for_timeout(1000)  # the dialog fades in
    page.screenshot(path=screenshots / "larger_map.png")


def test_a_partition_that_is_no_seed_fails_with_the_sentence(page: Page, screenshots: Path) -> None:
    add_seed(page, "../evil")
    run = launch(page, "../evil")
    assert run["status"] == "FAILURE"
    page.goto(f"/runs/{run['runId']}")
    expect(page.get_by_text("has two dots in a row").first).to_be_visible()
    page.screenshot(path=screenshots / "refused.png")


def add_seed(page: Page, key: str) -> None:
    """Adds a partition in the dialog that materializes all four assets, and leaves the dialog open."""
    page.goto(f"{GROUP}/lineage")
    # The dialogs that ask for an address or announce telemetry would cover the button.
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_text("Add a partition").first.click()
    page.get_by_placeholder("name").fill(key)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Launch 1 run")).to_be_enabled()


def launch(page: Page, key: str) -> dict[str, str]:
    """Launches the run of the open dialog and waits for its end; gives its ``runId`` and ``status``."""
    page.get_by_role("button", name="Launch 1 run").click()
    tags = [{"key": "dagster/partition", "value": key}]
    deadline = time.monotonic() + RUN_S
    while time.monotonic() < deadline:
        answer = page.request.post("/graphql", data={"query": RUNS, "variables": {"tags": tags}}).json()
        for run in answer["data"]["runsOrError"]["results"]:
            if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}:
                return dict(run)
        page.wait_for_timeout(500)
    pytest.fail(f"the run of {key} did not end within {RUN_S} s")


def look_at(page: Page, asset: str) -> None:
    """Opens what the page of an asset says of the seed, and checks what has to be there."""
    page.goto(f"/assets/{asset}?view=partitions&partition={KEY}")
    expect(page.get_by_text("Black", exact=False).first).to_be_visible()
    assert shown_size(page, "img[alt=map]") == [176, 176]
    text = page.inner_text("body")
    for words in ("Materialized", "BlackForest", "Mistlands", "native 1.0", "made in (s)", "sha256", "manifest.json"):
        assert words in text


def shown_size(page: Page, selector: str) -> Any:
    """Width and height of a picture that the browser could draw."""
    picture = page.locator(selector).first
    picture.wait_for()
    return picture.evaluate("async img => { await img.decode(); return [img.naturalWidth, img.naturalHeight] }")


def wait_for_pages(process: subprocess.Popen[str], address: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"vwe ui ended: {process.communicate()}")
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:  # noqa: S310  loopback
                assert "dagster_version" in json.load(answer)
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    pytest.fail("vwe ui did not come up")
