"""A user backfills seeds and launches a run in the UI, and a page of another site attacks it, in a real browser.

The tests share one instance. Those that add partitions without worlds come last.
"""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.ui.pages import (
    ASSETS,
    GROUP,
    add_seed,
    launch,
    launch_backfill,
    select_partitions,
    shown_size,
    wait_for_materialization,
)

KEYS = ("HHcLC5acQt", "@5")
EVIL = "evil.example"
MAP_NAMES = "--host-resolver-rules=MAP *.example 127.0.0.1"
MUTATION = (
    'mutation { addDynamicPartition(partitionsDefName: "seeds", partitionKey: "%s", repositorySelector: '
    '{repositoryName: "__repository__", repositoryLocationName: "vwe"}) { __typename } }'
)
ATTACKS = """
async ([address, socket, get, body]) => {
  const answers = []
  const attempt = async (name, request) => {
    try { answers.push([name, (await request()).type]) } catch (error) { answers.push([name, "failed"]) }
  }
  const post = kind => fetch(`${address}/graphql`,
    {method: "POST", mode: "no-cors", credentials: "include", body, headers: {"content-type": kind}})
  await attempt("get", () => fetch(get, {mode: "no-cors"}))
  await attempt("post text", () => post("text/plain"))
  await attempt("post text that names JSON", () => post("text/plain; application/json"))
  await attempt("post form", () => fetch(get, {method: "POST", mode: "no-cors"}))
  await attempt("post JSON", () => fetch(`${address}/graphql`,
    {method: "POST", body, headers: {"content-type": "application/json"}}))
  await new Promise(done => {
    const image = new Image(); image.onerror = done; image.onload = done; image.src = get
  })
  for (const method of ["GET", "POST"]) {
    await new Promise(done => {
      const frame = document.createElement("iframe"); frame.name = `frame-${method}`
      document.body.append(frame)
      const form = document.createElement("form")
      form.method = method; form.action = `${address}/graphql`; form.target = frame.name
      const query = document.createElement("input"); query.name = "query"
      query.value = new URL(get).searchParams.get("query")
      form.append(query); document.body.append(form)
      frame.onload = done
      form.submit()
    })
  }
  answers.push(["socket", await new Promise(done => {
    const opened = new WebSocket(socket, "graphql-ws")
    opened.onopen = () => done("opened"); opened.onerror = () => done("failed")
  })])
  return Object.fromEntries(answers)
}
"""


class _EvilHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title><body>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def browser_arguments(browser_arguments: list[str]) -> list[str]:
    return [*browser_arguments, MAP_NAMES]


@pytest.fixture(scope="module")
def evil_page(browser: Browser) -> Iterator[Page]:
    """Yield a page of another site; its name and all names below ``example`` resolve to this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _EvilHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://{EVIL}:{server.server_port}/")
    yield page
    server.shutdown()


def test_user_backfills_seeds_and_reads_their_metadata_and_the_catalog(vwe: Vwe, page: Page, screenshots: Path) -> None:
    assert vwe.call("seeds", "add", *KEYS).returncode == 0
    page.goto(f"{GROUP}/lineage")
    page.get_by_role("button", name="Materialize all").click()
    select_partitions(page, "All", "Launch backfill")
    page.screenshot(path=screenshots / "backfill_dialog.png")
    assert launch_backfill(page) == "COMPLETED_SUCCESS"
    page.goto(f"{GROUP}/lineage")
    expect(page.get_by_text("100% filled")).to_have_count(len(ASSETS))
    page.screenshot(path=screenshots / "backfill.png")
    assert {seed.key for seed in vwe.store.seeds()} == set(KEYS)
    assert all(vwe.store.damaged(seed, stage) == [] for seed in vwe.store.seeds() for stage in WORLD_STAGES)
    # The other assets show the same metadata.
    page.goto(f"/assets/renders?view=partitions&partition={KEYS[0]}")
    expect(page.get_by_text("Black", exact=False).first).to_be_visible()
    assert shown_size(page, "img[alt=map]") == [96, 96]
    text = page.inner_text("body")
    for words in ("Materialized", "BlackForest", "Mistlands", "native 1.0", "built in (s)", "sha256", "/data/seeds/"):
        assert words in text
    page.screenshot(path=screenshots / "renders.png")
    page.get_by_text("[Show Markdown]").click()
    assert shown_size(page, "[src^='data:image/webp']") == [256, 256]
    page.wait_for_timeout(1000)  # the dialog fades in
    page.screenshot(path=screenshots / "larger_map.png")
    # The catalog is materialized automatically.
    wait_for_materialization(page, "seed_catalog")
    page.goto("/assets/seed_catalog?view=events")
    expect(page.get_by_text(COLUMNS["start_land_km2"].heading, exact=True).first).to_be_visible()
    assert shown_size(page, "img[alt=map]") == [96, 96]
    page.screenshot(path=screenshots / "catalog.png")
    found = vwe.call("find", "--json", "--columns", "seed")
    assert {row["seed"] for row in json.loads(found.stdout)} == set(KEYS)


def test_partition_that_is_not_a_seed_fails_with_an_error(page: Page, screenshots: Path) -> None:
    add_seed(page, "../evil")
    run = launch(page, "../evil")
    assert run["status"] == "FAILURE"
    page.goto(f"/runs/{run['runId']}")
    expect(page.get_by_text("has two dots in a row").first).to_be_visible()
    page.screenshot(path=screenshots / "refused.png")


def test_page_of_another_site_adds_no_seed(vwe: Vwe, page: Page, address: str, evil_page: Page) -> None:
    query = MUTATION % "evil"
    get = f"{address}/graphql?{urllib.parse.urlencode({'query': query})}"
    socket = f"{address.replace('http', 'ws', 1)}/graphql"
    answers = evil_page.evaluate(ATTACKS, [address, socket, get, json.dumps({"query": query})])
    assert answers.pop("socket") == "failed"
    assert answers.pop("post JSON") == "failed"
    # The page cannot read an opaque response, whatever its status is.
    assert set(answers.values()) == {"opaque"}
    with evil_page.expect_popup() as opened:
        evil_page.evaluate("get => { window.open(get) }", get)
    opened.value.wait_for_load_state()
    page.goto("/")
    own = page.evaluate(
        "body => fetch('/graphql', {method: 'POST', body, headers: {'content-type': 'application/json'}})"
        ".then(response => response.json())",
        json.dumps({"query": MUTATION % "own"}),
    )
    assert own["data"]["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess"
    registered = {line.split()[0] for line in vwe.call("seeds", "list").stdout.splitlines()}
    assert "own" in registered
    assert "evil" not in registered


def test_name_that_another_site_points_at_this_machine_is_not_served(address: str, evil_page: Page) -> None:
    rebound = address.replace("127.0.0.1", "rebound.example")
    response = evil_page.goto(rebound)
    assert response is not None
    assert response.status == 400
    assert "VWE_ALLOWED_HOSTS" in evil_page.inner_text("body")
