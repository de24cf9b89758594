"""Biome colors are distinguishable, and ramps are perceptually uniform."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.rendering import palette
from vwe_dagster.world.biomes import BIOMES

COLORS = st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))

SIGHT = {
    "all colors": np.eye(3),
    "no long-wave cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no medium-wave cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no short-wave cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Linear sRGB as seen without one kind of cone: Machado, Oliveira and Fernandes, 2009, severity 1."""


@given(COLORS)
def test_color_survives_a_round_trip_to_oklab(color: palette.Rgb) -> None:
    lab = palette.oklab_from_linear(palette.linear_from_srgb(color))
    assert tuple(palette.srgb_from_linear(palette.linear_from_oklab(lab)).tolist()) == color


def test_oklab_of_white_and_red_have_the_published_values() -> None:
    lab = palette.oklab_from_linear(palette.linear_from_srgb([(255, 255, 255), (255, 0, 0)]))
    np.testing.assert_allclose(lab, np.array([[1.0, 0, 0], [0.62796, 0.22486, 0.12585]]), atol=1e-3)


@pytest.mark.parametrize("sight", SIGHT)
def test_all_biome_colors_are_distinguishable(sight: str) -> None:
    matrix = np.asarray(SIGHT[sight])
    seen = {
        biome: palette.oklab_from_linear(palette.linear_from_srgb(palette.BIOME_COLORS[biome]) @ matrix.T)
        for biome in BIOMES
    }
    for one, other in itertools.combinations(BIOMES, 2):
        difference = float(np.linalg.norm(seen[one] - seen[other]))
        assert difference > 0.05, f"{one.title} and {other.title} differ by {difference:.3f}"


@pytest.mark.parametrize("stops", [palette.SEA_STOPS, palette.HEIGHT_STOPS])
def test_ramp_has_the_colors_of_its_stops(stops: list[tuple[float, palette.Rgb]]) -> None:
    values = np.array([value for value, _ in stops])
    once = np.flatnonzero(np.append(np.diff(values) > 0, True) & np.append(True, np.diff(values) > 0))
    colors = palette.ramp(stops, values)
    for index in once:
        assert tuple(colors[index].tolist()) == stops[index][1]


@pytest.mark.parametrize(("lowest", "highest"), [(-50, 29.9), (30.1, 450)])
def test_higher_ground_is_lighter_on_either_side_of_the_shore(lowest: float, highest: float) -> None:
    colors = palette.ramp(palette.HEIGHT_STOPS, np.linspace(lowest, highest, 60))
    lightness = palette.oklab_from_linear(palette.linear_from_srgb(colors))[:, 0]
    assert np.all(np.diff(lightness) > 0)


def test_deeper_water_is_darker() -> None:
    colors = palette.ramp(palette.SEA_STOPS, np.linspace(0, 70, 30))
    assert np.all(np.diff(palette.oklab_from_linear(palette.linear_from_srgb(colors))[:, 0]) < 0)
