"""Rivers and streams as lines of ink."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.rendering.view import MapView

_STEP_PIXELS = 2.5
"""Minimum distance between drawn points of a line. Points between are skipped, by the distance of the first two."""

INKED_SHARE = 0.34
"""Share of a river's width that is inked: its bed slopes, and only the middle is under water."""

_THINNEST = 1.0


def river_ink(rivers: pd.DataFrame, view: MapView, *, inked_share: float = INKED_SHARE) -> npt.NDArray[np.uint8]:
    """Return the share of each pixel that rivers and streams cover, 0 to 255, row 0 north.

    Args:
        rivers: see :data:`vwe_dagster.world.canonical.RIVER_COLUMNS`.
        view: the picture.
        inked_share: share of a river's width that is inked.
    """
    ink = np.zeros((view.pixels, view.pixels), dtype=np.uint8)
    if len(rivers):
        columns, rows = view.to_pixel(rivers["x_m"].to_numpy(np.float64), rivers["z_m"].to_numpy(np.float64))
        points = np.stack([columns, rows], axis=1).astype(np.float64, copy=False)
        ends = np.flatnonzero(np.diff(rivers["line"].to_numpy(), append=-1)) + 1
        widths = rivers["width_m"].to_numpy(np.float64) * (inked_share / view.pixel_m)
        _ink_lines(points, widths, ends, ink)
    return ink


@kernel
def _ink_lines(
    points: npt.NDArray[np.float64],
    widths: npt.NDArray[np.float64],
    ends: npt.NDArray[np.int64],
    ink: npt.NDArray[np.uint8],
) -> None:
    """Ink lines of points (column, row), each with the mean width of its points.

    An entry of ``ends`` is the index after the last point of a line, where the next line begins.
    """
    begin = 0
    for end in ends:
        reach = max(_THINNEST, widths[begin:end].mean()) / 2
        every = 1
        if end - begin > 2:
            apart = math.hypot(points[begin + 1, 0] - points[begin, 0], points[begin + 1, 1] - points[begin, 1])
            every = max(1, int(_STEP_PIXELS / max(apart, 1e-3)))
        at = begin
        while at < end - 1:
            beyond = min(at + every, end - 1)
            _ink_piece(points[at], points[beyond], reach, ink)
            at = beyond
        begin = end


@kernel
def _ink_piece(
    start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], reach: float, ink: npt.NDArray[np.uint8]
) -> None:
    """Ink the pixels within reach of a straight segment, softly at the edge; darker pixels stay."""
    x0, y0, x1, y1 = start[0], start[1], end[0], end[1]
    around = reach + 0.5
    first_row, last_row = max(0, math.floor(min(y0, y1) - around)), min(ink.shape[0], math.ceil(max(y0, y1) + around))
    first, last = max(0, math.floor(min(x0, x1) - around)), min(ink.shape[1], math.ceil(max(x0, x1) + around))
    along_x, along_y = x1 - x0, y1 - y0
    square = max(along_x * along_x + along_y * along_y, 1e-9)
    for row in range(first_row, last_row):
        for column in range(first, last):
            x, y = column + 0.5 - x0, row + 0.5 - y0
            way = min(max((x * along_x + y * along_y) / square, 0.0), 1.0)
            away = math.hypot(x - way * along_x, y - way * along_y)
            share = min(max(around - away, 0.0), 1.0)
            ink[row, column] = max(ink[row, column], np.uint8(share * 255 + 0.5))
