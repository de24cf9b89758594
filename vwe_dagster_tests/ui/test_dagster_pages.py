"""A user adds a seed in the UI, materializes it, and reads its metadata, in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from vwe_dagster.store import WORLD_STAGES
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.ui.pages import ASSETS, GROUP, add_seed, launch, shown_size

KEY = "HHcLC5acQt"


def test_user_generates_a_world_and_reads_its_metadata(vwe: Vwe, page: Page, screenshots: Path) -> None:
    add_seed(page, KEY)
    page.screenshot(path=screenshots / "materialize.png")
    assert launch(page, KEY)["status"] == "SUCCESS"
    page.goto(f"{GROUP}/lineage")
    expect(page.get_by_text("100% filled")).to_have_count(len(ASSETS))
    page.screenshot(path=screenshots / "lineage.png")
    (seed,) = vwe.store.seeds()
    assert [vwe.store.damaged(seed, stage) for stage in WORLD_STAGES] == [[]] * len(WORLD_STAGES)
    for asset in ASSETS:
        look_at(page, asset)
        page.screenshot(path=screenshots / f"{asset}.png")
    page.get_by_text("[Show Markdown]").click()
    assert shown_size(page, "[src^='data:image/webp']") == [256, 256]
    page.wait_for_timeout(1000)  # the dialog fades in
    page.screenshot(path=screenshots / "larger_map.png")


def test_partition_that_is_not_a_seed_fails_with_an_error(page: Page, screenshots: Path) -> None:
    add_seed(page, "../evil")
    run = launch(page, "../evil")
    assert run["status"] == "FAILURE"
    page.goto(f"/runs/{run['runId']}")
    expect(page.get_by_text("has two dots in a row").first).to_be_visible()
    page.screenshot(path=screenshots / "refused.png")


def look_at(page: Page, asset: str) -> None:
    """Open the seed's metadata on the page of an asset, and check it."""
    page.goto(f"/assets/{asset}?view=partitions&partition={KEY}")
    expect(page.get_by_text("Black", exact=False).first).to_be_visible()
    assert shown_size(page, "img[alt=map]") == [96, 96]
    text = page.inner_text("body")
    for words in ("Materialized", "BlackForest", "Mistlands", "native 1.0", "built in (s)", "sha256", "manifest.json"):
        assert words in text
