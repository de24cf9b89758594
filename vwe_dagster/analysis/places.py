"""Places that players look for: the altars of bosses, and where vendors may be, among the locations the game tells."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

Kind = Literal["start", "boss", "vendor"]

PLACE_COLUMNS = {
    "kind": "str",
    "name": "str",
    "prefab": "str",
    "x_m": "float32",
    "z_m": "float32",
    "distance_m": "float64",
}
"""Columns of the table of places: ``kind`` is start, boss or vendor, ``distance_m`` is from the centre of the world."""


@dataclasses.dataclass(frozen=True)
class Place:
    """What players call a location, and what kind of place it is."""

    name: str
    kind: Kind


PLACES: Mapping[str, Place] = {
    "StartTemple": Place("Sacrificial Stones", "start"),
    "Eikthyrnir": Place("Eikthyr", "boss"),
    "GDKing": Place("The Elder", "boss"),
    "Bonemass": Place("Bonemass", "boss"),
    "Dragonqueen": Place("Moder", "boss"),
    "GoblinKing": Place("Yagluth", "boss"),
    "Mistlands_DvergrBossEntrance1": Place("The Queen", "boss"),
    "FaderLocation": Place("Fader", "boss"),
    "Vendor_BlackForest": Place("Haldor", "vendor"),
    "Hildir_camp": Place("Hildir", "vendor"),
    "BogWitch_Camp": Place("Bog Witch", "vendor"),
}
"""The places by the prefab of their location. Of a vendor the game places many candidates, and keeps the one that is
explored first."""


def place_table(locations: pd.DataFrame) -> pd.DataFrame:
    """The locations that are places, in the order of :data:`PLACES`, those nearest to the centre of the world first.

    Args:
        locations: see :data:`vwe_dagster.world.canonical.LOCATION_COLUMNS`.

    Returns:
        The columns :data:`PLACE_COLUMNS`.
    """
    known = locations[locations["prefab"].isin(list(PLACES))]
    prefab = known["prefab"].astype(str)
    metres = known[["x_m", "z_m"]].to_numpy(np.float64)
    table = pd.DataFrame(
        {
            "kind": [PLACES[name].kind for name in prefab],
            "name": [PLACES[name].name for name in prefab],
            "prefab": prefab.to_numpy(),
            "x_m": metres[:, 0],
            "z_m": metres[:, 1],
            "distance_m": np.hypot(metres[:, 0], metres[:, 1]),
        }
    ).astype(PLACE_COLUMNS)
    rank = table["prefab"].map({prefab: rank for rank, prefab in enumerate(PLACES)})
    order = np.lexsort((table["distance_m"], rank))
    return table.iloc[order].reset_index(drop=True)


def place_statistics(locations: pd.DataFrame | None) -> dict[str, object]:
    """What is told of the locations of a world, null where its source does not tell of any.

    - ``location_count``: all of them.
    - ``places``: for each place by its name ``kind``, ``count`` (of a vendor, how many candidates), ``nearest_m``,
      ``nearest_x_m`` and ``nearest_z_m``; null where there is none.
    """
    if locations is None:
        return {"location_count": None, "places": None}
    table = place_table(locations)
    return {
        "location_count": len(locations),
        "places": {place.name: _of_place(place, table[table["prefab"] == prefab]) for prefab, place in PLACES.items()},
    }


def _of_place(place: Place, rows: pd.DataFrame) -> dict[str, object]:
    nearest = rows.iloc[0] if len(rows) else None
    return {
        "kind": place.kind,
        "count": len(rows),
        "nearest_m": None if nearest is None else float(nearest["distance_m"]),
        "nearest_x_m": None if nearest is None else float(nearest["x_m"]),
        "nearest_z_m": None if nearest is None else float(nearest["z_m"]),
    }
