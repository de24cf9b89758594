"""Stream tries that are refused by a bound would have failed, and the remembered cell is seen as the game sees it."""

from __future__ import annotations

import numpy as np
import pytest

from vwe_dagster.biomes import Biome
from vwe_dagster.worldgen import World, streams, terrain
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


@pytest.mark.parametrize(("seed", "version"), [(298112588, 2), (-5, 0), (77, 1), (2**31 - 1, 2)])
@pytest.mark.parametrize("second_pass", [False, True])
def test_a_short_cut_never_changes_the_outcome(seed: int, version: int, second_pass: bool) -> None:
    world = World(seed, version)
    field = world._waters.field  # noqa: SLF001
    points = np.random.default_rng(seed & 0xFFFF).uniform(-10000, 10000, (6000, 2)).astype(np.float32).astype(float)
    biomes = set()
    for x, z in points:
        expected = plain(world, field, x, z, second_pass=second_pass)
        biomes.add(world.biome(x, z))
        for low, high, surely_above in USES:
            memory = np.array([-1, 0])
            found = streams._probe(  # noqa: SLF001
                world.constants, field, field, memory, x, z, second_pass, low, surely_above
            )
            assert (low <= found <= high) == (low <= expected <= high)
            if low <= expected <= high:
                assert found == expected
    assert biomes == set(Biome) - {Biome.NONE}


@pytest.fixture(scope="module")
def waters() -> Pregeneration:
    return World(298112588)._waters  # noqa: SLF001


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

    def ask(px: float, pz: float) -> float:
        return float(
            streams._probe(world.constants, new, old, memory, px, pz, True, -1e9, 1e9)  # noqa: SLF001
        )

    assert ask(x, z) == plain(world, old, x, z, second_pass=True)
    assert ask(x, z) == plain(world, old, x, z, second_pass=True)
    ask(*elsewhere)
    assert ask(x, z) == plain(world, new, x, z, second_pass=True)


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


@pytest.mark.parametrize("seed", [298112588, 3])
def test_lakes_are_those_of_a_search_through_the_whole_list(seed: int) -> None:
    constants = World(seed).constants
    xs, zs = low_points(constants)
    found = find_lakes(constants)
    assert list(zip(found[0].tolist(), found[1].tolist(), strict=True)) == merge(xs.tolist(), zs.tolist())
