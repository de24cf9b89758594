"""Stream tries that are refused by a bound would have failed, and the remembered cell is seen as the game sees it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen import World, scattered, streams, terrain
from vwe_dagster.worldgen.lakes import find_lakes, low_points
from vwe_dagster.worldgen.pregeneration import Pregeneration
from vwe_dagster.worldgen.river_field import RiverField, cell_of, no_rivers

USES = [
    (streams.START_LOW, streams.START_HIGH, streams.SURELY_ABOVE_START),
    (streams.END_LOW, streams.END_HIGH, streams.SURELY_ABOVE_END),
    (streams.START_LOW, streams.END_HIGH, streams.SURELY_ABOVE_END),
]
"""What each use of a try looks for: lowest and highest height, and the bound that goes with it."""


def plain(world: World, field: RiverField, x: float, z: float, *, second_pass: bool) -> float:
    """The pre-generation height without any short cut."""
    if np.float32(np.hypot(x, z)) > terrain.EDGE:
        return -400.0
    base = terrain.base_height(world.constants, x, z)
    where = terrain.biome(world.constants, x, z, base)
    return float(terrain.pregeneration_height(world.constants, field, x, z, where, base, second_pass))


def batch_of(world: World, points: npt.NDArray[np.float64]) -> scattered.Batch:
    batch: scattered.Batch = scattered.make_batch(len(points))
    batch.x[:], batch.z[:] = points.T
    scattered.survey_batch(world.constants, batch, len(points))
    return batch


KNOWN = ("x", "z", "base", "lowest", "highest")
WORLDS = [(298112588, 2), (-5, 0), (77, 1), (2**31 - 1, 2)]


def scatter(seed: int) -> npt.NDArray[np.float64]:
    """Points of a whole world, and as many of its centre and of its rim, float64 metres ``[n, 2]``."""
    random = np.random.default_rng(seed & 0xFFFF)
    bearing, far = random.uniform(0, 2 * np.pi, 1500), random.uniform(9900, 10600, 1500)
    rim = np.stack((far * np.cos(bearing), far * np.sin(bearing)), axis=1)
    points = [random.uniform(-10000, 10000, (6000, 2)), random.uniform(-1600, 1600, (1500, 2)), rim]
    return np.concatenate(points).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(("seed", "version"), WORLDS)
def test_a_batch_knows_base_heights_and_bounds(seed: int, version: int) -> None:
    world, points = World(seed, version), scatter(seed)
    batch = batch_of(world, points)
    np.testing.assert_array_equal(batch.base, world.base_height(points[:, 0], points[:, 1]))
    is_bounded = np.isin(
        world.biome(points[:, 0], points[:, 1]), [Biome.MEADOWS, Biome.PLAINS, Biome.BLACK_FOREST, Biome.MISTLANDS]
    )
    assert is_bounded.sum() > 1000
    for i in np.flatnonzero(is_bounded):
        x, z = points[i]
        dry = plain(world, no_rivers(), x, z, second_pass=False)
        assert batch.lowest[i] <= dry <= batch.highest[i]
        assert plain(world, world._waters.field, x, z, second_pass=False) <= dry  # noqa: SLF001


@pytest.mark.parametrize(("seed", "version"), WORLDS)
@pytest.mark.parametrize("second_pass", [False, True])
def test_a_short_cut_never_changes_the_outcome(seed: int, version: int, second_pass: bool) -> None:
    world = World(seed, version)
    field = world._waters.field  # noqa: SLF001
    points = scatter(seed)
    expected = np.array([plain(world, field, x, z, second_pass=second_pass) for x, z in points])
    assert set(np.unique(world.biome(points[:, 0], points[:, 1]))) == set(Biome) - {Biome.NONE}
    batch = batch_of(world, points)
    for low, high, surely_above in USES:
        hits, begin = [], 0
        while begin < len(points):
            left = batch._replace(**{name: getattr(batch, name)[begin:] for name in KNOWN})
            i = streams._first_hit(  # noqa: SLF001
                world.constants,
                field,
                field,
                np.array([-1, 0]),
                left,
                len(left.x),
                second_pass,
                low,
                high,
                surely_above,
            )
            if i < 0:
                break
            hits.append(begin + i)
            begin += i + 1
        assert hits == np.flatnonzero((low < expected) & (expected < high)).tolist()


@pytest.fixture(scope="module")
def waters() -> Pregeneration:
    return World(298112588)._waters  # noqa: SLF001


@pytest.mark.slow
def test_the_remembered_cell_is_seen_as_it_was_until_another_is_asked_for(waters: Pregeneration) -> None:
    """No known world shows it, so the two fields are told apart by a river that only the new one has."""
    world = World(298112588)
    old, new = no_rivers(), waters.field
    x, z = next(
        (float(x), float(z))
        for x, z, _ in waters.rivers.points
        if plain(world, old, x, z, second_pass=True) > 30 and plain(world, new, x, z, second_pass=True) < 27
    )
    elsewhere = next(
        (float(px), float(pz))
        for px, pz, _ in waters.rivers.points
        if cell_of(float(px), float(pz)) != cell_of(x, z) and plain(world, old, px, pz, second_pass=True) > 10
    )
    memory = np.array([cell_of(x, z), 1])

    def is_within(px: float, pz: float, low: float, high: float) -> bool:
        batch = batch_of(world, np.array([[px, pz]]))
        hit: int = streams._first_hit(  # noqa: SLF001
            world.constants, new, old, memory, batch, 1, True, low, high, 1e9
        )
        return hit == 0

    assert is_within(x, z, 30, 1e3)
    assert is_within(x, z, 30, 1e3)
    is_within(*elsewhere, -1e3, 1e3)
    assert not is_within(x, z, 30, 1e3)
    assert is_within(x, z, -1e3, 27)


def merge(xs: list[float], zs: list[float]) -> list[tuple[float, float]]:
    """The game's own merging of low points into lakes: the whole list is searched each time."""
    f32 = np.float32
    left, lakes = [np.array([x, z], f32) for x, z in zip(xs, zs, strict=True)], []
    while left:
        here = left.pop(0)
        while left:
            gaps = (np.array(left, f32) - here).astype(np.float64)
            apart = np.sqrt((gaps**2).sum(axis=1)).astype(f32)
            apart[(gaps**2).sum(axis=1) < 9.9999994e-11] = np.inf
            nearest = int(apart.argmin())
            if apart[nearest] >= 800:
                break
            here = ((here + left[nearest]).astype(f32) * f32(0.5)).astype(f32)
            left[nearest] = left[-1]
            left.pop()
        lakes.append((float(here[0]), float(here[1])))
    return lakes


@pytest.mark.slow
@pytest.mark.parametrize("seed", [298112588, 3])
def test_lakes_are_those_of_a_search_through_the_whole_list(seed: int) -> None:
    constants = World(seed).constants
    xs, zs = low_points(constants)
    found = find_lakes(constants)
    assert list(zip(found[0].tolist(), found[1].tolist(), strict=True)) == merge(xs.tolist(), zs.tolist())
