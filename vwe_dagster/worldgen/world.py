"""A world of Valheim from its seed: the public face of the terrain engine."""

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
    """A world or a point that does not exist; the message says what to ask for instead."""


@dataclasses.dataclass(frozen=True)
class Waterways:
    """The lakes, rivers and streams of a world.

    Attributes:
        lakes: float32 metres, ``[n, 2]``: x and z of the points that rivers run between.
        rivers, streams: one float32 array ``[m, 3]`` a line: x, z and width in metres along it.
    """

    lakes: npt.NDArray[np.float32]
    rivers: tuple[npt.NDArray[np.float32], ...]
    streams: tuple[npt.NDArray[np.float32], ...]


@dataclasses.dataclass(frozen=True)
class Terrain:
    """A rectangle of a world, every plane ``[z, x]``, south first.

    Attributes:
        world: the world it is of.
        x, z: float32 metres: the coordinates of the columns and of the rows.
        biome: uint8 indices of :class:`vwe_dagster.world.biomes.Biome`.
        height: float32 metres, sea level at 30, -400 beyond the edge of the world.
        lava: float32, how much of each cell is lava, 0 to 1; only the Ashlands have any.
    """

    world: World
    x: npt.NDArray[np.float32]
    z: npt.NDArray[np.float32]
    biome: npt.NDArray[np.uint8]
    height: npt.NDArray[np.float32]
    lava: npt.NDArray[np.float32]

    @functools.cached_property
    def forest(self) -> npt.NDArray[np.float32]:
        """The forest factor of each cell, see :meth:`World.forest`."""
        return points.forest_plane(self.x, self.z)


class World:
    """The world of one seed.

    Args:
        seed: the seed as a signed 32-bit integer; :func:`vwe_dagster.seeds.seed.seed_number` gives it for a text.
        version: the world-gen version: 2 for every world made since 2022, 1 or 0 for older ones.

    Raises:
        WorldError: the seed is not a 32-bit integer, or there is no such version.
    """

    def __init__(self, seed: int, version: int = 2) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise WorldError(f"A world's seed is a whole number, not {seed!r}. For a seed text use seed_number(text).")
        if not -(2**31) <= seed < 2**31:
            raise WorldError(f"A world's seed lies between -2147483648 and 2147483647; {seed} does not.")
        if isinstance(version, bool) or version not in WORLD_GEN_VERSIONS:
            raise WorldError(f"There is no world-gen version {version!r}; choose 0, 1 or 2.")
        self.seed = int(seed)
        self.version = int(version)
        self.constants, self._river_seeds = draw_constants(self.seed, self.version)

    def grid(self, size: int = 2048, *, rows: slice = WHOLE, columns: slice = WHOLE) -> Terrain:
        """Samples the world on a grid of ``size`` x ``size`` cells over the whole map, or on a rectangle of it.

        Args:
            size: cells along each side, 64 to 8192; 2048 is the game's own map.
            rows: which rows of the grid, counted from the south.
            columns: which columns of the grid, counted from the west.

        Raises:
            GridError: there is no such grid.
            WorldError: rows or columns are no plain slices.
        """
        coordinates = Grid.of_world(size).coordinates()
        return self.sample(coordinates[_part(columns)], coordinates[_part(rows)])

    def sample(self, x: Numbers, z: Numbers) -> Terrain:
        """Samples the world at every crossing of the columns ``x`` and the rows ``z``, in metres, each ``[n]``.

        Raises:
            WorldError: the columns or the rows do not ascend.
        """
        columns, rows = _ascending(x), _ascending(z)
        planes = fill_planes(self.constants, lambda: self._waters.field, columns, rows)
        return Terrain(self, columns, rows, *planes)

    def biome(self, x: Numbers, z: Numbers) -> Biome | npt.NDArray[np.uint8]:
        """The biome at points: a :class:`Biome` for numbers, uint8 indices for arrays."""
        found = self._at(points.biomes, x, z)
        return Biome(int(found)) if found.ndim == 0 else found

    def height(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """The height at points in metres, sea level at 30: a float for numbers, float32 for arrays."""
        return _number(self._at(points.heights, x, z, self._waters.field))

    def base_height(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """The normalised base height at points, 0.15 being the sea: a float for numbers, float32 for arrays."""
        return _number(self._at(points.base_heights, x, z))

    def lava(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """How much of each point is lava, 0 to 1: a float for numbers, float32 for arrays."""
        return _number(self._at(points.lavas, x, z))

    def forest(self, x: Numbers, z: Numbers) -> float | npt.NDArray[np.float32]:
        """The forest factor at points, the same in every world: a float for numbers, float32 for arrays.

        Trees stand where it is below 1.15 in the Meadows, below 0.8 in the Plains, and everywhere in the Black Forest.
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
        """The lakes, rivers and streams."""
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
    """The forest factor on a grid, float32 ``[z, x]``; it is the same in every world, see :meth:`World.forest`."""
    return points.forest_plane(grid.coordinates(), grid.coordinates())


def _at(sample: Sampler, x: Numbers, z: Numbers, *more: object) -> Values:
    columns, rows = _coordinates(x), _coordinates(z)
    try:
        columns, rows = np.broadcast_arrays(columns, rows)
    except ValueError as error:
        raise WorldError(
            f"{columns.shape} and {rows.shape} coordinates do not go together; give as many x as z."
        ) from error
    flat = np.ascontiguousarray(columns).ravel(), np.ascontiguousarray(rows).ravel()
    return sample(*more, *flat).reshape(columns.shape)


def _coordinates(values: Numbers) -> npt.NDArray[np.float32]:
    given = np.asarray(values)
    if given.dtype.kind not in "iuf":
        raise WorldError(f"Coordinates are numbers of metres, not {given.dtype}.")
    with np.errstate(over="ignore"):
        array = given.astype(np.float32)
    if not (np.abs(array) <= FARTHEST_M).all():
        raise WorldError(f"A coordinate is a number of metres from -{FARTHEST_M:,.0f} to {FARTHEST_M:,.0f}.")
    return array


def _part(given: object) -> slice:
    if not isinstance(given, slice) or given.step not in (None, 1):
        raise WorldError(f"Rows and columns are slices without a step, such as slice(0, 100); not {given!r}.")
    return given


def _ascending(values: Numbers) -> npt.NDArray[np.float32]:
    array = np.atleast_1d(_coordinates(values))
    if array.ndim != 1 or (np.diff(array) <= 0).any():
        raise WorldError("Columns and rows are lists of coordinates, each greater than the one before it.")
    return array


def _number(values: Values) -> float | npt.NDArray[np.float32]:
    return float(values) if values.ndim == 0 else values


def _lines(rendered: Rendered) -> tuple[npt.NDArray[np.float32], ...]:
    return tuple(np.split(rendered.points, rendered.begins[1:-1])) if len(rendered.begins) > 1 else ()
