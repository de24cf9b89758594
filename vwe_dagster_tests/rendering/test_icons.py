"""Icons: the mask of a picture and the SVG path of a page show the same shape."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest

from vwe_dagster.rendering.icon_shapes import BOX, SHAPES
from vwe_dagster.rendering.icons import icon_mask, icon_path

NEEDED = (
    "bog_witch bones bonemass camp cave crypt deep_north_boss eikthyr elder fader fire fortress grave haldor hildir "
    "house leviathan mine moder mystery nest other pond queen ruin runestone ship spawn station stone sword tar tower "
    "tree village well yagluth"
)
SIDE = 96


def filled(path: str) -> npt.NDArray[np.bool_]:
    """Return which points of a raster are inside an SVG path of closed polygons, by the rule ``nonzero``."""
    at = (np.arange(SIDE) + 0.5) * BOX / SIDE
    winding = np.zeros((SIDE, SIDE), dtype=int)
    for part in path.split("Z")[:-1]:
        points = [tuple(map(float, pair.split())) for pair in re.split("[ML]", part)[1:]]
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
            if y0 == y1:
                continue
            crossed = (min(y0, y1) <= at) & (at < max(y0, y1))
            right_of = at[None, :] > (x0 + (at - y0) * (x1 - x0) / (y1 - y0))[:, None]
            winding += (crossed[:, None] & right_of) * (1 if y1 > y0 else -1)
    return np.asarray(winding != 0)


def test_every_kind_of_location_has_an_icon() -> None:
    assert set(SHAPES) == set(NEEDED.split())


@pytest.mark.parametrize("icon", SHAPES)
def test_mask_and_path_show_the_same_shape(icon: str) -> None:
    mask = np.asarray(icon_mask(icon, SIDE), dtype=float) / 255
    assert np.abs(mask - filled(icon_path(icon))).mean() < 0.03
    assert 0.1 < mask.mean() < 0.8


@pytest.mark.parametrize("icon", SHAPES)
def test_shape_stays_in_its_box(icon: str) -> None:
    points = np.array([point for outline in (*SHAPES[icon].solids, *SHAPES[icon].holes) for point in outline])
    assert points.min() >= 0
    assert points.max() <= BOX


def test_every_two_icons_differ() -> None:
    masks = {icon: np.asarray(icon_mask(icon, 16), dtype=float) / 255 for icon in SHAPES}
    for icon, mask in masks.items():
        assert all(np.abs(mask - other).mean() > 0.05 for name, other in masks.items() if name != icon)


def test_unknown_icon_has_the_shape_of_other_places() -> None:
    assert icon_path("no such icon") == icon_path("other")
