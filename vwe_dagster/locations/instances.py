"""The placed instances as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Instances(NamedTuple):
    """The placed instances in order; every array is ``[n]``.

    Attributes:
        x, y, z: float32 meters.
        zone_x, zone_z: int32, the zone of the point.
        type_index: int32, the type in running order.
        attempt: int32, the attempts of the type before the one that placed the instance.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    z: npt.NDArray[np.float32]
    zone_x: npt.NDArray[np.int32]
    zone_z: npt.NDArray[np.int32]
    type_index: npt.NDArray[np.int32]
    attempt: npt.NDArray[np.int32]

    def part(self, places: slice | npt.NDArray[np.bool_]) -> Instances:
        """Return a copy of the instances that ``places`` selects."""
        x, y, z = (values[places].copy() for values in (self.x, self.y, self.z))
        integers = self.zone_x, self.zone_z, self.type_index, self.attempt
        return Instances(x, y, z, *(values[places].copy() for values in integers))


def make_instances(n: int) -> Instances:
    """Return arrays for ``n`` instances, not initialized."""
    x, y, z = (np.empty(n, np.float32) for _ in range(3))
    return Instances(x, y, z, *(np.empty(n, np.int32) for _ in range(4)))
