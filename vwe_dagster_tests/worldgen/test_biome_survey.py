"""A survey of biomes equals the biomes of single points, inside of a disc or in a rectangle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen import World, WorldError
from vwe_dagster.worldgen.biome_survey import BiomeSurvey
from vwe_dagster_tests.worldgen.oracle import plain_points


@settings(max_examples=15)
@given(
    seed=st.integers(-(2**31), 2**31 - 1),
    version=st.sampled_from([0, 1, 2]),
    place=st.tuples(st.floats(-11000, 11000), st.floats(-11000, 11000)),
    radius=st.floats(1, 2500),
    cell=st.sampled_from([12.0, 37.5, 100.0]),
)
def test_a_disc_equals_its_points(
    seed: int, version: int, place: tuple[float, float], radius: float, cell: float
) -> None:
    world, survey = World(seed, version), BiomeSurvey.of_disc(*place, radius, cell)
    biome = plain_points(world, *np.meshgrid(survey.x, survey.z))[0]
    np.testing.assert_array_equal(survey.biomes(world), np.where(survey.inside, biome, Biome.NONE))
    apart = np.hypot(survey.x[None, :] - place[0], survey.z[:, None] - place[1])
    assert (survey.inside == (apart <= radius))[abs(apart - radius) > 0.01].all()


def test_a_rectangle_equals_the_grid() -> None:
    terrain = World(298112588).grid(512, rows=slice(100, 230), columns=slice(33, 400))
    survey = BiomeSurvey(terrain.x, terrain.z)
    for _ in range(2):
        np.testing.assert_array_equal(survey.biomes(terrain.world), terrain.biome)


def test_columns_that_do_not_ascend_are_rejected() -> None:
    with pytest.raises(WorldError, match="greater than the one before"):
        BiomeSurvey([0, 0], [1])
