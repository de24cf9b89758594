"""The blur between the colors of neighboring biomes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from vwe_dagster.rendering.brush import blur_classes


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (40, 61)])
@pytest.mark.parametrize("radius", [0.0, 0.5625, 1.75, 2.0])
def test_blur_of_classes_equals_pillows_box_blur(shape: tuple[int, int], radius: float) -> None:
    random = np.random.default_rng(7)
    colors = random.integers(0, 256, (256, 3), np.uint8)
    classes = random.integers(0, 10, shape, np.uint8)
    blurred = Image.fromarray(colors[classes]).filter(ImageFilter.BoxBlur(radius))
    run = blur_classes(classes, colors, np.float32(radius))
    np.testing.assert_array_equal(np.moveaxis(run, 0, -1), np.asarray(blurred))
