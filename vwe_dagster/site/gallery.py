"""The content of ``worlds.json`` for the gallery: a row per world that can be shown."""

from __future__ import annotations

import dataclasses
import functools
import json
import threading
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from vwe_dagster.analysis.columns import COLUMNS as ROW_COLUMNS
from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.rendering.palette import BIOME_COLORS, hex_code
from vwe_dagster.seeds.lookalikes import LookAlikes
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import MANIFEST_NAME, WorldStore
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.store.stages import built_stages
from vwe_dagster.world.biomes import Biome

_SORTED: Mapping[str, bool] = {
    "start_land_km2": False,
    "land_5km_km2": False,
    "islands": False,
    "largest_island_km2": False,
    "highest_peak_above_sea_m": False,
    "rivers": False,
    "black_forest_first_m": True,
    "swamp_first_m": True,
    "mountain_first_m": True,
    "plains_sail_m": True,
    "mistlands_sail_m": True,
    "haldor_m": True,
    "trader_tour_km": True,
    "boss_tour_km": True,
}
"""Columns that the gallery sorts by, and whether the smallest value comes first."""

_WAYS = {
    "swamp_first_m": Biome.SWAMP,
    "mountain_first_m": Biome.MOUNTAIN,
    "plains_sail_m": Biome.PLAINS,
    "mistlands_sail_m": Biome.MISTLANDS,
}
"""Columns of distances that the card of a world shows, and their biomes."""

_COLUMNS = ["seed", "number", *_SORTED, "grid_size"]

_KEPT = 2**17
"""Number of worlds for which it is cached whether they can be shown."""

_Trace = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class _Known:
    traces: Mapping[str, _Trace]
    table: pa.Table


class Gallery:
    """The worlds of a data folder with the columns of the seed catalog; thread-safe.

    The catalog is updated only when a stage ``extracted`` or ``processed`` was built, rebuilt or removed.
    """

    def __init__(self, store: WorldStore) -> None:
        self._store = store
        self._catalog = SeedCatalog(store)
        self._shown = functools.lru_cache(_KEPT)(self._can_be_shown)
        self._updating = threading.Lock()
        self._known: _Known | None = None

    def worlds(self) -> bytes:
        """Return the content of ``worlds.json``, see :func:`gallery_json`."""
        return gallery_json(self._current(), finds=True)

    def same_world(self, seed: Seed) -> list[Seed]:
        """Return the other seeds with the same world, among the built ones."""
        return LookAlikes(_seeds(self._current())).same_world(seed)

    def _current(self) -> pa.Table:
        with self._updating:
            traces = self._traces()
            if self._known is None or self._known.traces != traces:
                table = self._catalog.load().table
                folders = {seed.folder_name: seed for seed in _seeds(table)}
                shown = {
                    name for name, trace in traces.items() if name in folders and self._shown(folders[name], trace)
                }
                self._known = _Known(traces, rows_of(table, shown))
            return self._known.table

    def _can_be_shown(self, seed: Seed, _: _Trace) -> bool:
        return built_stages(self._store, seed) is not None

    def _traces(self) -> dict[str, _Trace]:
        """Return the inodes and times of the manifests that decide whether a world is shown, by folder.

        They change with the manifests, and no file is read.
        """
        with disk_errors_explained(self._store.root):
            found = {}
            for path in (self._store.root / "seeds").glob(f"*/processed/{MANIFEST_NAME}"):
                folder = path.parents[1]
                try:
                    facts = [each.stat() for each in (folder / "extracted" / MANIFEST_NAME, path)]
                except (FileNotFoundError, NotADirectoryError):
                    continue
                found[folder.name] = tuple((each.st_ino, each.st_mtime_ns) for each in facts)
            return found


def gallery_json(table: pa.Table, *, finds: bool = False) -> bytes:
    """Return the content of ``worlds.json``: ``columns``, their names, and ``rows``, a list of values per world.

    ``measures`` are the columns to sort by: label, name, and whether the smallest value comes first. ``colors``,
    ``titles`` and ``biomes`` have the color, the title and the name of the biome of each distance on the card of a
    world, by column.

    Args:
        table: a catalog, or some rows of one.
        finds: whether a server evaluates conditions and has the page *Find a seed*.
    """
    rows = table.select(_COLUMNS).to_pylist()
    content: dict[str, Any] = {
        "finds": finds,
        "columns": _COLUMNS,
        "measures": [[ROW_COLUMNS[name].label, name, least_first] for name, least_first in _SORTED.items()],
        "colors": {column: hex_code(BIOME_COLORS[biome]) for column, biome in _WAYS.items()},
        "titles": {column: biome.title for column, biome in _WAYS.items()},
        "biomes": {column: biome.game_name for column, biome in _WAYS.items()},
        "rows": [[_short(row[name]) for name in _COLUMNS] for row in rows],
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def rows_of(table: pa.Table, folders: Collection[str]) -> pa.Table:
    """Return the rows of a catalog whose seeds have one of these folder names."""
    return table.filter(pa.array([seed.folder_name in folders for seed in _seeds(table)], pa.bool_()))


def _seeds(table: pa.Table) -> list[Seed]:
    keys, numbers = table.column("seed").to_pylist(), table.column("number").to_pylist()
    return [Seed(key, number) for key, number in zip(keys, numbers, strict=True)]


def _short(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value
