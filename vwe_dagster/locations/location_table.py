"""The rules for placing locations: types in running order, and alt-biomes.

Sections 7 and 8 of the specification.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import struct
from collections.abc import Iterable, Iterator

from vwe_dagster.world.biomes import BIOMES

ALL_BIOMES = sum(biome.flag for biome in BIOMES)
MAX_ALT_BIOMES = 64
"""A sector stores its alt-biomes as the bits of one number."""
MAX_RADIUS_M = 4000.0
"""The map of taken zones reaches 64 zones of 64 m beyond every zone that can be drawn."""
MAX_QUANTITY = 100_000
FARTHEST_M = 1e6
MAX_LAYERS = 100


class LocationTableError(ValueError):
    """A location table that cannot be used; the message names the file, the line and the column."""


@dataclasses.dataclass(frozen=True)
class LocationType:
    """One type of location and the rules for its places; lengths in meters, altitudes above the sea.

    The fields are the columns of the table. Numbers are rounded to float32, as the game stores them.

    Attributes:
        prefab: unique name, which seeds the random numbers of the type.
        name: name that the blocks of alt-biomes refer to.
        biome: flags of the biomes.
        area: 1 for zones at the edge of a biome, 2 for zones within one, 3 for both.
        quantity: number of instances to place.
        prioritized: whether the type runs before all others and has more attempts.
        center_first: whether zones are drawn from the center outwards.
        unique: whether the game keeps one of the instances, the first whose zone is generated.
        similar, group: smallest distance to instances of the type and of its group; 0 for none.
        max_similar, group_max: greatest distance to one of them; 0 for none.
        exterior, interior: radii; the terrain is measured within ``exterior``.
        min_delta, max_delta: limits of the difference in height within ``exterior``.
        surround, surround_distance, surround_layers, surround_better: whether the vegetation around counts, and how.
        alt_biome: the alt-biome that the type needs; empty for none.
    """

    prefab: str
    name: str
    biome: int
    area: int
    quantity: int
    prioritized: bool
    center_first: bool
    unique: bool
    min_altitude: float
    max_altitude: float
    similar: float
    group: str
    max_similar: float
    group_max: str
    exterior: float
    interior: float
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
    alt_biome: str

    @property
    def radius(self) -> float:
        """The distance that a place keeps from the border of its zone."""
        return max(self.exterior, self.interior)


@dataclasses.dataclass(frozen=True)
class AltBiome:
    """A variant of a biome that whole sectors get, such as the Dark Meadows.

    Attributes:
        name: unique name, which seeds the random numbers of the alt-biome.
        biome: flags of the biomes that can have it.
        min, max: limits of the number of sectors.
        chance: probability of a further sector once there are ``min``.
        distance: smallest distance of the sector from the center in meters.
        min_edge, max_edge: limits of the length of the sector's border in points; ``max_edge`` is excluded.
        incompatible: names of alt-biomes that may not be in the same sector.
        blocks: names of location types that are not placed in the sector.
    """

    name: str
    biome: int
    min: int
    max: int
    chance: float
    distance: float
    min_edge: int
    max_edge: int
    incompatible: tuple[str, ...]
    blocks: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class LocationTable:
    """A table of location types and alt-biomes, as :mod:`vwe_dagster.locations.table_file` reads it.

    Attributes:
        name: name of the table.
        game_versions: versions of the game that the table describes; empty if unknown.
        sources: origin of the figures.
        types: types in running order.
        alt_biomes: alt-biomes in order.
    """

    name: str
    game_versions: tuple[str, ...]
    sources: str
    types: tuple[LocationType, ...]
    alt_biomes: tuple[AltBiome, ...]

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of the types and alt-biomes, in hexadecimal; it does not depend on the file format."""
        rows = [[dataclasses.astuple(row) for row in part] for part in (self.types, self.alt_biomes)]
        return hashlib.sha256(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()

    @functools.cached_property
    def prefabs(self) -> tuple[str, ...]:
        """The prefab of each type, in running order."""
        return tuple(t.prefab for t in self.types)


def in_running_order(types: Iterable[LocationType]) -> tuple[LocationType, ...]:
    """Return the types that run, prioritized ones first, otherwise in the given order. Section 4."""
    return tuple(sorted((t for t in types if t.quantity > 0), key=lambda t: not t.prioritized))


def as_float32(value: float) -> float:
    """Round a number to float32, as the game stores it."""
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def faults_of_type(t: LocationType) -> Iterator[tuple[str, str]]:
    """Yield the column and the reason of every impossible value of a type."""
    if not t.prefab:
        yield "prefab", "is empty; write the name of the prefab"
    yield from _fault_of_mask(t.biome)
    for column, greatest in (("area", 255), ("quantity", MAX_QUANTITY)):
        yield from _fault_of_range(t, column, 0, greatest)
    for field in dataclasses.fields(t):
        if field.type == "float":
            yield from _fault_of_range(t, field.name, -FARTHEST_M, FARTHEST_M)
    for column in ("similar", "max_similar", "min_distance", "max_distance", "min_center", "max_center"):
        yield from _fault_of_range(t, column, 0, FARTHEST_M)
    for column in ("exterior", "interior"):
        yield from _fault_of_range(t, column, 0, MAX_RADIUS_M)
    for kind in ("altitude", "delta"):
        if getattr(t, f"max_{kind}") < getattr(t, f"min_{kind}"):
            yield f"max_{kind}", f"is less than min_{kind}, so no place is allowed"
    if t.surround:
        yield from _fault_of_range(t, "surround_layers", 1, MAX_LAYERS)
        if t.surround_distance <= 0:
            yield "surround_distance", "is not greater than 0, but surround is on"


def faults_of_alt_biome(a: AltBiome) -> Iterator[tuple[str, str]]:
    """Yield the column and the reason of every impossible value of an alt-biome."""
    if not a.name:
        yield "name", "is empty; write the name of the alt-biome"
    yield from _fault_of_mask(a.biome)
    for column, greatest in (("min", 10**6), ("max", 10**6), ("chance", 1), ("distance", FARTHEST_M)):
        yield from _fault_of_range(a, column, 0, greatest)
    for column in ("min_edge", "max_edge"):
        yield from _fault_of_range(a, column, 0, 10**9)


def _fault_of_mask(mask: int) -> Iterator[tuple[str, str]]:
    if mask <= 0 or mask & ~ALL_BIOMES:
        yield "biome", f"is not a sum of biome flags; choose from {', '.join(str(biome.flag) for biome in BIOMES)}"


def _fault_of_range(row: object, column: str, least: float, greatest: float) -> Iterator[tuple[str, str]]:
    value = getattr(row, column)
    if not (math.isfinite(value) and least <= value <= greatest):
        yield column, f"is not a number from {least:,.0f} to {greatest:,.0f}"
