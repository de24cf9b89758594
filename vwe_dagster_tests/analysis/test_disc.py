"""The measured cells of a disc, and the compass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.analysis.disc import Disc, bearing_deg
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import make_world

coordinates = st.floats(-12_000, 12_000)


@pytest.mark.parametrize(
    ("x_m", "z_m", "bearing"),
    [
        (0, 1, 0),
        (1, 1, 45),
        (1, 0, 90),
        (0, -1, 180),
        (-1, 0, 270),
        (-1, 1, 315),
        (0, 0, 0),
        (-1e-20, 1, 0),
    ],
)
def test_bearings_run_clockwise_from_north(x_m: float, z_m: float, bearing: float) -> None:
    assert bearing_deg(np.array([x_m]), np.array([z_m])) == pytest.approx([bearing])


@given(coordinates, coordinates)
def test_a_bearing_points_at_where_it_was_taken_of(x_m: float, z_m: float) -> None:
    (bearing,) = bearing_deg(np.array([x_m]), np.array([z_m]))
    assert 0 <= bearing < 360
    distance = np.hypot(x_m, z_m)
    assert distance * np.sin(np.radians(bearing)) == pytest.approx(x_m, abs=1e-6)
    assert distance * np.cos(np.radians(bearing)) == pytest.approx(z_m, abs=1e-6)


def test_the_disc_of_the_games_own_grid_is_where_the_game_has_no_void() -> None:
    disc = Disc.of_world(make_world(np.zeros((2048, 2048)), cell_m=12, first_m=Grid.of_world().first_m))
    assert np.count_nonzero(disc.inside) == 2048 * 2048 - 1_788_980


def test_a_cell_center_on_the_edge_is_inside() -> None:
    disc = Disc.of_world(make_world(np.zeros((3, 3)), cell_m=10_500))
    assert disc.inside.tolist() == [[False, True, False], [True, True, True], [False, True, False]]
