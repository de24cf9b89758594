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
"""Number of location types that the game places first; depth ``world`` has these only."""

NEAR_M = 3000.0
"""Radius of the surroundings of the center, which depth ``start`` measures."""

NEAR_RADII_KM = (1, 2, 3)
"""Distances within which land is measured at depth ``start``."""

NEAR_BIOMES = (Biome.MEADOWS, Biome.BLACK_FOREST, Biome.SWAMP, Biome.MOUNTAIN)
"""Biomes of the surroundings; all others begin at 2.9 km or further out."""

LAND_BIOMES = (
    Biome.MEADOWS,
    Biome.BLACK_FOREST,
    Biome.SWAMP,
    Biome.MOUNTAIN,
    Biome.PLAINS,
    Biome.MISTLANDS,
    Biome.ASHLANDS,
    Biome.DEEP_NORTH,
)
"""Biomes that have land, in the order in which players come to them."""

START_BIOMES = LAND_BIOMES[:5]
"""Biomes that a start land can have."""

SAIL_BIOMES = LAND_BIOMES[1:]
"""Biomes that players sail to."""

BOSSES = ("eikthyr", "elder", "bonemass", "moder", "yagluth", "queen", "fader")
"""Bosses in the order in which players fight them."""

TRADERS = ("haldor", "hildir", "bog_witch")


class Depth(enum.StrEnum):
    """How much of a world is computed for its row. Each depth includes the columns of the depths before it."""

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
        type: type of its values; every column may be null where the world lacks the subject.
        depth: the shallowest depth at which it is computed.
        meaning: definition in one sentence, for people.
        label: what a page or a table names it, without the unit.
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
        """The unit as people read it: ``m``, ``km``, ``km²``, ``°``; empty for counts."""
        if self.type is ColumnType.COUNT:
            return ""
        return _UNITS[self.name.rpartition("_")[2]]

    @property
    def decimals(self) -> int:
        """Number of decimals that values are rounded to."""
        return {"km": 1, "km²": 2}.get(self.unit, 0)


_UNITS = {"m": "m", "km": "km", "km2": "km²", "deg": "°"}

_PATCH = "connected land of at least 0.1 km²"
_BEFORE_RIVERS = "on the ground before rivers are carved, sampled every 24 m"


def _measure(name: str, depth: Depth, label: str, meaning: str, *short: str) -> Column:
    return Column(name, ColumnType.MEASURE, depth, meaning, label, short)


def _count(name: str, depth: Depth, label: str, meaning: str, *short: str) -> Column:
    return Column(name, ColumnType.COUNT, depth, meaning, label, short)


def _near_center() -> Iterator[Column]:
    for radius in NEAR_RADII_KM:
        within = f"within {radius} km of the center, {_BEFORE_RIVERS}."
        yield _measure(f"land_{radius}km_km2", Depth.START, f"Land within {radius} km", f"Area of land {within}")
        for biome in NEAR_BIOMES:
            label = f"{biome.title} within {radius} km"
            meaning = f"Area of land of the biome {biome.title} {within}"
            yield _measure(f"{_key(biome)}_{radius}km_km2", Depth.START, label, meaning)
    for biome in NEAR_BIOMES:
        yield _measure(
            f"{_key(biome)}_near_m",
            Depth.START,
            f"{biome.title} within 3 km, distance",
            f"Distance from the center to the nearest {biome.title}, {_PATCH} within 3 km, {_BEFORE_RIVERS}; null if "
            f"there is none.",
        )
    yield _measure(
        "start_land_near_km2",
        Depth.START,
        "Start land within 3 km",
        "Area that can be walked from the center without leaving the 3 km around it, water up to 1 m deep included, "
        f"{_BEFORE_RIVERS}.",
    )
    yield _measure(
        "highest_3km_above_sea_m",
        Depth.START,
        "Highest ground within 3 km",
        f"Height above the sea of the highest point within 3 km of the center, {_BEFORE_RIVERS}.",
    )


