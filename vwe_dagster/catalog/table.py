"""The table of all worlds that have been made: a row for each seed, its statistics as columns, in one Parquet file.

It holds nothing that the stages ``processed`` do not say, and is brought up to date from those that are new.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from vwe_dagster.analysis import CODE_VERSION
from vwe_dagster.analysis.places import known_kinds
from vwe_dagster.files.atomic import write_whole
from vwe_dagster.files.bounded_read import NotAFileError, read_file
from vwe_dagster.locations.kinds import LocationGroup
from vwe_dagster.seeds.seed import Seed, folder_name_of
from vwe_dagster.store import Manifest, StoreError, WorldStore
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.store.manifest import STATISTICS
from vwe_dagster.store.notes import Notes
from vwe_dagster.world.biomes import BIOMES, Biome

_SEED = "seed"
_DIGEST = "processed_digest"
_TRACE = "manifests"
_FACTS = {
    "islands": "island_count",
    "largest_island_km2": "largest_island_area_km2",
    "land_area_km2": "land_area_km2",
    "land_share": "land_share_of_disc",
    "shoreline_km": "shoreline_km",
    "start_island_area_km2": "start_island_area_km2",
    "highest_peak_m": "highest_peak_height_m",
    "highest_peak_x_m": "highest_peak_x_m",
    "highest_peak_z_m": "highest_peak_z_m",
    "rivers": "river_count",
    "river_length_km": "river_length_km",
    "streams": "stream_count",
    "stream_length_km": "stream_length_km",
    "lakes": "lake_count",
}
_BIOME_FACTS = {
    "area_km2": "area_km2",
    "share": "share_of_disc",
    "nearest_m": "nearest_m",
    "nearest_land_m": "nearest_land_m",
    "highest_m": "max_height_m",
    "patches": "patch_count",
    "largest_patch_km2": "largest_patch_km2",
}
_PLACE_FACTS = {"count": "count", "nearest_m": "nearest_m", "within_2km": "within_2km"}
_PLACE_GROUPS = {
    LocationGroup.BOSS,
    LocationGroup.TRADER,
    LocationGroup.DUNGEON,
    LocationGroup.CAMP,
    LocationGroup.RESOURCE,
}
_PLACE_KINDS = [kind.kind for kind in known_kinds().values() if kind.group in _PLACE_GROUPS]
_COUNTS = {"islands", "rivers", "streams", "lakes"}


def _column_of(biome: Biome, fact: str) -> str:
    return f"{biome.name.lower()}_{fact}"


COLUMNS: Mapping[str, pa.DataType] = {
    _SEED: pa.string(),
    "number": pa.int32(),
    "note": pa.string(),
    **{name: pa.int64() if name in _COUNTS else pa.float64() for name in _FACTS},
    **{
        _column_of(biome, fact): pa.int64() if fact == "patches" else pa.float64()
        for biome in BIOMES
        for fact in _BIOME_FACTS
    },
    **{
        f"{kind}_{fact}": pa.float64() if fact == "nearest_m" else pa.int64()
        for kind in _PLACE_KINDS
        for fact in _PLACE_FACTS
    },
    "grid_size": pa.int32(),
    "engine": pa.string(),
    "made_at": pa.timestamp("us", tz="UTC"),
    "stale": pa.bool_(),
    _DIGEST: pa.string(),
    _TRACE: pa.string(),
}
"""The columns and their types. A unit is the end of a name: ``_m``, ``_km``, ``_km2``; a ``_share`` is of the disc's
area. A biome's ``nearest_m`` is from the centre of the world to its nearest cell, land or water; it is missing where
the world has none of the biome. Of a kind of places, ``_count`` is the number of all, ``_within_2km`` of those within
2 km of the centre. The game keeps one of several candidates of kinds such as traders, so their ``_nearest_m`` is a best
case. These columns are missing where the source of the world has no locations. ``stale`` marks statistics of former
planes or former code. ``manifests`` changes when the manifest of ``raw``, ``extracted`` or ``processed`` does."""

_MAX_BYTES = 2 * 2**30
"""Longest catalog that is read."""

_EMPTY = pa.Table.from_pylist([], schema=pa.schema(COLUMNS))


def is_stale(store: WorldStore, processed: Manifest) -> bool:
    """True if the statistics of a world are not those of its present planes, or were computed by former code."""
    raw, extracted = store.manifest(processed.seed, "raw"), store.manifest(processed.seed, "extracted")
    is_of_former_planes = extracted is not None and not processed.is_made_of(extracted)
    is_of_former_export = (
        raw is not None and extracted is not None and "raw" in extracted.recipe.inputs and not extracted.is_made_of(raw)
    )
    return is_of_former_planes or is_of_former_export or processed.recipe.code_version != CODE_VERSION


@dataclasses.dataclass(frozen=True)
class CatalogState:
    """The catalog as it now is.

    Attributes:
        table: a row for each seed, by name, with :data:`COLUMNS`.
        left_out: why the world of a seed is not in it, by seed.
        read: how many worlds were read for it; the others were in it already.
    """

    table: pa.Table
    left_out: Mapping[str, str]
    read: int


class SeedCatalog:
    """The catalog of a data folder.

    Args:
        store: the data folder.
    """

    def __init__(self, store: WorldStore) -> None:
        self._store = store
        self.path = store.root / "catalog" / "seeds.parquet"

    def update(self) -> CatalogState:
        """Brings the file up to date with the worlds that are there; reads those alone that are new or were made again.

        Raises:
            StoreError: the data folder cannot be read or written.
        """
        state, is_new = self._current()
        if is_new:
            self._write(state.table)
        return state

    def look(self) -> CatalogState:
        """As :meth:`update`, also where the file cannot be written, as on a full disk.

        Raises:
            StoreError: the data folder cannot be read.
        """
        state, is_new = self._current()
        if is_new:
            with contextlib.suppress(StoreError):
                self._write(state.table)
        return state

    def _current(self) -> tuple[CatalogState, bool]:
        """Return the catalog of the existing worlds, and True if the file differs from it."""
        former = self._read()
        table = _EMPTY if former is None else former
        traces = self._store.traces("raw", "extracted", "processed")
        # Another version of the analysis makes every row stale.
        traces = {name: f"{CODE_VERSION} {trace}" for name, trace in traces.items()}
        folders = [folder_name_of(key) for key in table[_SEED].to_pylist()]
        kept = [traces.get(name) == trace for name, trace in zip(folders, table[_TRACE].to_pylist(), strict=True)]
        unchanged = {name for name, keep in zip(folders, kept, strict=True) if keep}
        rows, left_out = self._rows({name: trace for name, trace in traces.items() if name not in unchanged})
        if rows or not all(kept):
            table = pa.concat_tables([table.filter(pa.array(kept, pa.bool_())), _table_of(rows)])
            table = _sorted(table)
        table = self._with_notes(table)
        return CatalogState(table, left_out, len(rows)), former is None or not table.equals(former)

    def _rows(self, traces: Mapping[str, str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Read the worlds in these folders; the second part names the seeds that cannot be read, and why."""
        rows, left_out = [], {}
        for folder_name, trace in traces.items():
            seed = self._store.seed_of(folder_name)
            manifest = None if seed is None else self._store.manifest(seed, "processed")
            if seed is None or manifest is None:
                continue
            try:
                rows.append({**self._row(seed, manifest), _TRACE: trace})
            except StoreError as error:
                left_out[seed.key] = str(error)
        return rows, left_out

    def _with_notes(self, table: pa.Table) -> pa.Table:
        notes = Notes(self._store.root).read()
        column = pa.array([notes.get(key) for key in table[_SEED].to_pylist()], pa.string())
        return table.set_column(table.column_names.index("note"), "note", column)

    def _read(self) -> pa.Table | None:
        """The table as it was last written, though worlds may have been made since; None if none can be used."""
        try:
            with disk_errors_explained(self._store.root):
                content = read_file(self.path, _MAX_BYTES)
            # Arrow's threads may let go of a buffer after the interpreter has begun to end: it must not be Python's.
            with pa.BufferOutputStream() as memory:
                memory.write(content)
                table = pa.parquet.read_table(pa.BufferReader(memory.getvalue()))
        except (FileNotFoundError, NotAFileError, StoreError, pa.ArrowException):
            return None
        return table if table.schema.equals(pa.schema(COLUMNS)) else None

    def _row(self, seed: Seed, manifest: Manifest) -> dict[str, Any]:
        statistics = json.load(self._store.read(manifest, STATISTICS))
        biomes = statistics["biomes"]
        grid = manifest.recipe.grid
        return {
            "seed": seed.key,
            "number": seed.number,
            **{name: statistics[source] for name, source in _FACTS.items()},
            **{
                _column_of(biome, fact): biomes.get(biome.game_name, {}).get(source)
                for biome in BIOMES
                for fact, source in _BIOME_FACTS.items()
            },
            **{
                f"{kind}_{fact}": (statistics.get("places") or {}).get(kind, {}).get(source)
                for kind in _PLACE_KINDS
                for fact, source in _PLACE_FACTS.items()
            },
            "grid_size": grid.size if grid is not None else None,
            "engine": manifest.recipe.maker,
            "made_at": manifest.made_at,
            "stale": is_stale(self._store, manifest),
            _DIGEST: manifest.digest,
        }

    def _write(self, table: pa.Table) -> None:
        with disk_errors_explained(self._store.root):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with pa.BufferOutputStream() as memory:
                pa.parquet.write_table(table, memory)
                write_whole(self.path, memory.getvalue().to_pybytes())


def _table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(COLUMNS))


def _sorted(table: pa.Table) -> pa.Table:
    keys = table[_SEED].to_pylist()
    order = sorted(range(len(keys)), key=lambda row: (keys[row].casefold(), keys[row]))
    return table.take(pa.array(order, pa.int64())).combine_chunks()
