"""The permutation of seed integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.seeds.permutation import Permutation, positions_of, seeds_from
from vwe_dagster.seeds.seed import MAX_NUMBER, MIN_NUMBER

SEEDS = st.lists(st.integers(MIN_NUMBER, MAX_NUMBER), max_size=50)
POSITIONS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50)


@pytest.mark.parametrize("bits", range(2, 22, 2))
def test_small_permutation_takes_each_number_once(bits: int) -> None:
    everything = np.arange(2**bits)
    values = Permutation(bits).values(everything)
    assert np.array_equal(np.sort(values), everything)
    assert np.array_equal(Permutation(bits).positions(values), everything)


@given(POSITIONS)
def test_values_lead_back_to_their_positions(positions: list[int]) -> None:
    permutation = Permutation()
    assert permutation.positions(permutation.values(positions)).tolist() == positions


@given(POSITIONS)
def test_positions_lead_back_to_their_values(values: list[int]) -> None:
    permutation = Permutation()
    assert permutation.values(permutation.positions(values)).tolist() == values


@given(SEEDS)
def test_every_seed_is_found_at_its_position(seeds: list[int]) -> None:
    positions = positions_of(np.array(seeds, np.int32))
    assert [int(seeds_from(int(position), 1)[0]) for position in positions] == seeds


def test_first_and_last_seeds_never_change() -> None:
    assert seeds_from(0, 4).tolist() == [-2021811578, -638097511, -1678275597, 821539299]
    assert seeds_from(2**32 - 2, 2).tolist() == [855402311, 1782812528]


def test_first_million_seeds_differ_and_fill_the_range_evenly() -> None:
    seeds = seeds_from(0, 1_000_000)
    assert np.unique(seeds).size == 1_000_000
    counts, _ = np.histogram(seeds, 256, (MIN_NUMBER, MAX_NUMBER))
    # The chi-squared statistic of 255 degrees of freedom is beyond 160 to 370 once in a million samples.
    assert 160 < ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 370


@pytest.mark.parametrize("bits", [0, 1, 3, 34])
def test_impossible_width_is_rejected(bits: int) -> None:
    with pytest.raises(ValueError, match="even number of bits"):
        Permutation(bits)


def test_positions_out_of_range_are_rejected() -> None:
    with pytest.raises(ValueError, match="4294967295"):
        seeds_from(2**32 - 1, 2)
    with pytest.raises(ValueError, match="0 to 255"):
        Permutation(8).values([256])
