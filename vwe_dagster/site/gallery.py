"""What ``worlds.json`` says: a row for each world that can be shown, for the gallery."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Collection
from typing import Any

import pyarrow as pa

from vwe_dagster.biomes import BIOMES, Biome
from vwe_dagster.catalog.names import same_world
from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.rendering.palette import BIOME_COLOURS, hex_code
from vwe_dagster.seeds import Seed
from vwe_dagster.store import MANIFEST_NAME, WorldStore
from vwe_dagster.store.errors import disk_errors_explained

_NEAREST = {f"{biome.name.lower()}_nearest_land_m": biome for biome in BIOMES if biome is not Biome.OCEAN}
_COLUMNS = [
    "seed", "number", "land_area_km2", "islands", "largest_island_km2", "start_island_area_km2", "highest_peak_m",
    "rivers", *_NEAREST, "grid_size",
]  # fmt: skip

_Traces = frozenset[tuple[str, int, int]]


@dataclasses.dataclass(frozen=True)
class _Known:
    traces: _Traces
    table: pa.Table


class Gallery:
    """The worlds of a data folder, as the catalog of seeds has them; safe for any number of threads.

    The catalog is brought up to date when a stage ``processed`` was made, made again or removed, and only then.
    """

    def __init__(self, store: WorldStore) -> None:
        self._store = store
        self._catalog = SeedCatalog(store)
        self._updating = threading.Lock()
        self._known: _Known | None = None

    def worlds(self) -> bytes:
        """``worlds.json``, see :func:`gallery_json`."""
        return gallery_json(self._current())

    def same_world(self, seed: Seed) -> list[Seed]:
        """The other seeds that are the same world, among those that have been made."""
        return same_world(seed, _seeds(self._current()))

    def _current(self) -> pa.Table:
        with self._updating:
            traces = self._traces()
            if self._known is None or self._known.traces != traces:
                self._known = _Known(traces, rows_of(self._catalog.look().table, {folder for folder, *_ in traces}))
            return self._known.table

    def _traces(self) -> _Traces:
        """What changes when a stage ``processed`` of a world that can be shown does: found out without reading any."""
        with disk_errors_explained(self._store.root):
            found = set()
            for path in (self._store.root / "seeds").glob(f"*/processed/{MANIFEST_NAME}"):
                try:
                    facts = path.stat()
                except FileNotFoundError:
                    continue
                if (path.parents[1] / "extracted" / MANIFEST_NAME).exists():
                    found.add((path.parts[-3], facts.st_ino, facts.st_mtime_ns))
            return frozenset(found)


def gallery_json(table: pa.Table) -> bytes:
    """The content of ``worlds.json``: ``columns``, their names, and ``rows``, a list of values for each world.

    ``colours`` are those of the biomes whose nearest land a column tells of, by its name.

    Args:
        table: a catalog, or some rows of one.
    """
    rows = table.select(_COLUMNS).to_pylist()
    content: dict[str, Any] = {
        "columns": _COLUMNS,
        "colours": {column: hex_code(BIOME_COLOURS[biome]) for column, biome in _NEAREST.items()},
        "rows": [[_short(row[name]) for name in _COLUMNS] for row in rows],
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def rows_of(table: pa.Table, folders: Collection[str]) -> pa.Table:
    """The rows of a catalog whose seeds have these folders."""
    return table.filter(pa.array([seed.folder_name in folders for seed in _seeds(table)], pa.bool_()))


def _seeds(table: pa.Table) -> list[Seed]:
    keys, numbers = table.column("seed").to_pylist(), table.column("number").to_pylist()
    return [Seed(key, number) for key, number in zip(keys, numbers, strict=True)]


def _short(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value
