"""A world of Valheim from its seed: the public interface of the terrain engine."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import points
from vwe_dagster.worldgen.constants import WORLD_GEN_VERSIONS, draw_constants
from vwe_dagster.worldgen.planes import fill_planes
from vwe_dagster.worldgen.pregeneration import Pregeneration, Rendered, pregenerate

if TYPE_CHECKING:
    from vwe_dagster.locations.location_table import LocationTable
    from vwe_dagster.locations.world_locations import Locations

Numbers = npt.ArrayLike
Values = npt.NDArray[Any]
Sampler = Callable[..., Values]
FARTHEST_M = 1e6
WHOLE = slice(None)


class WorldError(ValueError):
    """A seed, a version or a point is invalid; the message names what to use instead."""


@dataclasses.dataclass(frozen=True)
class Waterways:
    """The lakes, rivers and streams of a world.

    Attributes:
        lakes: float32 meters, ``[n, 2]``: x and z of the points that rivers connect.
        rivers, streams: one float32 array ``[m, 3]`` per line: x, z and width along it, in meters.
    """

    lakes: npt.NDArray[np.float32]
    rivers: tuple[npt.NDArray[np.float32], ...]
    streams: tuple[npt.NDArray[np.float32], ...]


@dataclasses.dataclass(frozen=True)
class Terrain:
    """A rectangle of a world; every plane is ``[z, x]``, the southernmost row first.

    Attributes:
        world: the world.
        x, z: float32 meters: the coordinates of the columns and of the rows.
        biome: uint8 indices of :class:`vwe_dagster.world.biomes.Biome`.
        height: float32 meters; the sea level is 30, and the void beyond the edge of the world is -400.
        lava: float32, the share of lava in each cell, 0 to 1; only the Ashlands have lava.
    """

    world: World
    x: npt.NDArray[np.float32]
    z: npt.NDArray[np.float32]
    biome: npt.NDArray[np.uint8]
    height: npt.NDArray[np.float32]
    lava: npt.NDArray[np.float32]

    @functools.cached_property
    def forest(self) -> npt.NDArray[np.float32]:
        """Return the forest factor of each cell, see :meth:`World.forest`."""
        return points.forest_plane(self.x, self.z)


class World:
    """The world of one seed.

    Args:
        seed: the seed as a signed 32-bit integer; :func:`vwe_dagster.seeds.seed.seed_number` converts a text.
        version: the world-gen version: 2 for worlds created since 2022, 1 or 0 for older ones.

    Raises:
        WorldError: the seed is not a 32-bit integer, or the version is unknown.
    """

    def __init__(self, seed: int, version: int = 2) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise WorldError(
                f"The seed of a world is an integer, not {seed!r}; convert a seed text by seed_number(text)."
            )
        if not -(2**31) <= seed < 2**31:
            raise WorldError(f"The seed {seed} is not a 32-bit integer; choose one from -2147483648 to 2147483647.")
        if isinstance(version, bool) or version not in WORLD_GEN_VERSIONS:
            raise WorldError(f"Unknown world-gen version {version!r}; choose 0, 1 or 2.")
        self.seed = int(seed)
        self.version = int(version)
        self.constants, self._river_seeds = draw_constants(self.seed, self.version)

    def grid(self, size: int = 2048, *, rows: slice = WHOLE, columns: slice = WHOLE) -> Terrain:
        """Sample the world on a grid of ``size`` x ``size`` cells over the whole map, or on a rectangle of it.

        Args:
            size: cells along each side, 64 to 8192; 2048 is the game's own map.
            rows: the rows of the grid, counted from the south.
            columns: the columns of the grid, counted from the west.

        Raises:
            GridError: the size is invalid.
            WorldError: rows or columns are not slices without a step.
        """
        coordinates = Grid.of_world(size).coordinates()
        return self.sample(coordinates[_part(columns)], coordinates[_part(rows)])

    def sample(self, x: Numbers, z: Numbers) -> Terrain:
        """Sample the world at every crossing of the columns ``x`` and the rows ``z``, in meters, each ``[n]``.

        Raises:
            WorldError: the columns or the rows do not ascend.
        """
        columns, rows = _ascending(x), _ascending(z)
        planes = fill_planes(self.constants, lambda: self._waters.field, columns, rows)
        return Terrain(self, columns, rows, *planes)

    def biome(self, x: Numbers, z: Numbers) -> Biome | npt.NDArray[np.uint8]:
        """Return the biome at points: a :class:`Biome` for numbers, uint8 indices for arrays."""
        found = self._at(points.biomes, x, z)
        return Biome(int(found)) if found.ndim == 0 else found

    def height(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """Return the height at points in meters, sea level 30: a float for numbers, float32 for arrays."""
        return _number(self._at(points.heights, x, z, self._waters.field))

    def base_height(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """Return the normalized base height at points, sea level 0.15: a float for numbers, float32 for arrays."""
        return _number(self._at(points.base_heights, x, z))

    def lava(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """Return the share of lava at points, 0 to 1: a float for numbers, float32 for arrays."""
        return _number(self._at(points.lavas, x, z))

    def forest(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """Return the forest factor at points, equal in all worlds: a float for numbers, float32 for arrays.

        Trees grow where it is below 1.15 in the Meadows, below 0.8 in the Plains, and everywhere in the Black Forest.
        """
        return _number(_at(points.forests, x, z))

    def locations(
        self,
        *,
        upto: int | str | None = None,
        kinds: Iterable[str] | None = None,
        table: LocationTable | None = None,
        grid: Terrain | None = None,
    ) -> Locations:
        """Return the altars, traders, dungeons and other locations as the game places them in a new world.

        See :func:`vwe_dagster.locations.world_locations.locations_of` for the arguments and errors.
        """
        # The locations need the terrain; the terrain does not need them.
        from vwe_dagster.locations.world_locations import locations_of  # noqa: PLC0415

        return locations_of(self, upto=upto, kinds=kinds, table=table, grid=grid)

    @functools.cached_property
    def waterways(self) -> Waterways:
        """Return the lakes, rivers and streams; computed once."""
        waters = self._waters
        lakes = np.stack([waters.lakes_x, waters.lakes_z], axis=1).astype(np.float32)
        streams = _lines(waters.first_streams) + _lines(waters.second_streams)
        return Waterways(lakes, _lines(waters.rivers), streams)

    @functools.cached_property
    def _waters(self) -> Pregeneration:
        return pregenerate(self.constants, self._river_seeds)

    def _at(self, sample: Sampler, x: Numbers, z: Numbers, *more: object) -> Values:
        return _at(functools.partial(sample, self.constants), x, z, *more)


def forest_plane(grid: Grid) -> npt.NDArray[np.float32]:
    """Return the forest factor on a grid, float32 ``[z, x]``, equal in all worlds, see :meth:`World.forest`."""
    return points.forest_plane(grid.coordinates(), grid.coordinates())


def _at(sample: Sampler, x: Numbers, z: Numbers, *more: object) -> Values:
    columns, rows = _coordinates(x), _coordinates(z)
    try:
        columns, rows = np.broadcast_arrays(columns, rows)
    except ValueError as error:
        raise WorldError(
            f"The shapes {columns.shape} of x and {rows.shape} of z cannot be broadcast; pass as many x as z."
        ) from error
    flat = np.ascontiguousarray(columns).ravel(), np.ascontiguousarray(rows).ravel()
    return sample(*more, *flat).reshape(columns.shape)


def _coordinates(values: Numbers) -> npt.NDArray[np.float32]:
    given = np.asarray(values)
    if given.dtype.kind not in "iuf":
        raise WorldError(f"Coordinates have the type {given.dtype}; pass numbers of meters.")
    with np.errstate(over="ignore"):
        array = given.astype(np.float32)
    if not (np.abs(array) <= FARTHEST_M).all():
        raise WorldError(
            f"A coordinate is outside -{FARTHEST_M:,.0f} to {FARTHEST_M:,.0f} meters; pass numbers in this range."
        )
    return array


def _part(given: object) -> slice:
    if not isinstance(given, slice) or given.step not in (None, 1):
        raise WorldError(f"Rows or columns are {given!r}; pass a slice without a step, such as slice(0, 100).")
    return given


def _ascending(values: Numbers) -> npt.NDArray[np.float32]:
    array = np.atleast_1d(_coordinates(values))
    if array.ndim != 1 or (np.diff(array) <= 0).any():
        raise WorldError(
            "Columns or rows do not ascend; pass lists of coordinates, each greater than the one before it."
        )
    return array


def _number(values: Values) -> float | npt.NDArray[np.float32]:
    return float(values) if values.ndim == 0 else values


def _lines(rendered: Rendered) -> tuple[npt.NDArray[np.float32], ...]:
    return tuple(np.split(rendered.points, rendered.begins[1:-1])) if len(rendered.begins) > 1 else ()
