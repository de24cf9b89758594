"""Light, slopes and the distance from the shore on ground with known results."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vwe_dagster.rendering import shading
from vwe_dagster.rendering.shading import Plane

SLOPES = st.floats(-2, 2, width=32)


def tilted(east: float, north: float, size: int = 16, pixel_m: float = 12.0) -> Plane:
    """Return ground with a constant slope, row 0 north."""
    steps = np.arange(size, dtype=np.float32) * np.float32(pixel_m)
    return np.asarray(np.float32(east) * steps[None, :] - np.float32(north) * steps[:, None], dtype=np.float32)


@given(SLOPES, SLOPES, st.sampled_from([3.0, 12.0, 85.0]))
def test_slopes_of_a_plane_are_its_rise(east: float, north: float, pixel_m: float) -> None:
    measured_east, measured_north = shading.slopes(tilted(east, north, pixel_m=pixel_m), pixel_m)
    np.testing.assert_allclose(measured_east, east, atol=1e-4)
    np.testing.assert_allclose(measured_north, north, atol=1e-4)
    assert measured_east.shape == (14, 14)


@given(SLOPES, SLOPES)
def test_softening_keeps_a_plane(east: float, north: float) -> None:
    ground = tilted(east, north)
    np.testing.assert_allclose(shading.softened(ground), ground[1:-1, 1:-1], atol=1e-2)


def test_the_light_comes_from_the_north_west() -> None:
    def light(east: float, north: float) -> float:
        return float(shading.hillshade(*shading.slopes(tilted(east, north), 12.0))[5, 5])

    assert light(0, 0) == pytest.approx(0, abs=1e-6)
    assert light(0.5, -0.5) > 0.1, "a slope that falls to the north-west faces the light"
    assert light(-0.5, 0.5) < -0.4, "a slope that falls to the south-east is in the shade"
    assert light(0.5, 0.5) == pytest.approx(light(-0.5, -0.5), abs=1e-6)


@given(st.floats(0.125, 1, width=32), st.floats(4, 12))
def test_distance_from_the_shore_on_a_slope(slope: float, shore_column: float) -> None:
    ground = tilted(slope, 0) + np.float32(30 - slope * shore_column * 12)
    east, north = shading.slopes(ground, 12.0)
    inner = np.ascontiguousarray(ground[1:-1, 1:-1])
    distance = shading.shore_distance(inner, east, north, 12.0)
    np.testing.assert_allclose(distance[4], np.arange(1, 15) - shore_column, atol=0.01)


def test_distance_offshore_counts_pixels_from_the_land() -> None:
    height = np.full((256, 256), 10, dtype=np.float32)
    height[:, :100] = 40
    distance = shading.offshore_distance(height, 250)
    assert float(np.abs(distance[:, :96]).max()) < 1
    np.testing.assert_allclose(distance[128, 110:200], np.arange(110, 200) - 99.5, atol=2)


@given(arrays.arrays(np.bool_, (60, 60), elements=st.booleans()), st.integers(1, 60))
def test_distance_offshore_is_euclidean_up_to_its_reach(land: npt.NDArray[np.bool_], reach: int) -> None:
    sparse = land & (np.indices(land.shape).sum(axis=0) % 7 == 0)
    sparse[30, 30] = True
    height = np.where(sparse, np.float32(40), np.float32(10)).repeat(2, axis=0).repeat(2, axis=1)
    expected = np.minimum(2 * scipy.ndimage.distance_transform_edt(~sparse), 2 * math.ceil(reach / 2))
    exact = shading.resized(expected.astype(np.float32), 120)
    np.testing.assert_array_equal(shading.offshore_distance(height, reach), exact)


def test_ocean_without_land_is_far_offshore() -> None:
    assert shading.offshore_distance(np.zeros((64, 64), dtype=np.float32), 48).min() >= 64
