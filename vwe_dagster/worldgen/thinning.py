"""Reduce rivers and streams to the vertices that are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_VERTEX_SPACING_M = 16.0


class ThinLines(NamedTuple):
    """Thinned lines.

    Attributes:
        vertices: x, z and width in meters, rounded to two decimals, float64 ``[vertex, 3]``; line after line.
        ends: the vertex after the last one of each line, int64 ``[line]``.
    """

    vertices: npt.NDArray[np.float64]
    ends: npt.NDArray[np.int64]


def thin_lines(lines: Sequence[npt.NDArray[np.float32]]) -> ThinLines:
    """Reduce lines to one vertex every 16 m or so, and keep both ends.

    Args:
        lines: x, z and width in meters, ``[m, 3]`` each.
    """
    if not lines:
        return ThinLines(np.empty((0, 3)), np.empty(0, np.int64))
    lengths = np.array([len(line) for line in lines])
    points = np.concatenate(lines)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    step = points[np.minimum(begins + 1, ends - 1), :2] - points[begins, :2]
    spacing = np.where(lengths > 1, np.hypot(step[:, 0], step[:, 1]), np.float32(_VERTEX_SPACING_M)).astype(float)
    every = np.maximum(1, np.rint(_VERTEX_SPACING_M / np.maximum(spacing, 1.0))).astype(int)
    is_kept = (np.arange(len(points)) - np.repeat(begins, lengths)) % np.repeat(every, lengths) == 0
    is_kept[ends - 1] = True
    return ThinLines(
        points[is_kept].astype(float).round(2), np.cumsum(np.add.reduceat(is_kept, begins, dtype=np.int64))
    )
