"""The map page of a world as plain files, from ``vwe export --to site``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vwe_dagster.exporting.source import ExportSource
from vwe_dagster_tests.exporting.exports import write

pytestmark = pytest.mark.slow


def test_export_has_the_page_the_world_and_its_tiles(tmp_path: Path, source: ExportSource) -> None:
    site = write(tmp_path / "site", "site", source)
    assert (site / "index.html").is_file()
    world = site / "worlds" / source.seed.key
    assert json.loads((world / "world.json").read_text())["number"] == source.seed.number
    assert len(list(world.glob("tiles/map/*/*/*.webp"))) == 1 + 4 + 16 + 64
