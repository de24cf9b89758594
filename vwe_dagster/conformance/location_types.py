"""Differences between the locations of two exports of one world, type by type."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from vwe_dagster.engine.messages import Line

_Place = tuple[object, ...]


@dataclasses.dataclass(frozen=True)
class TypeDifference:
    """The difference in one type of location.

    Attributes:
        prefab: the type.
        differing: instances that only one engine has, the greater number of both engines.
        engine, native: instances that each engine has.
        farthest_m, mean_m: distance in meters, height included, from a differing instance to the nearest differing one
            of the native engine; None if only one engine has differing instances.
    """

    prefab: str
    differing: int
    engine: int
    native: int
    farthest_m: float | None
    mean_m: float | None


def type_differences(lines: Sequence[Line], native: Sequence[Line]) -> tuple[TypeDifference, ...]:
    """Compare prefab, place, group and radius of locations; types with most differing instances first.

    The order of lines and ``placed`` are not compared: an engine of the game sorts locations by name, and locations are
    built in a played world only.
    """
    here, there = _places_by_prefab(lines), _places_by_prefab(native)
    found = [_type_difference(prefab, here.get(prefab, []), there.get(prefab, [])) for prefab in {**there, **here}]
    return tuple(sorted((each for each in found if each.differing), key=lambda each: -each.differing))


def _type_difference(prefab: str, here: list[_Place], there: list[_Place]) -> TypeDifference:
    counts, native_counts = Counter(here), Counter(there)
    only_here, only_there = list((counts - native_counts).elements()), list((native_counts - counts).elements())
    apart = _apart(_coordinates(only_here), _coordinates(only_there))
    return TypeDifference(
        prefab,
        max(len(only_here), len(only_there)),
        len(here),
        len(there),
        float(apart.max()) if len(apart) else None,
        float(apart.mean()) if len(apart) else None,
    )


def _apart(points: npt.NDArray[np.float64], native: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the distance of each point to the nearest native one; empty if there is none."""
    if not len(points) or not len(native):
        return np.empty(0)
    distances, _ = KDTree(native).query(points)
    return np.asarray(distances, np.float64)


def _places_by_prefab(lines: Sequence[Line]) -> dict[str, list[_Place]]:
    places: dict[str, list[_Place]] = {}
    for line in lines:
        place = tuple(line.get(name) for name in ("x_m", "y_m", "z_m", "group", "radius_m"))
        places.setdefault(str(line.get("prefab")), []).append(place)
    return places


def _coordinates(places: Sequence[_Place]) -> npt.NDArray[np.float64]:
    """Return the places with three finite coordinates, ``[n, 3]``."""
    points = [place[:3] for place in places if all(isinstance(v, int | float) and math.isfinite(v) for v in place[:3])]
    return np.array(points, np.float64).reshape(-1, 3)
