"""The biomes of one area in many worlds, without rivers and heights, for surveys of seeds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.vectors import LANES
from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen.biome_rows import biome_plane
from vwe_dagster.worldgen.rings import Rings, survey_of
from vwe_dagster.worldgen.sampling import Floats
from vwe_dagster.worldgen.world import World, WorldError


class BiomeSurvey:
    """A rectangle or a disc whose biomes are computed in many worlds.

    Args:
        x, z: the columns and rows in meters, each ascending.
        disc: the center x and z, and the radius of a disc in meters; places outside it are not computed.

    Attributes:
        x, z: float32 meters.
        inside: bool, ``[z, x]``: the places of the disc; all of a rectangle.

    Raises:
        WorldError: the columns or rows do not ascend.
    """

    def __init__(self, x: npt.ArrayLike, z: npt.ArrayLike, disc: tuple[float, float, float] | None = None) -> None:
        self.x, self.z = _ascending(x), _ascending(z)
        self._columns = np.concatenate((self.x, np.repeat(self.x[-1:], -self.x.size % LANES)))
        inside = np.ones((self.z.size, self._columns.size), np.bool_)
        if disc is not None:
            east, north, radius = disc
            far = np.hypot(self._columns.astype(np.float64) - east, self.z.astype(np.float64)[:, None] - north)
            inside = far <= radius
        self.inside = inside[:, : self.x.size]
        blocks: npt.NDArray[np.bool_] = np.logical_or.reduce(inside.reshape(self.z.size, -1, LANES), axis=2)
        count, is_reached = blocks.shape[1], np.logical_or.reduce(blocks, axis=1)
        self._start = np.where(is_reached, np.argmax(blocks, axis=1), 0).astype(np.int32)
        self._stop = np.where(is_reached, count - np.argmax(blocks[:, ::-1], axis=1), 0).astype(np.int32)
        self._rings: dict[float, Rings] = {}

    @classmethod
    def of_disc(cls, x: float, z: float, radius_m: float, cell_m: float = 12.0) -> BiomeSurvey:
        """Return the survey of a disc around a point; its places are ``cell_m`` apart and symmetric to the point."""
        steps = np.arange(0.5, max(radius_m / cell_m, 1.0)) * cell_m
        offsets = np.concatenate((-steps[::-1], steps))
        return cls(x + offsets, z + offsets, (x, z, radius_m))

    def biomes(self, world: World) -> npt.NDArray[np.uint8]:
        """Return the biome indices of a world, uint8 ``[z, x]``; ``Biome.NONE`` outside the disc."""
        c = world.constants
        rings = self._rings.get(c.max_swamp)
        if rings is None:
            whole = survey_of(self._columns, self.z, c.max_swamp)
            start, stop = np.maximum(whole.start, self._start), np.minimum(whole.stop, self._stop)
            rings = self._rings[c.max_swamp] = whole._replace(start=np.minimum(start, stop), stop=stop)
        plane = biome_plane(c, self._columns, self.z, rings)[:, : self.x.size]
        found: npt.NDArray[np.uint8] = np.where(self.inside, plane, np.uint8(Biome.NONE))
        return found


def _ascending(values: npt.ArrayLike) -> Floats:
    array = np.atleast_1d(np.asarray(values, np.float32))
    if array.ndim != 1 or array.size == 0 or not (np.diff(array) > 0).all() or not np.isfinite(array).all():
        raise WorldError(
            "Columns or rows do not ascend; pass lists of coordinates, each greater than the one before it."
        )
    return array
