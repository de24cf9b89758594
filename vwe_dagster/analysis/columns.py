"""The columns of a world's row of statistics: name, type, unit, depth and meaning of each, stated once.

The catalog, the survey, ``vwe find`` and the pages take their columns from here. :mod:`vwe_dagster.analysis.row`
computes the values.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Iterator, Mapping

from vwe_dagster.locations.kinds import LocationGroup, LocationKind, kinds_by_prefab
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.world.biomes import Biome

ROW_VERSION = "2"
"""Version of the columns and their definitions; rows of another version are stale."""

LANDMARK_COUNT = sum(each.prioritized for each in shipped_table().types)
"""Number of location types that the game places first; depth ``world`` has only these."""

NEAR_M = 3000.0
"""Radius of the surroundings of the center, which depth ``start`` measures."""

NEAR_RADII_KM = (1, 2, 3)
"""Distances within which land is measured at depth ``start``."""

BOSSES = ("eikthyr", "elder", "bonemass", "moder", "yagluth", "queen", "fader")
"""Bosses in the order in which players fight them."""

TRADERS = ("haldor", "hildir", "bog_witch")

COUNT_RADII_KM = (2, 3, 4)
"""Distances within which places are counted."""


class Depth(enum.StrEnum):
    """The parts of a world that are computed for its row. Each depth includes the columns of the depths before it."""

    START = "start"
    """Biomes and ground within 3 km of the center, without rivers."""
    WORLD = "world"
    """The grid of 2048 x 2048 cells, and the locations of bosses and traders."""
    ALL = "all"
    """All locations."""

    @property
    def includes(self) -> tuple[Depth, ...]:
        """The depths whose columns a row of this depth has, the shallowest first."""
        depths = tuple(Depth)
        return depths[: depths.index(self) + 1]


class ColumnType(enum.StrEnum):
    """Type of the values of a column."""

    COUNT = "count"
    """Whole number, int32."""
    MEASURE = "measure"
    """float32, in the unit that ends the name: ``_m``, ``_km``, ``_km2``, ``_deg``."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the row.

    Attributes:
        name: its name; a unit ends it.
        type: type of its values; every column is null where it does not apply to a world.
        depth: the shallowest depth at which it is computed.
        meaning: definition in one sentence, for users.
        label: its title on pages and in tables, without the unit.
        short: other names that conditions may use for it.
    """

    name: str
    type: ColumnType
    depth: Depth
    meaning: str
    label: str
    short: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The symbol of the unit: ``m``, ``km``, ``km²``, ``°``; empty for counts."""
        if self.type is ColumnType.COUNT:
            return ""
        return _UNITS[self.name.rpartition("_")[2]]

    @property
    def heading(self) -> str:
        """The label with the unit, for table headings."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def decimals(self) -> int:
        """Number of decimals to which values are rounded."""
        return {"km": 1, "km²": 2}.get(self.unit, 0)


_UNITS = {"m": "m", "km": "km", "km2": "km²", "deg": "°"}

_WALKED = "land and water up to 1 m deep"
_PATCH = "a patch of at least 0.1 km² of land and water up to 1 m deep"
_BEFORE_RIVERS = "on the ground before rivers are carved, sampled every 24 m"


def _measure(name: str, depth: Depth, label: str, meaning: str, *short: str) -> Column:
    return Column(name, ColumnType.MEASURE, depth, meaning, label, short)


def _count(name: str, depth: Depth, label: str, meaning: str, *short: str) -> Column:
    return Column(name, ColumnType.COUNT, depth, meaning, label, short)


_NEAR: Mapping[Biome, tuple[str, ...]] = {
    Biome.MEADOWS: ("1km_km2", "2km_km2", "3km_km2"),
    Biome.BLACK_FOREST: ("1km_km2", "2km_km2", "3km_km2", "near_m"),
    Biome.SWAMP: ("3km_km2", "near_m"),
    Biome.MOUNTAIN: ("1km_km2", "2km_km2", "3km_km2", "near_m"),
}
"""Measures of each biome at depth ``start``: those that differ between worlds, see docs/reference/statistics.md."""

_BIOMES: Mapping[Biome, tuple[str, ...]] = {
    Biome.MEADOWS: ("start_land_km2", "first_km2", "5km_km2", "largest_km2"),
    Biome.BLACK_FOREST: ("start_land_km2", "first_m", "first_deg", "first_km2", "5km_km2", "all_km2", "largest_km2"),
    Biome.SWAMP: (
        *("start_land_km2", "first_m", "first_deg", "first_km2", "5km_km2", "all_km2", "largest_km2", "sail_m"),
    ),
    Biome.MOUNTAIN: (
        *("start_land_km2", "first_m", "first_deg", "first_km2", "5km_km2", "all_km2", "largest_km2", "sail_m"),
    ),
    Biome.PLAINS: ("start_land_km2", "first_deg", "5km_km2", "all_km2", "largest_km2", "sail_m"),
    Biome.MISTLANDS: ("first_deg", "all_km2", "largest_km2", "sail_m"),
    Biome.ASHLANDS: ("all_km2", "largest_km2", "sail_m"),
    Biome.DEEP_NORTH: ("all_km2", "largest_km2", "sail_m"),
}
"""Measures of each biome at depth ``world``, selected in the same way."""

_PLACES: Mapping[str, tuple[str, ...]] = {
    "eikthyr": ("m", "start_land"),
    "elder": ("m", "start_land"),
    **dict.fromkeys(("bonemass", "moder", "yagluth", "queen"), ("m",)),
    "haldor": ("m", "second_m", "3km", "start_land"),
    "hildir": ("m", "second_m", "4km"),
    "bog_witch": ("m", "second_m", "4km"),
    "sunken_crypt": ("3km", "start_land"),
    **dict.fromkeys(("howling_cavern", "smouldering_tomb", "sealed_tower"), ("m",)),
    "burial_chamber": ("m", "2km", "3km", "start_land"),
    "troll_cave": ("m", "2km", "3km", "start_land"),
    "bear_cave": ("m", "2km", "3km", "start_land"),
    "frost_cave": ("m", "2km", "3km", "start_land", "count"),
    "putrid_hole": ("count",),
    "greydwarf_camp": ("m", "3km"),
    "abandoned_farm": ("m",),
    "draugr_village": ("m", "3km", "count"),
    "fuling_village": ("3km", "4km"),
    "fuling_tower": ("3km", "4km"),
    "fuling_hut": ("m", "count"),
    "north_village": ("count",),
    "fire_geyser": ("m", "3km", "count"),
    "infested_tree": ("3km",),
    "drake_nest": ("m", "3km"),
    "tar_pit": ("4km", "count"),
    "giant_remains": ("count",),
}
"""Measures of each kind of places, selected in the same way."""

PLACE_KINDS = tuple(_PLACES)
"""Kinds of places that are measured."""

_SHORT: Mapping[str, tuple[str, ...]] = {
    "black_forest_first_m": ("black_forest", "forest"),
    "swamp_first_m": ("swamp",),
    "mountain_first_m": ("mountain",),
    "plains_sail_m": ("plains",),
    "mistlands_sail_m": ("mistlands",),
    "ashlands_sail_m": ("ashlands",),
    "deep_north_sail_m": ("deep_north", "north"),
    "bog_witch_m": ("bog_witch", "witch"),
    "burial_chamber_m": ("burial_chamber", "burial"),
    "sunken_crypt_3km": ("sunken_crypts", "crypts"),
}
"""Short names besides the names of kinds, which stand for their nearest place."""


def _near_center() -> Iterator[Column]:
    for radius in NEAR_RADII_KM:
        yield _measure(
            f"land_{radius}km_km2",
            Depth.START,
            f"Land within {radius} km",
            f"Area of land within {radius} km of the center, {_BEFORE_RIVERS}.",
        )
    for biome, parts in _NEAR.items():
        for part in parts:
            name, title = f"{_key(biome)}_{part}", biome.title
            if part == "near_m":
                meaning = (
                    f"Distance from the center to the middle of the nearest {title}, {_PATCH}, within 3 km, "
                    f"{_BEFORE_RIVERS}; null if there is none."
                )
                yield _measure(name, Depth.START, f"{title} within 3 km, distance", meaning)
            else:
                within = f"within {part[0]} km of the center, {_BEFORE_RIVERS}"
                label = f"{title} within {part[0]} km"
                yield _measure(name, Depth.START, label, f"Area of the {title}, {_WALKED}, {within}.")
    yield _measure(
        "start_land_near_km2",
        Depth.START,
        "Start land within 3 km",
        f"Area that can be walked from the center without leaving the 3 km around it, {_WALKED}, {_BEFORE_RIVERS}.",
    )
    yield _measure(
        "highest_3km_above_sea_m",
        Depth.START,
        "Highest ground within 3 km above the sea",
        f"Height above the sea of the highest point within 3 km of the center, {_BEFORE_RIVERS}.",
    )


def _whole() -> Iterator[Column]:
    world = Depth.WORLD
    yield _count("islands", world, "Islands", "Number of islands: connected land of more than 0.01 km².")
    yield _measure("largest_island_km2", world, "Largest island", "Area of land of the largest island.", "largest")
    yield _measure("land_5km_km2", world, "Land within 5 km", "Area of land within 5 km of the center.", "land")
    yield _measure(
        "highest_peak_above_sea_m",
        world,
        "Highest peak above the sea",
        "Height above the sea of the highest land.",
        "peak",
    )
    yield _count("rivers", world, "Rivers", "Number of rivers.")
    yield _measure("river_length_km", world, "River length", "Length of all rivers, including parts under the sea.")
    yield _count("lakes", world, "Lakes", "Number of points that rivers connect.")


def _start_land() -> Iterator[Column]:
    world = Depth.WORLD
    yield _measure(
        "start_land_km2",
        world,
        "Start land",
        f"Area that can be walked from the sacrificial stones, {_WALKED}.",
        "start",
        "start_land",
    )
    yield _measure(
        "start_land_highest_above_sea_m",
        world,
        "Highest point of the start land above the sea",
        "Height above the sea of the highest point of the start land.",
    )
    yield _count(
        "start_land_biomes",
        world,
        "Biomes of the start land",
        f"Number of biomes of which the start land has {_PATCH}.",
    )
    yield _count(
        "start_land_bosses", world, "Bosses on the start land", "Number of bosses with an altar on the start land."
    )
    yield _count("start_land_altars", world, "Altars on the start land", "Number of boss altars on the start land.")


def _biomes() -> Iterator[Column]:
    for biome, parts in _BIOMES.items():
        title = biome.title
        first = f"the nearest {title}, {_PATCH}"
        voyage = f"Shortest way over water, on a grid of 48 m, from the start land to a land with {title}, {_PATCH}"
        texts = {
            "start_land_km2": (f"{title} on the start land", f"Area of the {title} on the start land, {_WALKED}."),
            "first_m": (f"Nearest {title}", f"Distance from the center to the middle of {first}."),
            "first_deg": (
                f"Bearing of the nearest {title}",
                f"Compass bearing, seen from the center, of the middle of {first}; 90 is due east.",
            ),
            "first_km2": (f"Size of the nearest {title}", f"Area of {first}."),
            "5km_km2": (f"{title} within 5 km", f"Area of the {title} within 5 km of the center, {_WALKED}."),
            "all_km2": (f"All {title}", f"Area of all {title}, {_WALKED}."),
            "largest_km2": (f"Largest {title}", f"Area of the largest connected {title}, {_WALKED}."),
            "sail_m": (f"Voyage to {title}", f"{voyage}; 0 if the start land has it, null if there is no way."),
        }
        for part in parts:
            label, meaning = texts[part]
            name = f"{_key(biome)}_{part}"
            yield _measure(name, Depth.WORLD, label, meaning, *_SHORT.get(name, ()))


def _places() -> Iterator[Column]:
    kinds = {kind.kind: kind for kind in kinds_by_prefab().values()}
    yield _measure(
        "boss_tour_km",
        Depth.WORLD,
        "Tour of the bosses",
        "Shortest way, as the crow flies, from the sacrificial stones to an altar of Eikthyr, then of the Elder, "
        "Bonemass, Moder, Yagluth, the Queen and Fader.",
        "tour",
    )
    yield _measure(
        "trader_tour_km",
        Depth.WORLD,
        "Tour of the traders",
        "Shortest way, as the crow flies, from the sacrificial stones to a candidate of Haldor, then of Hildir and of "
        "the Bog Witch.",
        "traders",
    )
    for kind, parts in _PLACES.items():
        for part in parts:
            yield _place(kinds[kind], part)


def _place(kind: LocationKind, part: str) -> Column:
    name, depth, label = f"{kind.kind}_{part}", _depth_of(kind), kind.label
    what = {LocationGroup.BOSS: "altar", LocationGroup.TRADER: "candidate"}.get(kind.group, "place")
    match part:
        case "m":
            short = _SHORT.get(name, (kind.kind,))
            meaning = f"Distance from the center to the nearest {what} of the kind {label}."
            return _measure(name, depth, f"Nearest {label}", meaning, *short)
        case "second_m":
            meaning = f"Distance from the center to the second nearest {what} of the kind {label}."
            return _measure(name, depth, f"Second nearest {label}", meaning)
        case "start_land":
            meaning = f"Number of {what}s of the kind {label} on the start land."
            return _count(name, depth, f"{label} on the start land", meaning)
        case "count":
            return _count(name, depth, f"All {label}", f"Number of all {what}s of the kind {label}.")
        case _:
            meaning = f"Number of {what}s of the kind {label} within {part[0]} km of the center."
            return _count(name, depth, f"{label} within {part[0]} km", meaning, *_SHORT.get(name, ()))


def _depth_of(kind: LocationKind) -> Depth:
    """Return the depth at which all places of a kind are known."""
    landmarks = {each.prefab for each in shipped_table().types[:LANDMARK_COUNT]}
    prefabs = {prefab for prefab, other in kinds_by_prefab().items() if other == kind}
    return Depth.WORLD if prefabs <= landmarks else Depth.ALL


def _key(biome: Biome) -> str:
    return biome.name.lower()


def _columns() -> list[Column]:
    columns = [*_near_center(), *_whole(), *_start_land(), *_biomes(), *_places()]
    return sorted(columns, key=lambda column: tuple(Depth).index(column.depth))


COLUMNS: Mapping[str, Column] = {column.name: column for column in _columns()}
"""All columns by name, those of the shallowest depth first."""


@functools.cache
def columns_of(depth: Depth) -> tuple[Column, ...]:
    """Return the columns of a row of this depth."""
    return tuple(column for column in COLUMNS.values() if column.depth in depth.includes)
