"""Validation accepts generated worlds and rejects each kind of damage with its place."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.extraction.validate import ExtractionError, validate
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import RIVER_COLUMNS, CanonicalWorld
from vwe_dagster.world.grid import Grid

ASHLANDS_CELLS, VOID_CELLS = 1_361_539, 1_788_980
INDEX = st.integers(0, 63)


@pytest.fixture(scope="module")
def complete(world: CanonicalWorld) -> CanonicalWorld:
    """Return a valid world with every optional plane and table."""
    points = {"x_m": [0, 9, 9, 5, 6], "z_m": [1, 2, 3, 4, 5], "width_m": [60, 61, 62, 20, 20]}
    lines = {"kind": ["river"] * 3 + ["stream"] * 2, "line": [0, 0, 0, 1, 1], "vertex": [0, 1, 2, 0, 1]}
    return dataclasses.replace(
        world,
        lava=np.linspace(0, 1, world.height.size, dtype=np.float32).reshape(world.height.shape),
        rivers=pd.DataFrame({**lines, **points}).astype(RIVER_COLUMNS),
        lakes=pd.DataFrame({"x_m": [1.5], "z_m": [-3.0]}, dtype="float32"),
    )


def test_generated_world_is_valid(complete: CanonicalWorld) -> None:
    validate(complete)
    validate(dataclasses.replace(complete, lava=None, rivers=None, lakes=None))


@given(
    row=INDEX,
    column=INDEX,
    spoiled=st.one_of(
        st.tuples(st.just("biome"), st.integers(10, 255) | st.just(0)),
        st.tuples(
            st.just("height"),
            st.floats(min_value=1001, width=32) | st.floats(max_value=-1001, width=32) | st.just(np.nan),
        ),
        st.tuples(st.just("forest"), st.sampled_from([np.nan, np.inf, -np.inf])),
        st.tuples(
            st.just("lava"),
            st.floats(min_value=1.5, width=32) | st.floats(max_value=-0.5, width=32) | st.just(np.nan),
        ),
    ),
)
def test_single_invalid_cell_is_found_anywhere(
    complete: CanonicalWorld, row: int, column: int, spoiled: tuple[str, float]
) -> None:
    name, value = spoiled
    plane = getattr(complete, name).copy()
    plane[row, column] = value
    coordinates = complete.grid.coordinates()
    where = f"row {row}, column {column} (x = {coordinates[column]:g} m, z = {coordinates[row]:g} m)"
    with pytest.raises(ExtractionError, match=re.escape(where)) as excinfo:
        validate(dataclasses.replace(complete, **{name: plane}))
    assert f"The {name} plane" in str(excinfo.value)


def test_error_names_the_first_invalid_cell_and_counts_all(complete: CanonicalWorld) -> None:
    height = complete.height.copy()
    height[[3, 7], [60, 2]] = 2000
    with pytest.raises(ExtractionError, match=r"row 3, column 60 .* cells like this: 2 of 4096"):
        validate(dataclasses.replace(complete, height=height))


@pytest.mark.parametrize("extreme", [-1000, 1000])
def test_heights_at_the_limits_are_valid(complete: CanonicalWorld, extreme: float) -> None:
    validate(dataclasses.replace(complete, height=np.full_like(complete.height, extreme)))


@pytest.mark.parametrize("name", ["biome", "height", "forest", "lava"])
def test_plane_of_another_shape_is_rejected(complete: CanonicalWorld, name: str) -> None:
    with pytest.raises(ExtractionError, match=f"The {name} plane is 63 x 64, but its grid has 64 x 64 cells"):
        validate(dataclasses.replace(complete, **{name: getattr(complete, name)[1:]}))


@pytest.mark.parametrize("name", ["biome", "height", "forest", "lava"])
@pytest.mark.parametrize("dtype", ["float64", ">f4", "uint16"])
def test_plane_of_another_dtype_is_rejected(complete: CanonicalWorld, name: str, dtype: str) -> None:
    with pytest.raises(ExtractionError, match=f"The {name} plane holds .*, but must hold"):
        validate(dataclasses.replace(complete, **{name: getattr(complete, name).astype(dtype)}))


@pytest.mark.parametrize("column", ["x_m", "z_m", "width_m"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_river_beyond_the_map_is_rejected(complete: CanonicalWorld, column: str, value: float) -> None:
    assert complete.rivers is not None
    rivers = complete.rivers.copy()
    rivers.loc[2, column] = value
    with pytest.raises(ExtractionError, match=f"as {column} in row 2"):
        validate(dataclasses.replace(complete, rivers=rivers))


def test_river_of_one_point_is_rejected(complete: CanonicalWorld) -> None:
    assert complete.rivers is not None
    with pytest.raises(ExtractionError, match="Line 1 of the rivers table has 1 vertex"):
        validate(dataclasses.replace(complete, rivers=complete.rivers.iloc[:4]))


def test_line_of_unknown_kind_is_rejected(complete: CanonicalWorld) -> None:
    assert complete.rivers is not None
    rivers = complete.rivers.assign(kind=pd.Categorical(["river", "river", "canal", "stream", "stream"]))
    with pytest.raises(ExtractionError, match="neither river nor stream"):
        validate(dataclasses.replace(complete, rivers=rivers))


def test_table_with_other_columns_is_rejected(complete: CanonicalWorld) -> None:
    assert complete.rivers is not None
    assert complete.lakes is not None
    with pytest.raises(ExtractionError, match="The rivers table has the columns"):
        validate(dataclasses.replace(complete, rivers=complete.rivers.drop(columns="width_m")))
    with pytest.raises(ExtractionError, match="The lakes table has the columns"):
        validate(dataclasses.replace(complete, lakes=complete.lakes.astype("float64")))


def _world_with_counts(ashlands: int, void: int) -> CanonicalWorld:
    biome = np.full(2048 * 2048, Biome.OCEAN, np.uint8)
    biome[:ashlands] = Biome.ASHLANDS
    height = np.zeros(2048 * 2048, np.float32)
    height[:void] = -400
    shape = (2048, 2048)
    return CanonicalWorld(Grid.of_world(2048), biome.reshape(shape), height.reshape(shape), np.zeros(shape, np.float32))


def test_world_with_the_game_s_cell_counts_is_valid() -> None:
    validate(_world_with_counts(ASHLANDS_CELLS, VOID_CELLS))


@pytest.mark.parametrize(
    ("ashlands", "void", "complaint"),
    [
        (ASHLANDS_CELLS - 1, VOID_CELLS, "The world has 1361538 AshLands cells"),
        (ASHLANDS_CELLS, VOID_CELLS + 1, "The world has 1788981 cells of -400 m"),
    ],
)
def test_other_cell_counts_on_the_game_s_grid_are_rejected(ashlands: int, void: int, complaint: str) -> None:
    with pytest.raises(ExtractionError, match=complaint):
        validate(_world_with_counts(ashlands, void))
