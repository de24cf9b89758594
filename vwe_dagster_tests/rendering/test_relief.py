"""The relief: positions, hidden parts and shadows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from vwe_dagster.rendering import palette
from vwe_dagster.rendering.block import cast_shadows
from vwe_dagster.rendering.free_space import FreeSpace
from vwe_dagster.rendering.relief import EXAGGERATION, RELIEF_SIZE, Scene
from vwe_dagster.rendering.shading import Plane
from vwe_dagster.rendering.view import MapView
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M

VIEW = MapView(440, 22_000.0)
SCENE = Scene.of_size(600, 400)
GRAY, RED, BLUE = (120, 120, 120), (200, 30, 30), (30, 30, 200)
Box = tuple[float, float, float, float]
"""West, south, east and north in meters."""


def box(west: float, south: float, east: float, north: float) -> tuple[slice, slice]:
    """Return the rows and columns of a box."""
    left, top = VIEW.to_pixel(west, north)
    right, bottom = VIEW.to_pixel(east, south)
    return slice(round(top), round(bottom)), slice(round(left), round(right))


def drawn(
    *, walls: dict[Box, float] | None = None, patches: dict[Box, palette.Rgb] | None = None
) -> npt.NDArray[np.uint8]:
    """Draw a level gray block in the sea with walls of some height and patches of color."""
    heights = np.full((VIEW.pixels, VIEW.pixels), 10, dtype=np.float32)
    colors = np.full((VIEW.pixels, VIEW.pixels, 3), GRAY, dtype=np.uint8)
    for where, height_m in (walls or {}).items():
        heights[box(*where)] = height_m
    for where, color in (patches or {}).items():
        colors[box(*where)] = color
    return np.asarray(SCENE.draw(Image.fromarray(colors), heights, VIEW.pixel_m))


def changed(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return np.asarray((one != other).any(axis=-1))


@pytest.mark.parametrize(("x_m", "z_m"), [(0, 0), (-6000, 4000), (7000, -3000), (0, -9500), (200, 9500)])
def test_patch_is_at_the_pixel_of_its_place(x_m: float, z_m: float) -> None:
    rows, columns = np.nonzero(changed(drawn(patches={(x_m - 250, z_m - 250, x_m + 250, z_m + 250): RED}), drawn()))
    column, row = SCENE.to_pixel(x_m, z_m)
    assert columns.mean() + 0.5 == pytest.approx(column, abs=1)
    assert rows.mean() + 0.5 == pytest.approx(row, abs=1)


def test_north_is_at_the_top_and_west_at_the_left() -> None:
    quarters: dict[Box, palette.Rgb] = {(-11_000, 0, 0, 11_000): RED, (0, -11_000, 11_000, 0): BLUE}
    picture = drawn(patches=quarters)
    places = {quarter: SCENE.to_pixel(*quarter) for quarter in ((-3000, 3000), (3000, -3000))}
    north_west, south_east = (picture[int(row), int(column)].astype(int) for column, row in places.values())
    assert north_west[0] - north_west[2] > 100
    assert south_east[2] - south_east[0] > 100


@pytest.mark.parametrize("height_m", [130.0, 330.0])
def test_height_of_a_tower_on_the_picture(height_m: float) -> None:
    x_m, z_m = 3000, -2000
    rows, columns = np.nonzero(changed(drawn(walls={(x_m - 100, z_m - 50, x_m + 100, z_m + 50): height_m}), drawn()))
    column, summit = SCENE.to_pixel(x_m, z_m, height_m)
    assert rows.min() == pytest.approx(summit, abs=2)
    scale = SCENE.camera.focal / (z_m + SCENE.camera.distance_m)
    assert SCENE.to_pixel(x_m, z_m)[1] - summit == pytest.approx((height_m - SEA_LEVEL_M) * EXAGGERATION * scale)
    assert columns[rows < summit + 3].mean() + 0.5 == pytest.approx(column, abs=2)


def test_tower_higher_than_the_picture_is_cut_at_its_upper_edge() -> None:
    towers: dict[Box, float] = {(-200, z_m, 200, z_m + 200): 6000.0 for z_m in (0, 2000, 4000)}
    column, _ = SCENE.to_pixel(0, 0)
    assert changed(drawn(walls=towers), drawn())[0, int(column)]


def test_wall_hides_the_ground_behind_it_only() -> None:
    wall: dict[Box, float] = {(-4000, -2000, 4000, -1900): 400.0}
    behind: dict[Box, palette.Rgb] = {(-2000, -1800, 2000, -1500): RED}
    before: dict[Box, palette.Rgb] = {(-2000, -2600, 2000, -2300): RED}
    assert changed(drawn(patches=behind), drawn()).any()
    assert not changed(drawn(walls=wall, patches=behind), drawn(walls=wall)).any()
    assert changed(drawn(walls=wall, patches=before), drawn(walls=wall)).any()


def test_sea_covers_its_bed_except_at_the_cut() -> None:
    middle: dict[Box, float] = {(-2000, -2000, 2000, 2000): -50.0}
    rim: dict[Box, float] = {(-500, -11_000, 500, -10_000): -50.0}
    assert not changed(drawn(walls=middle), drawn()).any()
    rows, _ = np.nonzero(changed(drawn(walls=rim), drawn()))
    assert rows.min() > SCENE.to_pixel(0, -WORLD_RADIUS_M + 60)[1]


def test_paper_surrounds_the_block() -> None:
    picture = drawn()
    left, _ = SCENE.to_pixel(-WORLD_RADIUS_M, 0)
    for corner in (picture[2, 2], picture[2, -3], picture[200, int(left) // 2 - 4]):
        np.testing.assert_array_equal(corner, palette.PAPER)


def test_air_lightens_the_north() -> None:
    tones = [drawn()[int(row), int(column)].mean() for column, row in (SCENE.to_pixel(0, z) for z in (-9000, 0, 9000))]
    assert tones == sorted(tones)
    assert tones[2] - tones[0] > 5


@given(arrays.arrays(np.float32, (9, 9), elements=st.floats(0, 100, width=32)), st.floats(1, 30))
def test_length_of_shadows_to_the_south_east(surface: Plane, drop_m: float) -> None:
    shade = cast_shadows(surface, drop_m, 8.0)
    for z, x in np.ndindex(9, 9):
        missed = max(
            (float(surface[z - k, x - k]) - k * drop_m - float(surface[z, x]) for k in range(1, min(z, x) + 1)),
            default=0.0,
        )
        assert shade[z, x] == pytest.approx(min(max(missed / 8, 0), 1), abs=1e-3)


def test_a_level_surface_has_no_shadows() -> None:
    assert not cast_shadows(np.full((20, 20), 30, dtype=np.float32), 2.0, 6.0).any()


def test_label_of_a_high_peak_at_the_northern_rim_is_within_the_picture() -> None:
    scene = Scene.of_size(*RELIEF_SIZE)
    (label,) = scene.place_peak_labels([(0, 10_000, 500)], FreeSpace())
    picture = Image.new("RGB", RELIEF_SIZE, palette.PAPER)
    scene.draw_peak_labels(picture, [label])
    rows, _ = np.nonzero(changed(np.asarray(picture), np.asarray(Image.new("RGB", RELIEF_SIZE, palette.PAPER))))
    assert rows.min() > 4


def test_labels_of_neighboring_peaks_do_not_collide() -> None:
    scene, space = Scene.of_size(*RELIEF_SIZE), FreeSpace()
    space.take((0, 0, 10, 10))
    first, second, *others = scene.place_peak_labels([(100 * k, 50 * k, 400 - 2 * k) for k in range(9)], space)
    assert first.text == "400"
    assert abs(first.row - second.row) > 16 or abs(first.peak[0] - second.peak[0]) > 30
    assert len(others) < 7


def test_block_fits_into_pictures_of_every_size() -> None:
    for width, height in ((1760, 1244), (300, 200)):
        scene = Scene.of_size(width, height)
        angles = np.linspace(0, 2 * math.pi, 100)
        rim = [scene.to_pixel(WORLD_RADIUS_M * math.cos(a), WORLD_RADIUS_M * math.sin(a)) for a in angles]
        assert min(column for column, _ in rim) > 0
        assert max(column for column, _ in rim) < width
        assert min(row for _, row in rim) > 0
        assert max(row for _, row in rim) < height