def _whole() -> Iterator[Column]:
    world = Depth.WORLD
    yield _count("islands", world, "Islands", "Number of islands: connected land of more than 0.01 km².")
    yield _measure(
        "largest_island_km2", world, "Largest island", "Area of the largest island, without water.", "largest"
    )
    yield _measure("land_area_km2", world, "Land", "Area of all land within the edge of the world.", "land")
    yield _measure("land_5km_km2", world, "Land within 5 km", "Area of land within 5 km of the center.")
    yield _measure(
        "shoreline_km", world, "Shoreline", "Length of all shores on the grid, lakes included.", "shore", "shoreline"
    )
    yield _measure(
        "highest_peak_above_sea_m", world, "Highest peak", "Height above the sea of the highest land.", "peak"
    )
    yield _count("rivers", world, "Rivers", "Number of rivers.")
    yield _measure("river_length_km", world, "River length", "Length of all rivers along their middle.")
    yield _count("streams", world, "Streams", "Number of streams.")
    yield _measure("stream_length_km", world, "Stream length", "Length of all streams along their middle.")
    yield _count("lakes", world, "Lakes", "Number of points that rivers run between.")


def _start_land() -> Iterator[Column]:
    world = Depth.WORLD
    yield _measure(
        "start_land_km2",
        world,
        "Start land",
        "Area that can be walked from the spawn stones, water up to 1 m deep included.",
        "start",
        "start_land",
    )
    yield _measure(
        "start_land_highest_above_sea_m",
        world,
        "Highest point of the start land",
        "Height above the sea of the highest point of the start land.",
    )
    yield _count(
        "start_land_biomes",
        world,
        "Biomes of the start land",
        f"Number of biomes of which the start land has {_PATCH}.",
    )
    for biome in START_BIOMES:
        yield _measure(
            f"{_key(biome)}_start_land_km2",
            world,
            f"{biome.title} on the start land",
            f"Area of land of the biome {biome.title} on the start land.",
        )
    yield _count(
        "start_land_bosses", world, "Bosses on the start land", "Number of bosses with an altar on the start land."
    )
    yield _count("start_land_altars", world, "Altars on the start land", "Number of boss altars on the start land.")


def _biomes() -> Iterator[Column]:
    world = Depth.WORLD
    for biome in LAND_BIOMES:
        key, title = _key(biome), biome.title
        first = f"the nearest {title} from the center, {_PATCH}"
        names = (key, *_SHORT_BIOMES.get(biome, ()))
        yield _measure(f"{key}_first_m", world, f"Nearest {title}", f"Distance to {first}.", *names)
        yield _measure(
            f"{key}_first_deg",
            world,
            f"Bearing of the nearest {title}",
            f"Compass bearing of {first}: 90 is due east.",
        )
        yield _measure(f"{key}_first_km2", world, f"Size of the nearest {title}", f"Area of {first}.")
        yield _measure(
            f"{key}_5km_km2", world, f"{title} within 5 km", f"Area of land of {title} within 5 km of the center."
        )
        yield _measure(f"{key}_land_km2", world, title, f"Area of all land of the biome {title}.")
        yield _measure(
            f"{key}_largest_km2", world, f"Largest {title}", f"Area of the largest connected land of {title}."
        )
    for biome in SAIL_BIOMES:
        title = biome.title
        yield _measure(
            f"{_key(biome)}_sail_m",
            world,
            f"Voyage to {title}",
            f"Shortest way over water, on a grid of 48 m, from the start land to a land with {title}, {_PATCH}; 0 if "
            f"the start land has it, null if no way leads there.",
        )


