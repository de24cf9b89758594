"""The sizes that a grid can have."""

from __future__ import annotations

import pytest

from vwe_dagster.world.grid import MAX_SIZE, MIN_SIZE, Grid, GridError


@pytest.mark.parametrize("size", [MIN_SIZE, 65, MAX_SIZE])
def test_every_size_within_the_limits_covers_the_whole_map(size: int) -> None:
    grid = Grid.of_world(size)
    assert (grid.size, grid.size * grid.cell_m) == (size, 24576)
    assert -grid.coordinates()[0] == grid.coordinates()[-1] == (24576 - grid.cell_m) / 2


@pytest.mark.parametrize("size", [MIN_SIZE - 1, MAX_SIZE + 1, 0, -1])
def test_size_outside_the_limits_is_rejected(size: int) -> None:
    with pytest.raises(GridError, match=f"Invalid grid size {size}; choose 64 to 8192 cells a side"):
        Grid.of_world(size)


@pytest.mark.parametrize("size", [100.0, "100", True, None])
def test_size_that_is_not_an_integer_is_rejected(size: int) -> None:
    with pytest.raises(GridError, match="whole number"):
        Grid.of_world(size)
