"""The instances whose distance counts for a type, and the test of that distance for sixteen of them at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inlined_kernel, kernel
from vwe_dagster.kernels.vectors import any_of, as_f32, as_f64, f32x16, load16
from vwe_dagster.locations.instances import Instances

LANES = 16
FAR_AWAY = np.float32(1e9)
"""Coordinate of the unused elements."""


class Neighbors(NamedTuple):
    """Instances, float32 meters; unused elements are far away.

    Attributes:
        x, y, z: ``[n]``, a multiple of 16.
        count: int64 ``[1]``, the number of instances.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    z: npt.NDArray[np.float32]
    count: npt.NDArray[np.int64]


@kernel
def make_neighbors(placed: Instances, count: int, counts: npt.NDArray[np.bool_], quantity: int) -> Neighbors:
    """Return the placed instances of the types that ``counts`` selects, with room for ``quantity`` more."""
    n = 0
    for i in range(count):
        n += counts[placed.type_index[i]]
    room = (n + quantity + LANES - 1) // LANES * LANES
    near = Neighbors(np.full(room, FAR_AWAY), np.full(room, FAR_AWAY), np.full(room, FAR_AWAY), np.zeros(1, np.int64))
    for i in range(count):
        if counts[placed.type_index[i]]:
            add_neighbor(near, placed.x[i], placed.y[i], placed.z[i])
    return near


@borrowing_kernel
def add_neighbor(near: Neighbors, x: float, y: float, z: float) -> None:
    """Add an instance."""
    n = near.count[0]
    near.x[n], near.y[n], near.z[n] = x, y, z
    near.count[0] = n + 1


@inlined_kernel
def is_within(near: Neighbors, x: float, y: float, z: float, radius: float) -> bool:
    """Return whether an instance is nearer than ``radius``."""
    fx, fy, fz = f32x16(np.float32(x)), f32x16(np.float32(y)), f32x16(np.float32(z))
    for i in range(0, near.count[0], LANES):
        dx, dy, dz = as_f64(fx - load16(near.x, i)), as_f64(fy - load16(near.y, i)), as_f64(fz - load16(near.z, i))
        if any_of(as_f64(as_f32(dx * dx + dy * dy + dz * dz)) < radius * radius):
            return True
    return False
