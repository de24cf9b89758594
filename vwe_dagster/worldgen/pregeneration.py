"""Lakes, rivers and streams, which the game lays out before any height. Section 8 of the terrain specification."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.worldgen.constants import RiverSeeds, WorldConstants
from vwe_dagster.worldgen.lakes import Coordinates, find_lakes
from vwe_dagster.worldgen.river_field import RiverField, no_rivers
from vwe_dagster.worldgen.rivers import Courses, add_points, find_rivers, render
from vwe_dagster.worldgen.streams import find_streams
from vwe_dagster.worldgen.terrain import is_deep_north
from vwe_dagster.worldgen.unity_random import init_state


class Rendered(NamedTuple):
    """Rivers or streams as points: float32 ``[m, 3]`` x, z, width in meters; int64 ``[n + 1]`` first point of each."""

    points: npt.NDArray[np.float32]
    begins: npt.NDArray[np.int64]


class Pregeneration(NamedTuple):
    """The waters of a world.

    Attributes:
        lakes_x, lakes_z: float64 meters, ``[n]``.
        accepted: the number of streams found in each pass, rendered or not, int64 ``[2]``.
        rivers, first_streams, second_streams: the rendered lines.
        field: the points of all of them, by cell.
    """

    lakes_x: Coordinates
    lakes_z: Coordinates
    accepted: npt.NDArray[np.int64]
    rivers: Rendered
    first_streams: Rendered
    second_streams: Rendered
    field: RiverField


def pregenerate(c: WorldConstants, seeds: RiverSeeds) -> Pregeneration:
    """Lay out the waters of a world."""
    lakes_x, lakes_z = find_lakes(c)
    state = init_state(seeds.river)
    rivers = render(state, find_rivers(c, state, lakes_x, lakes_z))
    with_rivers = add_points(no_rivers(), rivers[0])

    memory = np.array([-1, 0])
    found, state = find_streams(c, seeds.stream, with_rivers, with_rivers, memory, False)
    first = render(state, _in_deep_north(found, False))
    with_first = add_points(with_rivers, first[0])

    memory[1] = 1
    found_again, state = find_streams(c, seeds.stream, with_first, with_rivers, memory, True)
    second = render(state, _in_deep_north(found_again, True))
    accepted = np.array([len(found), len(found_again)])
    field = add_points(with_first, second[0])
    return Pregeneration(lakes_x, lakes_z, accepted, Rendered(*rivers), Rendered(*first), Rendered(*second), field)


@kernel
def _in_deep_north(streams: Courses, wanted: bool) -> Courses:
    """Return the streams that start in the Deep North, or all others."""
    kept = np.empty_like(streams)
    count = 0
    for i in range(len(streams)):
        if is_deep_north(streams[i, 0], streams[i, 1]) == wanted:
            kept[count] = streams[i]
            count += 1
    return kept[:count]
