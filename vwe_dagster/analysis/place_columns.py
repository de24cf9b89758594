"""The columns of bosses, traders, dungeons and other kinds of places."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.columns import BOSSES, COUNT_RADII_KM, LANDMARK_COUNT, PLACE_KINDS, TRADERS, Depth
from vwe_dagster.locations.kinds import kind_of
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.locations.world_locations import Locations

Points = npt.NDArray[np.float64]
"""x and z in meters, ``[n, 2]``."""

_SPAWN = "spawn"


@dataclasses.dataclass(frozen=True)
class Places:
    """The places of a world by their kinds.

    Attributes:
        points: the places of each kind that has any, those nearest to the center first.
        depth: ``all``, or ``world`` if only the types that the game places first are known.
    """

    points: Mapping[str, Points]
    depth: Depth

    @classmethod
    def of_table(cls, locations: pd.DataFrame) -> Self:
        """Return the places of a table, see :data:`vwe_dagster.world.canonical.LOCATION_COLUMNS`."""
        prefabs, prefab = np.unique(locations["prefab"].to_numpy(str), return_inverse=True)
        points = locations[["x_m", "z_m"]].to_numpy(np.float32).astype(np.float64)
        return cls._of_prefabs(prefabs.tolist(), prefab.astype(np.int64), points)

    @classmethod
    def of_seed(cls, locations: Locations) -> Self:
        """Return the places of a seed."""
        points = np.stack([locations.x, locations.z], axis=1).astype(np.float64)
        return cls._of_prefabs(locations.table.prefabs, locations.type_index.astype(np.int64), points)

    @classmethod
    def _of_prefabs(cls, prefabs: Sequence[str], prefab: npt.NDArray[np.int64], points: Points) -> Self:
        kinds = [kind_of(name).kind for name in prefabs]
        names = sorted(set(kinds))
        number = np.array([names.index(kind) for kind in kinds], np.int64)[prefab]
        order = np.lexsort((np.hypot(points[:, 0], points[:, 1]), number))
        begins = np.searchsorted(number[order], np.arange(len(names) + 1))
        found = {name: points[order[i:j]] for name, i, j in zip(names, begins, begins[1:], strict=False) if i < j}
        landmarks = {each.prefab for each in shipped_table().types[:LANDMARK_COUNT]}
        present = np.zeros(len(prefabs), bool)
        present[prefab] = True
        has_others = any(name not in landmarks for name, is_present in zip(prefabs, present, strict=True) if is_present)
        return cls(found, Depth.ALL if has_others else Depth.WORLD)

    def of_kind(self, kind: str) -> Points:
        """Return the places of a kind, those nearest to the center first."""
        return self.points.get(kind, np.empty((0, 2)))

    @property
    def spawn(self) -> tuple[float, float]:
        """The point where players first appear; the center of the world if it is unknown."""
        stones = self.of_kind(_SPAWN)
        return (float(stones[0, 0]), float(stones[0, 1])) if len(stones) else (0.0, 0.0)


def place_columns(places: Places, is_on_start_land: Callable[[Points], npt.NDArray[np.bool_]]) -> dict[str, object]:
    """Return the unrounded values of the columns of places; the result may have other keys, too.

    Args:
        places: the places.
        is_on_start_land: returns whether points are on the start land.
    """
    columns: dict[str, object] = {
        "boss_tour_km": tour_km(places.spawn, [places.of_kind(boss) for boss in BOSSES]),
        "trader_tour_km": tour_km(places.spawn, [places.of_kind(trader) for trader in TRADERS]),
    }
    for kind in PLACE_KINDS:
        points = places.of_kind(kind)
        distances_m = np.hypot(points[:, 0], points[:, 1])
        columns[f"{kind}_m"] = float(distances_m[0]) if len(points) > 0 else None
        columns[f"{kind}_second_m"] = float(distances_m[1]) if len(points) > 1 else None
        for radius in COUNT_RADII_KM:
            columns[f"{kind}_{radius}km"] = int(np.count_nonzero(distances_m <= 1000 * radius))
        columns[f"{kind}_start_land"] = int(is_on_start_land(points).sum())
        columns[f"{kind}_count"] = len(points)
    altars = [int(is_on_start_land(places.of_kind(boss)).sum()) for boss in BOSSES]
    columns["start_land_bosses"] = sum(count > 0 for count in altars)
    columns["start_land_altars"] = sum(altars)
    return columns


def tour_km(spawn: tuple[float, float], altars: Sequence[Points]) -> float | None:
    """Return the length of the shortest way from the spawn to one altar of each boss, in order.

    The length is None if a boss has no altar.

    Args:
        spawn: x and z in meters.
        altars: the altars of each boss.
    """
    steps = _tour_steps(spawn, altars)
    return None if steps is None else float(steps[-1][1].min() / 1000)


def tour_stops(spawn: tuple[float, float], altars: Sequence[Points]) -> Points | None:
    """Return the altars of the way that :func:`tour_km` measures, ``[boss, 2]``; None if a boss has no altar."""
    steps = _tour_steps(spawn, altars)
    if steps is None:
        return None
    stops, stop = np.empty((len(altars), 2)), int(steps[-1][1].argmin())
    for index in range(len(altars) - 1, -1, -1):
        stops[index] = altars[index][stop]
        stop = int(steps[index][0][stop])
    return stops


def _tour_steps(
    spawn: tuple[float, float], altars: Sequence[Points]
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]] | None:
    """Return for each boss the best preceding altar and the length in meters of the way up to each of its altars."""
    here, lengths_m, steps = np.array([spawn]), np.zeros(1), []
    for there in altars:
        if not len(there):
            return None
        ways_m = np.hypot(there[:, :1] - here[:, 0], there[:, 1:] - here[:, 1]) + lengths_m
        here, lengths_m = there, ways_m.min(axis=1)
        steps.append((ways_m.argmin(axis=1), lengths_m))
    return steps
