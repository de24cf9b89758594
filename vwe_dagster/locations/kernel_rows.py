"""A location table in the form that compiled kernels take: numbers and bits instead of names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.locations.location_table import LocationTable, LocationType
from vwe_dagster.seeds.seed import seed_number
from vwe_dagster.world.biomes import BIOMES

PRIORITIZED_ATTEMPTS, ATTEMPTS = 60_000, 12_000


class TypeRow(NamedTuple):
    """The rules of one type; see :class:`~vwe_dagster.locations.location_table.LocationType`.

    Attributes:
        hash: hash of the prefab.
        only_biome, biome_count, biome_bits: the biome if there is only one, else 0; their number; bits by their index.
        budget: greatest number of attempts.
        alt: number of the alt-biome that the type needs; -1 for none.
        blockers: bits of the alt-biomes that block the type.
    """

    hash: int
    biome: int
    only_biome: int
    biome_count: int
    biome_bits: int
    area: int
    quantity: int
    budget: int
    center_first: bool
    min_altitude: float
    max_altitude: float
    similar: float
    max_similar: float
    exterior: float
    radius: float
    min_delta: float
    max_delta: float
    in_forest: bool
    forest_min: float
    forest_max: float
    min_vegetation: float
    max_vegetation: float
    surround: bool
    surround_distance: float
    surround_layers: int
    surround_better: float
    min_distance: float
    max_distance: float
    min_center: float
    max_center: float
    alt: int
    blockers: np.uint64


class AltRows(NamedTuple):
    """The alt-biomes; every array has one element for each.

    Attributes:
        biome, hash, least, most, min_edge, max_edge: int64.
        chance, distance: float64.
        clash: uint64 bits of the alt-biomes that may not be in the same sector.
    """

    biome: npt.NDArray[np.int64]
    hash: npt.NDArray[np.int64]
    least: npt.NDArray[np.int64]
    most: npt.NDArray[np.int64]
    chance: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]
    min_edge: npt.NDArray[np.int64]
    max_edge: npt.NDArray[np.int64]
    clash: npt.NDArray[np.uint64]


def type_row(table: LocationTable, t: LocationType) -> TypeRow:
    """Return the rules of a type of the table as numbers."""
    names = [alt.name for alt in table.alt_biomes]
    biomes = [int(biome) for biome in BIOMES if t.biome & biome.flag]
    blockers = sum(1 << i for i, alt in enumerate(table.alt_biomes) if t.name in alt.blocks)
    return TypeRow(
        hash=seed_number(t.prefab),
        biome=t.biome,
        only_biome=biomes[0] if len(biomes) == 1 else 0,
        biome_count=len(biomes),
        biome_bits=sum(1 << biome for biome in biomes),
        area=t.area & 3,
        quantity=t.quantity,
        budget=PRIORITIZED_ATTEMPTS if t.prioritized else ATTEMPTS,
        center_first=t.center_first,
        min_altitude=t.min_altitude,
        max_altitude=t.max_altitude,
        similar=t.similar,
        max_similar=t.max_similar,
        exterior=t.exterior,
        radius=t.radius,
        min_delta=t.min_delta,
        max_delta=t.max_delta,
        in_forest=t.in_forest,
        forest_min=t.forest_min,
        forest_max=t.forest_max,
        min_vegetation=t.min_vegetation,
        max_vegetation=t.max_vegetation,
        surround=t.surround,
        surround_distance=t.surround_distance,
        surround_layers=t.surround_layers,
        surround_better=t.surround_better,
        min_distance=t.min_distance,
        max_distance=t.max_distance,
        min_center=t.min_center,
        max_center=t.max_center,
        alt=names.index(t.alt_biome) if t.alt_biome else -1,
        blockers=np.uint64(blockers),
    )


def alt_rows(table: LocationTable) -> AltRows:
    """Return the alt-biomes of the table as numbers."""
    alts = table.alt_biomes
    clash = [
        sum(1 << i for i, other in enumerate(alts) if other.name in alt.incompatible or alt.name in other.incompatible)
        for alt in alts
    ]
    return AltRows(
        np.array([alt.biome for alt in alts], np.int64),
        np.array([seed_number(alt.name) for alt in alts], np.int64),
        np.array([alt.min for alt in alts], np.int64),
        np.array([alt.max for alt in alts], np.int64),
        np.array([alt.chance for alt in alts], np.float64),
        np.array([alt.distance for alt in alts], np.float64),
        np.array([alt.min_edge for alt in alts], np.int64),
        np.array([alt.max_edge for alt in alts], np.int64),
        np.array(clash, np.uint64),
    )


def relatives(table: LocationTable, column: str) -> npt.NDArray[np.bool_]:
    """Return whether instances of a type count for the distances of another, bool ``[type, other]``.

    Args:
        table: the table.
        column: ``group`` for the smallest distance, ``group_max`` for the greatest.
    """
    groups = np.array([getattr(t, column) for t in table.types])
    related: npt.NDArray[np.bool_] = (groups[:, None] == groups[None, :]) & (groups != "")[:, None]
    return related | np.eye(len(groups), dtype=np.bool_)
