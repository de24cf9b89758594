"""Blank sheets: pasting a ground into one equals drawing the sheet around it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vwe_dagster.rendering import palette
from vwe_dagster.rendering.blank import blank_sheet, set_ground
from vwe_dagster.rendering.circles import draw_circles
from vwe_dagster.rendering.layout import Layout
from vwe_dagster.rendering.paper import cut_out
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.sheet import Sheet


@pytest.mark.parametrize("pixels", [256, 1023, 1332, 2048])
@pytest.mark.parametrize("rings", [palette.INK, palette.PAPER])
def test_ground_on_a_blank_sheet_equals_one_on_a_new_sheet(pixels: int, rings: palette.Rgb) -> None:
    size = PictureSize(pixels)
    layout, side = Layout.of_map(size.view.pixels), size.ground.pixels
    noise = np.random.default_rng(pixels).integers(0, 256, (side, side, 3), np.uint8)
    ground = cut_out(Image.fromarray(noise), size.ground.inside())
    drawn = Sheet.around(ground, size, layout)
    draw_circles(drawn, rings)
    blank = blank_sheet(size, layout, rings)
    before = blank.image.tobytes()
    np.testing.assert_array_equal(
        np.asarray(set_ground(blank.image, ground, size, rings).image), np.asarray(drawn.image)
    )
    assert blank.image.tobytes() == before
    np.testing.assert_array_equal(np.asarray(ground), np.asarray(cut_out(Image.fromarray(noise), size.ground.inside())))
