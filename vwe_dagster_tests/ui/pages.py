"""Steps of a user on Dagster's pages."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

ASSETS = ("raw_export", "extracted", "processed", "renders")
GROUP = "/locations/vwe/asset-groups/world"
RUN_S = BACKFILL_S = 240
DIALOG_S = 60
SETTLED_S = 2
EMPTY = "about:blank"
RUNS = (
    "query ($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { ... on Runs { results { runId status } } } }"
)
MATERIALIZATIONS = (
    "query ($key: AssetKeyInput!) "
    "{ assetOrError(assetKey: $key) { ... on Asset { assetMaterializations(limit: 1) { runId } } } }"
)
BACKFILLS = "query { partitionBackfillsOrError { ... on PartitionBackfills { results { id status } } } }"


def add_seed(page: Page, key: str) -> None:
    """Add a partition in the dialog that materializes all four assets, and leave the dialog open with it selected."""
    page.goto(f"{GROUP}/lineage")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_text("Add a partition").first.click()
    name = page.get_by_placeholder("name")
    name.fill(key)
    page.get_by_role("button", name="Save").click()
    name.wait_for(state="detached")
    select_partitions(page, "Missing", "Launch 1 run")


def launch(page: Page, key: str) -> dict[str, str]:
    """Launch the run of the open dialog, wait for its end, and return its ``runId`` and ``status``."""
    page.get_by_role("button", name="Launch 1 run").click()
    tags = [{"key": "dagster/partition", "value": key}]
    deadline = time.monotonic() + RUN_S
    while time.monotonic() < deadline:
        for run in ask(page, RUNS, tags=tags)["runsOrError"]["results"]:
            if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}:
                return dict(run)
            leave(page)
        page.wait_for_timeout(500)
    pytest.fail(f"the run of {key} did not end within {RUN_S} s")


def shown_size(page: Page, selector: str) -> Any:
    """Return width and height of a picture after the browser has decoded it."""
    picture = page.locator(selector).first
    picture.wait_for()
    return picture.evaluate("async img => { await img.decode(); return [img.naturalWidth, img.naturalHeight] }")


def select_partitions(page: Page, which: str, then: str) -> None:
    """Press a button that selects partitions in the open dialog until the dialog has selected them.

    While the dialog is loading materializations it selects none, and drops the selection.

    Args:
        page: the page.
        which: the button, such as *All*.
        then: the button that is enabled with these selected.
    """
    ready = page.get_by_role("button", name=then)
    since = None
    deadline = time.monotonic() + DIALOG_S
    while time.monotonic() < deadline:
        if not ready.is_visible() or not ready.is_enabled():
            since = None
            page.get_by_role("button", name=which, exact=True).click()
        elif since is None:
            since = time.monotonic()
        elif time.monotonic() - since > SETTLED_S:
            return
        page.wait_for_timeout(300)
    expect(ready).to_be_enabled()


def launch_backfill(page: Page) -> str:
    """Launch the backfill of the open dialog, wait for its end, and return its status."""
    before = {backfill["id"] for backfill in backfills(page)}
    page.get_by_role("button", name="Launch backfill").click()
    deadline = time.monotonic() + BACKFILL_S
    while time.monotonic() < deadline:
        for backfill in backfills(page):
            if backfill["id"] not in before:
                if backfill["status"] not in {"REQUESTED", "CANCELING"}:
                    return str(backfill["status"])
                leave(page)
        page.wait_for_timeout(500)
    pytest.fail(f"the backfill did not end within {BACKFILL_S} s")


def backfills(page: Page) -> list[dict[str, str]]:
    """Return all backfills, with ``id`` and ``status``."""
    return list(ask(page, BACKFILLS)["partitionBackfillsOrError"]["results"])


def wait_for_materialization(page: Page, asset: str) -> None:
    """Leave the page, and wait until an asset without partitions has been materialized."""
    leave(page)
    deadline = time.monotonic() + RUN_S
    while not ask(page, MATERIALIZATIONS, key={"path": [asset]})["assetOrError"].get("assetMaterializations"):
        if time.monotonic() > deadline:
            pytest.fail(f"{asset} was not materialized within {RUN_S} s")
        page.wait_for_timeout(500)


def leave(page: Page) -> None:
    """Show an empty page. While a run lasts, Dagster's pages send requests and move their signs all the time."""
    if page.url != EMPTY:
        page.goto(EMPTY)


def ask(page: Page, query: str, **variables: Any) -> dict[str, Any]:
    """Return the data of the response to a GraphQL query."""
    answer = page.request.post("/graphql", data={"query": query, "variables": variables}).json()
    return dict(answer["data"])
