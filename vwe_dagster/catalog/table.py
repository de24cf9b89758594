"""The table of all built worlds in one Parquet file: a row per seed, with its statistics as columns.

The table can be rebuilt from the stages ``processed`` and is updated from the new ones.
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
from vwe_dagster.analysis.columns import COLUMNS as ROW_COLUMNS
from vwe_dagster.analysis.columns import ColumnType
from vwe_dagster.files.atomic import write_atomically
from vwe_dagster.files.bounded_read import NotAFileError, read_file
from vwe_dagster.seeds.seed import Seed, folder_name_of
from vwe_dagster.store import Manifest, StoreError, WorldStore
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.store.manifest import STATISTICS
from vwe_dagster.store.notes import Notes

_SEED = "seed"
_DIGEST = "processed_digest"
_TRACE = "manifests"
_TYPES = {ColumnType.COUNT: pa.int32(), ColumnType.MEASURE: pa.float32()}

COLUMNS: Mapping[str, pa.DataType] = {
    _SEED: pa.string(),
    "number": pa.int32(),
    "note": pa.string(),
    **{name: _TYPES[column.type] for name, column in ROW_COLUMNS.items()},
    "grid_size": pa.int32(),
    "engine": pa.string(),
    "made_at": pa.timestamp("us", tz="UTC"),
    "stale": pa.bool_(),
    _DIGEST: pa.string(),
    _TRACE: pa.string(),
}
"""The columns and their types. The columns of statistics are :data:`vwe_dagster.analysis.columns.COLUMNS`, null if the
source of a world does not have the subject. ``stale`` marks statistics computed from former planes or by former code.
``manifests`` changes with the manifests of ``raw``, ``extracted`` and ``processed``."""

_MAX_BYTES = 2 * 2**30
"""Size of the largest catalog that is read."""

_EMPTY = pa.Table.from_pylist([], schema=pa.schema(COLUMNS))


def is_stale(store: WorldStore, processed: Manifest) -> bool:
    """Return whether the statistics of a world were computed from former planes or by former code."""
    raw, extracted = store.manifest(processed.seed, "raw"), store.manifest(processed.seed, "extracted")
    is_of_former_planes = extracted is not None and not processed.is_built_from(extracted)
    is_of_former_export = raw is not None and extracted is not None and extracted.is_outdated_by(raw)
    return is_of_former_planes or is_of_former_export or processed.recipe.code_version != CODE_VERSION


@dataclasses.dataclass(frozen=True)
class CatalogState:
    """The current catalog.

    Attributes:
        table: a row for each seed, ordered by seed, with :data:`COLUMNS`.
        left_out: the reasons why worlds are missing, by seed.
        read: number of worlds that were read; the others were in the catalog already.
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
        """Update the file with the existing worlds; only new and rebuilt worlds are read.

        Raises:
            StoreError: the data folder cannot be read or written.
        """
        state, is_new = self._current()
        if is_new:
            self._write(state.table)
        return state

    def load(self) -> CatalogState:
        """Return the current catalog like :meth:`update`, but also if the file cannot be written.

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
        """Return the rows of the worlds in these folders, and the reasons for those that cannot be read, by seed."""
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
        """Return the table as last written; None if it is missing or unusable."""
        try:
            with disk_errors_explained(self._store.root):
                content = read_file(self.path, _MAX_BYTES)
            # Arrow's threads may release a buffer after the interpreter has begun to exit, so Arrow must own it.
            with pa.BufferOutputStream() as memory:
                memory.write(content)
                table = pa.parquet.read_table(pa.BufferReader(memory.getvalue()))
        except (FileNotFoundError, NotAFileError, StoreError, pa.ArrowException):
            return None
        return table if table.schema.equals(pa.schema(COLUMNS)) else None

    def _row(self, seed: Seed, manifest: Manifest) -> dict[str, Any]:
        statistics = json.load(self._store.read(manifest, STATISTICS))
        row = statistics.get("columns", {})
        grid = manifest.recipe.grid
        return {
            "seed": seed.key,
            "number": seed.number,
            **{name: row.get(name) for name in ROW_COLUMNS},
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
                write_atomically(self.path, memory.getvalue().to_pybytes())


def _table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(COLUMNS))


def _sorted(table: pa.Table) -> pa.Table:
    keys = table[_SEED].to_pylist()
    order = sorted(range(len(keys)), key=lambda row: (keys[row].casefold(), keys[row]))
    return table.take(pa.array(order, pa.int64())).combine_chunks()
