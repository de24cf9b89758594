"""Streams are those of a plain search, and the remembered cell is seen as the game sees it."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from vwe_dagster.kernels.vectors import LANES
from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen import World, stream_tries, streams, terrain
from vwe_dagster.worldgen.lakes import find_lakes, low_points
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.pregeneration import Pregeneration
from vwe_dagster.worldgen.river_field import RiverField, cell_of, no_rivers
from vwe_dagster.worldgen.stream_tries import Range, Tries
from vwe_dagster.worldgen.unity_random import init_state, range_float
from vwe_dagster_tests.worldgen.oracle import scatter


def plain(world: World, field: RiverField, x: float, z: float, *, second_pass: bool) -> float:
    """The pre-generation height without any short cut."""
    if np.float32(np.hypot(x, z)) > terrain.EDGE:
        return -400.0
    base = terrain.base_height(world.constants, x, z)
    where = terrain.biome(world.constants, x, z, base)
    return float(terrain.pregeneration_height(world.constants, field, x, z, where, base, second_pass))


def tries_at(points: npt.NDArray[np.float64]) -> Tries:
    tries: Tries = stream_tries.make_tries()
    tries.x[: len(points)], tries.z[: len(points)] = points.T
    return tries


@numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
def survey_tries(c: Any, field: Any, memory: Any, tries: Any, count: int, second_pass: bool, wanted: Any) -> Any:
    return stream_tries.survey_tries(c, field, memory, tries, count, second_pass, wanted)


@numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
def first_hit(
    c: Any, field: Any, stale: Any, memory: Any, tries: Any, count: int, second_pass: bool, wanted: Any
) -> Any:
    return stream_tries.first_hit(c, field, stale, memory, tries, count, second_pass, wanted)


WORLDS = [(298112588, 2), (-5, 0), (77, 1), (2**31 - 1, 2)]


@pytest.mark.parametrize(("seed", "version"), WORLDS)
@pytest.mark.parametrize("second_pass", [False, True])
def test_tries_tested_together_succeed_as_one_by_one(seed: int, version: int, second_pass: bool) -> None:
    world = World(seed, version)
    field = world._waters.field  # noqa: SLF001
    points = np.stack(scatter(seed), axis=1).astype(np.float64)
    expected = np.array([plain(world, field, x, z, second_pass=second_pass) for x, z in points])
    assert set(np.unique(world.biome(points[:, 0], points[:, 1]))) == set(Biome) - {Biome.NONE}
    for wanted in (streams.START, streams.END, streams.MIDDLE):
        hits = []
        for begin in range(0, len(points), LANES):
            tries, count = tries_at(points[begin : begin + LANES]), len(points[begin : begin + LANES])
            memory = np.array([-1, 0])
            sure, unsure, _ = survey_tries(world.constants, field, memory, tries, count, second_pass, wanted)
            for i in range(count):
                is_open = unsure >> i & 1
                if sure >> i & 1 or (is_open and stream_tries.is_height_in(world.constants, field, tries, i, wanted)):
                    hits.append(begin + i)
        assert hits == np.flatnonzero((wanted.low < expected) & (expected < wanted.high)).tolist()


def plain_find(
    world: World, state: npt.NDArray[np.uint32], field: RiverField, start: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Find a start, or an end near a start, try by try."""
    reach = 200.0
    for _ in range(100):
        if start is None:
            x, z = range_float(state, -10000.0, 10000.0), range_float(state, -10000.0, 10000.0)
            low, high = 26, 31
        else:
            reach = f(reach - f((200.0 - 80.0) / 100.0))
            bearing = range_float(state, 0.0, 6.2831855)
            x = f(start[0] + f(f(math.sin(bearing)) * reach))
            z = f(start[1] + f(f(math.cos(bearing)) * reach))
            low, high = 36, 44
        if low < plain(world, field, x, z, second_pass=False) < high:
            return x, z
    return None


@pytest.mark.slow
@pytest.mark.parametrize("seed", [298112588, 5])
def test_streams_are_those_of_a_plain_search(seed: int) -> None:
    world = World(seed)
    stream_seed, field = world._river_seeds.stream, no_rivers()  # noqa: SLF001
    state, expected = init_state(stream_seed), []
    for _ in range(streams.TRIALS):
        start = plain_find(world, state, field, None)
        end = start and plain_find(world, state, field, start)
        if start and end:
            x, z = f(f(start[0] + end[0]) * 0.5), f(f(start[1] + end[1]) * 0.5)
            if 26 <= plain(world, field, x, z, second_pass=False) <= 44:
                expected.append((*start, *end))
    memory = np.array([-1, 0])
    found, after = streams.find_streams(world.constants, stream_seed, field, field, memory, False)
    assert found[:, :4].tolist() == [list(stream) for stream in expected]
    assert after.tolist() == state.tolist()


@pytest.fixture(scope="module")
def waters() -> Pregeneration:
    return World(298112588)._waters  # noqa: SLF001


@pytest.mark.slow
def test_remembered_cell_keeps_its_points_until_another_is_looked_up(waters: Pregeneration) -> None:
    """No known world shows the difference, so only the new field has a certain river."""
    world = World(298112588)
    old, new = no_rivers(), waters.field
    x, z = next(
        (float(x), float(z))
        for x, z, _ in waters.rivers.points[::50]
        if plain(world, old, x, z, second_pass=True) > 30 and plain(world, new, x, z, second_pass=True) < 27
    )
    elsewhere = next(
        (float(px), float(pz))
        for px, pz, _ in waters.rivers.points
        if cell_of(float(px), float(pz)) != cell_of(x, z) and plain(world, old, px, pz, second_pass=True) > 10
    )
    memory = np.array([cell_of(x, z), 1])

    def is_within(px: float, pz: float, low: float, high: float) -> bool:
        tries = tries_at(np.array([[px, pz]]))
        hit: int = first_hit(world.constants, new, old, memory, tries, 1, True, Range(low, high, 1e9))
        return hit == 0

    assert is_within(x, z, 30, 1e3)
    assert is_within(x, z, 30, 1e3)
    is_within(*elsewhere, -1e3, 1e3)
    assert not is_within(x, z, 30, 1e3)
    assert is_within(x, z, -1e3, 27)


def merge(xs: list[float], zs: list[float]) -> list[tuple[float, float]]:
    """The game's own merging of low points into lakes: the whole list is searched each time."""
    f32 = np.float32
    left, lakes = np.array([xs, zs], f32).T.copy(), []
    while len(left):
        here, left = left[0], left[1:]
        while len(left):
            gaps = (left - here).astype(np.float64)
            apart = np.sqrt((gaps**2).sum(axis=1)).astype(f32)
            apart[(gaps**2).sum(axis=1) < 9.9999994e-11] = np.inf
            nearest = int(apart.argmin())
            if apart[nearest] >= 800:
                break
            here = ((here + left[nearest]).astype(f32) * f32(0.5)).astype(f32)
            left[nearest] = left[-1]
            left = left[:-1]
        lakes.append((float(here[0]), float(here[1])))
    return lakes


@pytest.mark.slow
@pytest.mark.parametrize("seed", [298112588, 3])
def test_lakes_are_those_of_a_search_through_the_whole_list(seed: int) -> None:
    constants = World(seed).constants
    xs, zs = low_points(constants)
    found = find_lakes(constants)
    assert list(zip(found[0].tolist(), found[1].tolist(), strict=True)) == merge(xs.tolist(), zs.tolist())
