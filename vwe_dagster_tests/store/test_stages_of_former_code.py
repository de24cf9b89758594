"""Stages ``processed`` of earlier versions are read with the current names of columns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster.store.stages import read_processed, write_processed
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import publish_world


def test_heights_of_former_code_are_read_as_heights_above_the_sea(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish_world(store, "abc", Grid.of_world(64))
    manifest = store.manifest(parse_seed("abc"), "processed")
    assert manifest is not None
    present = read_processed(store, manifest)
    former = dataclasses.replace(
        present,
        biomes=present.biomes.drop(columns=["first_m", "first_bearing_deg", "first_km2"]),
        peaks=present.peaks.assign(above_sea_m=present.peaks["above_sea_m"] + 30).rename(
            columns={"above_sea_m": "height_m"}
        ),
        statistics={"highest_peak_height_m": 430.5},
    )
    with store.publish(manifest.seed, "processed", manifest.recipe) as draft:
        write_processed(draft, former)
    published = store.manifest(manifest.seed, "processed")
    assert published is not None
    read = read_processed(store, published)
    assert read.peaks["above_sea_m"].tolist() == pytest.approx(present.peaks["above_sea_m"].tolist())
    assert read.biomes["first_m"].isna().all()
    assert read.statistics == {"columns": {}, "highest_peak_above_sea_m": 400.5}