def _places() -> Iterator[Column]:
    kinds = {kind.kind: kind for kind in kinds_by_prefab().values()}
    for boss in (kinds[name] for name in BOSSES):
        yield _nearest(boss, "altar")
        yield _on_start_land(boss, "altars")
    yield _measure(
        "boss_tour_km",
        Depth.WORLD,
        "Tour of the bosses",
        "Shortest way, as the crow flies, from the spawn stones to an altar of Eikthyr, then of the Elder, Bonemass, "
        "Moder, Yagluth, the Queen and Fader.",
        "tour",
    )
    for trader in (kinds[name] for name in TRADERS):
        yield _nearest(trader, "candidate")
        yield _measure(
            f"{trader.kind}_second_m",
            Depth.WORLD,
            f"Second nearest {trader.label}",
            f"Distance from the center to the second nearest candidate of {trader.label}.",
        )
        yield _within(trader, 3, "candidates")
        yield _on_start_land(trader, "candidates")
    for kind in kinds.values():
        if kind.group is LocationGroup.DUNGEON:
            yield _nearest(kind, "place")
            yield _within(kind, 2, "places")
            yield _within(kind, 3, "places")
            yield _on_start_land(kind, "places")
            yield _in_all(kind)
        elif kind.group in {LocationGroup.CAMP, LocationGroup.RESOURCE}:
            yield _nearest(kind, "place")
            yield _within(kind, 3, "places")
            yield _in_all(kind)


def _nearest(kind: LocationKind, what: str) -> Column:
    short = (kind.kind, *_SHORT_KINDS.get(kind.kind, ()))
    meaning = f"Distance from the center to the nearest {what} of the kind {kind.label}."
    return _measure(f"{kind.kind}_m", _depth_of(kind), f"Nearest {kind.label}", meaning, *short)


def _within(kind: LocationKind, radius_km: int, what: str) -> Column:
    meaning = f"Number of {what} of the kind {kind.label} within {radius_km} km of the center."
    return _count(f"{kind.kind}_{radius_km}km", _depth_of(kind), f"{kind.label} within {radius_km} km", meaning)


def _on_start_land(kind: LocationKind, what: str) -> Column:
    meaning = f"Number of {what} of the kind {kind.label} on the start land."
    return _count(f"{kind.kind}_start_land", _depth_of(kind), f"{kind.label} on the start land", meaning)


def _in_all(kind: LocationKind) -> Column:
    return _count(f"{kind.kind}_count", _depth_of(kind), kind.label, f"Number of all places of the kind {kind.label}.")


def _depth_of(kind: LocationKind) -> Depth:
    """Return the depth at which all places of a kind are known."""
    landmarks = {each.prefab for each in shipped_table().types[:LANDMARK_COUNT]}
    prefabs = {prefab for prefab, other in kinds_by_prefab().items() if other == kind}
    return Depth.WORLD if prefabs <= landmarks else Depth.ALL


def _key(biome: Biome) -> str:
    return biome.name.lower()


_SHORT_BIOMES = {Biome.BLACK_FOREST: ("forest",), Biome.DEEP_NORTH: ("north",)}
_SHORT_KINDS = {
    "bog_witch": ("witch",),
    "burial_chamber": ("burial", "burial_chambers"),
    "sunken_crypt": ("crypt", "sunken_crypts"),
    "troll_cave": ("troll", "troll_caves"),
    "frost_cave": ("frost_caves",),
}

_USELESS: frozenset[str] = frozenset()
"""Columns of the patterns above that hardly differ between worlds, see docs/statistics.md."""


def _columns() -> Iterator[Column]:
    for part in (_near_center(), _whole(), _start_land(), _biomes(), _places()):
        yield from (column for column in part if column.name not in _USELESS)


COLUMNS: Mapping[str, Column] = {
    column.name: column for column in sorted(_columns(), key=lambda column: tuple(Depth).index(column.depth))
}
"""All columns by name, those of the shallowest depth first."""


@functools.cache
def columns_of(depth: Depth) -> tuple[Column, ...]:
    """Return the columns of a row of this depth."""
    return tuple(column for column in COLUMNS.values() if column.depth in depth.includes)
