"""Places of a world for its page: a summary by kind in ``world.json``, and all of them in ``places.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
from pydantic import JsonValue

from vwe_dagster.analysis.columns import BOSSES
from vwe_dagster.analysis.place_columns import Places, tour_stops
from vwe_dagster.analysis.places import known_kinds
from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering.icons import icon_path

_NEAREST = ("nearest_m", "nearest_bearing_deg", "nearest_x_m", "nearest_z_m")


def places_summary(table: JsonValue, analysis: WorldAnalysis) -> dict[str, Any] | None:
    """Return the summary of places for ``world.json``; None if the source of the world has no locations.

    - ``count``: number of all places.
    - ``table``: ``name`` and ``sha256`` of the table of location types; null if the source does not name one.
    - ``icons``: the paths of the icons of the kinds by name, see :func:`vwe_dagster.rendering.icons.icon_path`.
    - ``kinds``: the kinds that occur, in the order of :func:`vwe_dagster.analysis.places.known_kinds`: ``kind``,
      ``label``, ``group``, ``icon``, whether the map has it ``shown`` initially, ``count``, ``candidates``, and of the
      place nearest to the center ``nearest_m``, ``nearest_bearing_deg``, ``nearest_x_m``, ``nearest_z_m``.

    Args:
        table: see :attr:`vwe_dagster.site.header.WorldHeader.location_table`.
        analysis: the analysis of the world.
    """
    if analysis.places is None:
        return None
    measured = cast("Mapping[str, Mapping[str, Any]]", analysis.statistics["places"])
    kinds = [kind for kind in known_kinds().values() if measured[kind.kind]["count"]]
    return {
        "count": len(analysis.places),
        "table": table,
        "icons": {icon: icon_path(icon) for icon in sorted({kind.icon for kind in kinds})},
        "kinds": [
            {
                "kind": kind.kind,
                "label": kind.label,
                "group": kind.group.value,
                "icon": kind.icon,
                "shown": kind.shown,
                "count": measured[kind.kind]["count"],
                "candidates": measured[kind.kind]["candidates"],
                **{name: round(measured[kind.kind][name]) for name in _NEAREST},
            }
            for kind in kinds
        ],
    }


def start(analysis: WorldAnalysis) -> dict[str, float]:
    """Return ``x_m`` and ``z_m`` of the point where players first appear; the center if it is unknown."""
    x_m, z_m = (0.0, 0.0) if analysis.places is None else Places.of_table(analysis.places).spawn
    return {"x_m": round(x_m, 1), "z_m": round(z_m, 1)}


def boss_tour(analysis: WorldAnalysis) -> list[dict[str, Any]] | None:
    """Return the stops of the shortest way from the start to an altar of each boss, the way of ``boss_tour_km``.

    Each stop has ``kind``, ``x_m`` and ``z_m``. The result is None if a boss has no altar.
    """
    if analysis.places is None:
        return None
    places = Places.of_table(analysis.places)
    stops = tour_stops(places.spawn, [places.of_kind(boss) for boss in BOSSES])
    if stops is None:
        return None
    return [
        {"kind": boss, "x_m": round(float(x_m), 1), "z_m": round(float(z_m), 1)}
        for boss, (x_m, z_m) in zip(BOSSES, stops, strict=True)
    ]


def places_columns(places: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the content of ``places.json``: columns, because they compress better than rows.

    ``kinds`` and ``prefabs`` are names. ``kind`` and ``prefab`` have an index into them for each place, ``x`` and ``z``
    whole meters, ``candidate`` and ``placed`` 1 or 0. The order is that of the table: by kind, the places nearest to
    the center first.

    Args:
        places: see :func:`vwe_dagster.analysis.places.place_table`.
    """
    kind, kinds = pd.factorize(places["kind"].to_numpy(object))
    prefab, prefabs = pd.factorize(places["prefab"].to_numpy(object))
    return {
        "kinds": kinds.tolist(),
        "prefabs": prefabs.tolist(),
        "kind": kind.tolist(),
        "prefab": prefab.tolist(),
        **{name: np.rint(places[f"{name}_m"].to_numpy(np.float64)).astype(np.int64).tolist() for name in ("x", "z")},
        **{name: places[name].to_numpy(np.int64).tolist() for name in ("candidate", "placed")},
    }
