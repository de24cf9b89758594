"""Blocks and sets of seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.seeds.permutation import positions_of
from vwe_dagster.survey.seed_sets import BLOCK_SEEDS, BLOCKS, block, block_name, block_number, is_set_name, sets_of


@given(st.integers(0, BLOCKS - 1))
def test_block_has_the_seeds_at_its_positions(number: int) -> None:
    positions = positions_of(block(number).seeds)
    assert np.array_equal(positions, np.arange(number * BLOCK_SEEDS, (number + 1) * BLOCK_SEEDS))
    assert block_number(block(number).name) == number


def test_block_beyond_the_last_is_rejected() -> None:
    with pytest.raises(ValueError, match=str(BLOCKS - 1)):
        block(BLOCKS)


@given(st.integers(0, 3 * BLOCK_SEEDS), st.integers(0, 2**32 - 1))
def test_sets_depend_on_the_seeds_and_not_on_their_order(count: int, entropy: int) -> None:
    random = np.random.default_rng(entropy)
    numbers = random.integers(-(2**31), 2**31, count)
    shuffled = random.permutation(np.concatenate([numbers, numbers[:5]]))
    sets, again = list(sets_of(numbers)), list(sets_of(shuffled))
    assert [one.name for one in sets] == [one.name for one in again]
    assert [seed for one in sets for seed in one.seeds.tolist()] == sorted(set(numbers.tolist()))
    assert all(0 < one.seeds.size <= BLOCK_SEEDS and is_set_name(one.name) for one in sets)


@pytest.mark.parametrize("name", ["block-1", "block-00000001", "set-12", ".block-0000001", "catalog"])
def test_other_names_are_not_those_of_sets(name: str) -> None:
    assert not is_set_name(name)
    assert block_number(name) is None


def test_set_is_not_a_block() -> None:
    (one,) = sets_of(np.arange(3))
    assert block_number(one.name) is None
    assert is_set_name(block_name(7))
