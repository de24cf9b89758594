"""The asset ``seed_catalog``: one table of the statistics of all worlds."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vwe_dagster.analysis.columns import COLUMNS as ROW_COLUMNS
from vwe_dagster.catalog.names import column_helps
from vwe_dagster.catalog.table import COLUMNS, SeedCatalog
from vwe_dagster.defs.automation import CATALOG
from vwe_dagster.defs.metadata import miniature, rows_table
from vwe_dagster.rendering.biome_map import biome_thumbnail
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.store.stages import grid_of, read_plane

TOP = 5
"""Number of seeds in a ranking."""

RANKINGS: Mapping[str, bool] = {
    "highest_peak_above_sea_m": False,
    "start_land_km2": False,
    "islands": False,
    "swamp_first_m": True,
    "mountain_first_m": True,
    "haldor_m": True,
    "boss_tour_km": True,
}
"""Columns that seeds are ranked by; True if the smallest value comes first."""


_OWN_COLUMNS = {
    "processed_digest": "Digest of the files of the stage processed from which the row was read.",
    "manifests": "Text that changes with the manifests of the stages raw, extracted and processed.",
}
"""Meanings of columns that conditions cannot use."""


def column_schema() -> dg.TableSchema:
    """Return the columns of the catalog with their types and meanings."""
    meanings = {column.name: column.meaning for column in column_helps()} | _OWN_COLUMNS
    return dg.TableSchema([dg.TableColumn(name, str(kind), meanings[name]) for name, kind in COLUMNS.items()])


@dg.asset(
    deps=["processed"],
    group_name="catalog",
    kinds={"parquet", "duckdb"},
    automation_condition=CATALOG,
    metadata={"dagster/column_schema": column_schema()},
)
def seed_catalog(store: dg.ResourceParam[WorldStore]) -> dg.MaterializeResult[None]:
    """The statistics of every world, with one row per seed; `vwe find` searches it.

    Only new and rebuilt worlds are read. A world with a damaged stage `processed` is left out.
    """
    catalog = SeedCatalog(store)
    state = catalog.update()
    return dg.MaterializeResult(
        metadata={
            "seeds": state.table.num_rows,
            "updated rows": state.read,
            **({"left out": dg.MetadataValue.json(dict(state.left_out))} if state.left_out else {}),
            "file": dg.MetadataValue.path(catalog.path),
            **dict(_rankings(store, state.table)),
        },
        data_version=dg.DataVersion(_digest(state.table)),
    )


def _digest(table: pa.Table) -> str:
    return hashlib.sha256("".join(table["processed_digest"].to_pylist()).encode()).hexdigest()


def _rankings(store: WorldStore, table: pa.Table) -> Iterator[tuple[str, dg.MetadataValue[Any]]]:
    """Yield for each ranking a table of the best seeds, and the map of the first of them."""
    for column, least_first in RANKINGS.items():
        title = ROW_COLUMNS[column].heading
        order = "ascending" if least_first else "descending"
        ranked = table.filter(pc.is_valid(table[column])).sort_by([(column, order), ("seed", "ascending")])
        best = ranked.slice(0, TOP).select(["seed", column]).to_pylist()
        if best:
            rows = [{"seed": row["seed"], title: f"{row[column]:,.2f}".removesuffix(".00")} for row in best]
            yield title, rows_table(pd.DataFrame(rows))
            yield f"{title}: {best[0]['seed']}", dg.MetadataValue.md(_map_of(store, best[0]["seed"]))


def _map_of(store: WorldStore, key: str) -> str:
    manifest = store.manifest(parse_seed(key), "extracted")
    if manifest is None:
        return "The stage extracted is missing; materialize the world again."
    try:
        return miniature(biome_thumbnail(read_plane(store, manifest, "biome"), grid_of(manifest)))
    except StoreError as error:
        return str(error)
