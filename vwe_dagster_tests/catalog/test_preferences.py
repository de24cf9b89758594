"""Preferences: how they are written, and the percentile of a value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.catalog.preferences import Preference, parse_preferences, percentiles, score
from vwe_dagster.catalog.query_error import QueryError


def test_preference_has_a_column_an_order_and_a_weight() -> None:
    assert parse_preferences(["land", "islands DESC x2.5"]) == (
        Preference("land_5km_km2"),
        Preference("islands", True, 2.5),
    )
    assert parse_preferences(["land asc x2, islands desc"]) == (
        Preference("land_5km_km2", False, 2),
        Preference("islands", True),
    )


def test_preference_prints_as_it_is_read() -> None:
    preferences = parse_preferences(["land x2", "islands desc"])
    assert parse_preferences(map(str, preferences)) == preferences


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
def test_text_that_is_not_a_preference_is_rejected(text: str, sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        parse_preferences([text])


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
    assert percentiles(Preference("islands", descending), values, values) == pytest.approx(expected)


def test_score_is_the_mean_by_weight() -> None:
    preferences = [Preference("islands", weight=3), Preference("land_5km_km2")]
    assert score(preferences, [np.array([100.0, 0.0]), np.array([20.0, 40.0])]).tolist() == [80.0, 10.0]
