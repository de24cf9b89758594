"""The locations of a world: the public interface of the package."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from vwe_dagster.locations.instances import Instances
from vwe_dagster.locations.kinds import kind_of
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.placement import place
from vwe_dagster.locations.plain import P
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.worldgen import Terrain, World, WorldError

SUPPORTED_VERSION = 2


class LocationError(WorldError):
    """Locations that cannot be computed; the message states the reason."""


@dataclasses.dataclass(frozen=True)
class Locations:
    """Instances of locations; all arrays are ``[n]``, types in running order, then in order of placement.

    Attributes:
        table: the table that they were placed by.
        type_count: number of types that were run, from the first of the table.
        x, y, z: float32 meters; ``y`` is the height of the ground, sea level at 30.
        zone_x, zone_z: int32, the zone of 64 m that holds the point; zone 0 is around the center.
        type_index: int32 index of the type in ``table.types``.
        attempt: int32, the attempts of the type before the one that placed the instance.
        candidate: whether this is one of several instances of which the game keeps one.
    """

    table: LocationTable
    type_count: int
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    z: npt.NDArray[np.float32]
    zone_x: npt.NDArray[np.int32]
    zone_z: npt.NDArray[np.int32]
    type_index: npt.NDArray[np.int32]
    attempt: npt.NDArray[np.int32]
    candidate: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.x)

    @functools.cached_property
    def prefab(self) -> npt.NDArray[np.str_]:
        """The prefab of each instance."""
        return np.array(self.table.prefabs)[self.type_index]

    @functools.cached_property
    def kind(self) -> npt.NDArray[np.str_]:
        """The kind of each instance, see :class:`~vwe_dagster.locations.kinds.LocationKind`."""
        return np.array([kind_of(prefab).kind for prefab in self.table.prefabs])[self.type_index]


def locations_of(
    world: World,
    *,
    upto: int | str | None = None,
    kinds: Iterable[str] | None = None,
    table: LocationTable | None = None,
    grid: Terrain | None = None,
) -> Locations:
    """Return the locations of a world as the game registers them when it first loads the world.

    A type depends on the types before it, so these are also run. Types after the last requested one are not run.

    Args:
        world: the world.
        upto: last type to run, by its prefab, or the number of types to run; all if omitted.
        kinds: kinds to return, such as ``{"haldor"}``; all if omitted.
        table: the location table; the game's own if omitted.
        grid: the world's terrain on the grid of 2048 x 2048 cells, if already computed.

    Raises:
        LocationError: the world-gen version is 0 or 1, a type or kind is not in the table, or the grid has another
            shape or world.
    """
    if world.version != SUPPORTED_VERSION:
        raise LocationError(
            f"Locations of world-gen version {world.version} are unknown: before version 2 the game placed them by "
            "another algorithm, of which no reference exists. Use a world of version 2."
        )
    table = table or shipped_table()
    count = _type_count(table, upto)
    wanted = _wanted_types(table, kinds)[:count]
    if not wanted.all():
        count = int(wanted.nonzero()[0].max(initial=-1)) + 1
    terrain = _checked_grid(world, grid) if grid is not None else world.grid(P)
    placed = place(world.constants, world._waters.field, world.seed, terrain.biome, terrain.height, table, count)  # noqa: SLF001
    return _locations(table, count, placed, wanted)


def _locations(table: LocationTable, count: int, placed: Instances, wanted: npt.NDArray[np.bool_]) -> Locations:
    is_unique = np.array([t.unique for t in table.types], np.bool_)
    is_one_of_several = is_unique & (np.bincount(placed.type_index, minlength=len(table.types)) > 1)
    kept = placed.part(wanted[placed.type_index])
    return Locations(table, count, *kept, is_one_of_several[kept.type_index])


def _type_count(table: LocationTable, upto: int | str | None) -> int:
    if upto is None:
        return len(table.types)
    if isinstance(upto, str):
        if upto not in table.prefabs:
            raise LocationError(f"The table {table.name!r} has no location type {upto!r}; use a prefab of the table.")
        return table.prefabs.index(upto) + 1
    if isinstance(upto, bool) or not 0 <= upto <= len(table.types):
        raise LocationError(f"upto is a prefab or a number of types from 0 to {len(table.types)}, not {upto!r}.")
    return int(upto)


def _wanted_types(table: LocationTable, kinds: Iterable[str] | None) -> npt.NDArray[np.bool_]:
    if kinds is None:
        return np.ones(len(table.types), np.bool_)
    wanted = {kinds} if isinstance(kinds, str) else set(kinds)
    existing = [kind_of(prefab).kind for prefab in table.prefabs]
    for kind in sorted(wanted):
        if kind not in existing:
            raise LocationError(f"Unknown kind of location {kind!r}; choose from {', '.join(sorted(set(existing)))}.")
    return np.array([kind in wanted for kind in existing], np.bool_)


def _checked_grid(world: World, grid: Terrain) -> Terrain:
    same = grid.world is world or (grid.world.seed, grid.world.version) == (world.seed, world.version)
    if not same or grid.biome.shape != (P, P) or (grid.x[0], grid.x[-1]) != (-12282, 12282):
        raise LocationError(
            f"The grid is not that of the world; pass World({world.seed}).grid(), with {P} x {P} cells."
        )
    return grid
