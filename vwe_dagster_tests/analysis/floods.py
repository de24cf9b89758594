"""Connected areas of a plane by flood fill: the oracle of the kernels that find them as runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def flooded(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Number the areas of equal cells by flooding each from its first cell; cells of kind 0 belong to no area."""
    number = np.zeros(kinds.shape, np.int32)
    for first in np.ndindex(kinds.shape):
        if kinds[first] == 0 or number[first] != 0:
            continue
        pending, area = [first], int(number.max()) + 1
        while pending:
            z, x = pending.pop()
            within = 0 <= z < kinds.shape[0] and 0 <= x < kinds.shape[1]
            if within and number[z, x] == 0 and kinds[z, x] == kinds[first]:
                number[z, x] = area
                pending += [(z + 1, x), (z - 1, x), (z, x + 1), (z, x - 1)]
    return number
