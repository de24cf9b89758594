"""Places: the locations of a world by the kinds that players know, and their statistics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import bearing_deg
from vwe_dagster.locations.kinds import UNKNOWN_KIND, LocationKind, kind_of, kinds_by_prefab
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.table_file import shipped_table

NEAR_M = 2000.0
"""Places within this distance from the center of the world are also counted separately."""

PLACE_COLUMNS = {
    "kind": "str",
    "label": "str",
    "group": "str",
    "prefab": "str",
    "x_m": "float32",
    "y_m": "float32",
    "z_m": "float32",
    "distance_m": "float64",
    "bearing_deg": "float64",
    "candidate": "bool",
    "placed": "bool",
}
"""Columns of the table of places. ``kind``, ``label`` and ``group`` are those of
:class:`vwe_dagster.locations.kinds.LocationKind`, ``distance_m`` and ``bearing_deg`` are seen from the center of the
world, ``candidate`` marks one of several places of which the game keeps the one that is explored first, and ``placed``
a place that the game has built already."""

_NEAREST = {
    "nearest_m": "distance_m",
    "nearest_bearing_deg": "bearing_deg",
    "nearest_x_m": "x_m",
    "nearest_z_m": "z_m",
}


def known_kinds() -> Mapping[str, LocationKind]:
    """Return every kind by its name, in the running order of their first types, the kind of unknown types last."""
    kinds = {kind.kind: kind for kind in kinds_by_prefab().values()}
    return {**kinds, UNKNOWN_KIND.kind: UNKNOWN_KIND}


def place_table(locations: pd.DataFrame, table: LocationTable | None = None) -> pd.DataFrame:
    """Return the locations as places, by kind, those nearest to the center of the world first.

    Args:
        locations: see :data:`vwe_dagster.world.canonical.LOCATION_COLUMNS`.
        table: the location table, for the types of which the game keeps one instance; the game's own if omitted.

    Returns:
        The columns :data:`PLACE_COLUMNS`; kinds are in the order of :func:`known_kinds`.
    """
    prefabs, prefab = np.unique(locations["prefab"].to_numpy(str), return_inverse=True)
    kinds = [kind_of(name) for name in prefabs]
    x_m, z_m = (locations[column].to_numpy(np.float64) for column in ("x_m", "z_m"))
    distance_m = np.hypot(x_m, z_m)
    rank = {kind: rank for rank, kind in enumerate(known_kinds())}
    order = np.lexsort((distance_m, np.array([rank[kind.kind] for kind in kinds], np.int64)[prefab]))
    prefab = prefab[order]
    placed = locations["placed"].to_numpy(bool)[order]
    return pd.DataFrame(
        {
            **{
                column: np.array([getattr(kind, column) for kind in kinds], object)[prefab]
                for column in ("kind", "label")
            },
            "group": np.array([kind.group.value for kind in kinds], object)[prefab],
            "prefab": prefabs.astype(object)[prefab],
            **{column: locations[column].to_numpy()[order] for column in ("x_m", "y_m", "z_m")},
            "distance_m": distance_m[order],
            "bearing_deg": bearing_deg(x_m[order], z_m[order]),
            "candidate": _is_one_of_several(prefabs, prefab, table or shipped_table())[prefab] & ~placed,
            "placed": placed,
        }
    ).astype(PLACE_COLUMNS)


def place_statistics(places: pd.DataFrame | None) -> dict[str, object]:
    """Return the statistics of the places of a world; null if its source has no locations.

    - ``location_count``: number of all locations.
    - ``places``: for each kind of :func:`known_kinds` its ``label`` and ``group``; ``count``; ``candidates``, the
      number of candidates among them; ``within_2km``, the number within :data:`NEAR_M` of the center; and of the
      nearest one ``nearest_m``, ``nearest_bearing_deg``, ``nearest_x_m`` and ``nearest_z_m``, null if there is none.
      The distance to the nearest candidate is a best case.

    Args:
        places: see :func:`place_table`.
    """
    if places is None:
        return {"location_count": None, "places": None}
    kinds = list(known_kinds().values())
    # The table is sorted by kind, and within a kind by distance.
    rank = {kind.kind: rank for rank, kind in enumerate(kinds)}
    starts = np.searchsorted(places["kind"].map(rank).to_numpy(np.int64), np.arange(len(kinds) + 1))
    columns = {name: places[name].to_numpy() for name in ("candidate", *_NEAREST.values())}
    return {
        "location_count": len(places),
        "places": {
            kind.kind: {
                "label": kind.label,
                "group": kind.group.value,
                **_of_kind({name: values[start:stop] for name, values in columns.items()}),
            }
            for kind, start, stop in zip(kinds, starts, starts[1:], strict=False)
        },
    }


def _of_kind(columns: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, object]:
    count = len(columns["distance_m"])
    return {
        "count": count,
        "candidates": int(columns["candidate"].sum()),
        "within_2km": int(np.searchsorted(columns["distance_m"], NEAR_M, side="right")),
        **{name: float(columns[column][0]) if count else None for name, column in _NEAREST.items()},
    }


def _is_one_of_several(
    prefabs: npt.NDArray[np.str_], prefab: npt.NDArray[np.intp], table: LocationTable
) -> npt.NDArray[np.bool_]:
    """Return which prefabs have several instances of which the game keeps one, ``[prefab]``."""
    unique = {each.prefab for each in table.types if each.unique}
    counts = np.bincount(prefab, minlength=len(prefabs))
    return np.array([name in unique for name in prefabs], bool) & (counts > 1)
