"""A page of another site, in a real browser, tries to send commands to Dagster while ``vwe ui`` is running."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from vwe_dagster_tests.command import Vwe

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


def mutation_of(key: str) -> str:
    return MUTATION % key


def test_page_of_another_site_adds_no_seed(vwe: Vwe, page: Page, address: str, evil_page: Page) -> None:
    query = mutation_of("evil")
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
        json.dumps({"query": mutation_of("own")}),
    )
    assert own["data"]["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess"
    assert vwe.run("seeds", "list").stdout.split()[0] == "own"
    assert "evil" not in vwe.run("seeds", "list").stdout


def test_name_that_another_site_points_at_this_machine_is_not_served(address: str, evil_page: Page) -> None:
    rebound = address.replace("127.0.0.1", "rebound.example")
    response = evil_page.goto(rebound)
    assert response is not None
    assert response.status == 400
    assert "VWE_ALLOWED_HOSTS" in evil_page.inner_text("body")
