"""A user backfills many seeds in the UI and reads the catalog, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.ui.pages import ASSETS, GROUP, launch_backfill, select_partitions, shown_size

CATALOG_MS = 120_000
KEYS = ("alpha", "beta", "@5")


def test_user_backfills_seeds_and_reads_the_catalog(vwe: Vwe, page: Page, screenshots: Path) -> None:
    assert vwe.run("seeds", "add", *KEYS).returncode == 0
    page.goto(f"{GROUP}/lineage")
    page.get_by_role("button", name="Materialize all").click()
    select_partitions(page, "All", "Launch backfill")
    page.screenshot(path=screenshots / "backfill_dialog.png")
    assert launch_backfill(page) == "COMPLETED_SUCCESS"
    page.goto(f"{GROUP}/lineage")
    expect(page.get_by_text("100% filled")).to_have_count(len(ASSETS))
    page.screenshot(path=screenshots / "backfill.png")
    assert {seed.key for seed in vwe.store.seeds()} >= set(KEYS)
    assert all(vwe.store.damaged(seed, stage) == [] for seed in vwe.store.seeds() for stage in WORLD_STAGES)
    # The catalog is materialized automatically.
    page.goto("/assets/seed_catalog?view=events")
    expect(page.get_by_text(COLUMNS["start_land_km2"].heading, exact=True).first).to_be_visible(timeout=CATALOG_MS)
    assert shown_size(page, "img[alt=map]") == [96, 96]
    page.screenshot(path=screenshots / "catalog.png")
    found = vwe.run("find", "--json", "--columns", "seed")
    assert {row["seed"] for row in json.loads(found.stdout)} >= set(KEYS)
