"""Rivers and streams as lines of ink."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageDraw

from vwe_dagster.rendering.view import MapView

_OVERSAMPLING = 2
_STEP_PIXELS = 2.5
_INKED_SHARE = 0.34
"""How much of a river's width is inked: its bed slopes, and only the middle is under water."""


def river_ink(rivers: pd.DataFrame, view: MapView) -> npt.NDArray[np.uint8]:
    """How much of each pixel rivers and streams cover, 0 to 255, row 0 north.

    Args:
        rivers: see :data:`vwe_dagster.extraction.canonical.RIVER_COLUMNS`.
        view: the picture.
    """
    image = Image.new("L", (view.pixels * _OVERSAMPLING,) * 2)
    draw = ImageDraw.Draw(image)
    columns, rows = view.to_pixel(rivers["x_m"].to_numpy(np.float32), rivers["z_m"].to_numpy(np.float32))
    points = np.stack([columns, rows], axis=1) * np.float32(_OVERSAMPLING)
    lines = rivers["line"].to_numpy()
    ends = np.flatnonzero(np.diff(lines, append=-1)) + 1
    widths = rivers["width_m"].to_numpy(np.float32) * np.float32(_INKED_SHARE / view.pixel_m)
    begin = 0
    for end in ends.tolist():
        width = max(1.0, float(widths[begin:end].mean())) * _OVERSAMPLING
        draw.line(_thinned(points[begin:end]).ravel().tolist(), fill=255, width=round(width))
        begin = end
    return np.asarray(image.reduce(_OVERSAMPLING))


def _thinned(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A line with fewer points, its ends kept, where they lie closer than needed."""
    if len(points) < 3:
        return points
    apart = float(np.hypot(*(points[1] - points[0]))) / _OVERSAMPLING
    every = max(1, int(_STEP_PIXELS / max(apart, 1e-3)))
    return np.concatenate([points[:-1:every], points[-1:]])
