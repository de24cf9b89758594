"""Wishes: how they are written, and the percentile of a value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.catalog.query_error import QueryError
from vwe_dagster.catalog.wishes import Wish, parse_wishes, percentiles, score


def test_wish_has_a_column_an_order_and_a_weight() -> None:
    assert parse_wishes(["land", "islands DESC x2.5"]) == (Wish("land_5km_km2"), Wish("islands", True, 2.5))
    assert parse_wishes(["land asc x2, islands desc"]) == (Wish("land_5km_km2", False, 2), Wish("islands", True))


def test_wish_prints_as_it_is_read() -> None:
    wishes = parse_wishes(["land x2", "islands desc"])
    assert parse_wishes(map(str, wishes)) == wishes


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lnad", "no column lnad; did you mean land"),
        ("land up", "'land up' is not a column with an order and a weight"),
        ("", "'' is not a column"),
        ("seed", "The column seed has no numbers"),
        ("land x0", "The weight of the preference 'land x0' is not above 0"),
        (f"land x{'9' * 400}", "is not above 0 and at most 1,000,000"),
        ("land, land_5km_km2 desc", "Two preferences name the column land_5km_km2"),
    ],
)
def test_text_that_is_not_a_wish_is_rejected(text: str, sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        parse_wishes([text])


@given(st.lists(st.one_of(st.just(math.nan), st.integers(0, 6).map(float)), min_size=1, max_size=12), st.booleans())
def test_percentile_is_the_share_of_worse_rows_and_half_of_the_equal_ones(
    numbers: list[float], descending: bool
) -> None:
    values = np.array(numbers)

    def worse(one: float, other: float) -> bool:
        return math.isnan(other) or (other < one if descending else other > one)

    expected = [
        0.0 if math.isnan(one) else 100 * sum(worse(one, each) + (each == one) / 2 for each in numbers) / len(numbers)
        for one in numbers
    ]
    assert percentiles(Wish("islands", descending), values, values) == pytest.approx(expected)


def test_score_is_the_mean_by_weight() -> None:
    wishes = [Wish("islands", weight=3), Wish("land_5km_km2")]
    assert score(wishes, [np.array([100.0, 0.0]), np.array([20.0, 40.0])]).tolist() == [80.0, 10.0]
