"""The asset ``seed_catalog`` and what its page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from vwe_dagster.catalog.table import COLUMNS, SeedCatalog
from vwe_dagster.defs.assets.seed_catalog import seed_catalog
from vwe_dagster.defs.resources import WorldStoreResource
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.defs.conftest import KEY
from vwe_dagster_tests.defs.pipeline import Pipeline
from vwe_dagster_tests.worlds import publish_statistics


def materialize(root: Path, instance: dg.DagsterInstance) -> dg.AssetMaterialization:
    result = dg.materialize([seed_catalog], resources={"store": WorldStoreResource(root=str(root))}, instance=instance)
    (event,) = result.asset_materializations_for_node("seed_catalog")
    return event


def shown(event: dg.AssetMaterialization) -> dict[str, Any]:
    return {label: value.value for label, value in event.metadata.items()}


def test_catalog_ranks_worlds_and_shows_the_first(with_world: Pipeline) -> None:
    publish_statistics(with_world.store, "flat", highest_peak_above_sea_m=1, swamp_first_m=1)
    metadata = shown(materialize(with_world.root, with_world.instance))
    assert metadata["seeds"] == metadata["updated rows"] == 2
    assert [record.data["seed"] for record in metadata["Highest peak above the sea (m)"].records] == [KEY, "flat"]
    assert metadata[f"Highest peak above the sea (m): {KEY}"].startswith("![map](<data:image/svg+xml")
    assert metadata["Nearest Swamp (m): flat"] == "The stage extracted is missing; materialize the world again."
    assert SeedCatalog(WorldStore(with_world.root)).path == Path(metadata["file"])


def test_every_column_of_the_catalog_has_a_type_and_a_description() -> None:
    schema = seed_catalog.metadata_by_key[seed_catalog.key]["dagster/column_schema"]
    assert [column.name for column in schema.columns] == list(COLUMNS)
    assert [column.name for column in schema.columns if not column.description or not column.type] == []


def test_data_version_of_the_catalog_follows_its_content(with_world: Pipeline) -> None:
    def version() -> str:
        return (materialize(with_world.root, with_world.instance).tags or {})["dagster/data_version"]

    first = version()
    assert version() == first
    with_world.store.remove(parse_seed(KEY))
    assert version() != first
