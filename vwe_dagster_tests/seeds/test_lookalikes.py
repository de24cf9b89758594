"""Test look-alike seeds: the same world under two texts, and texts that differ only in case."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.seeds.lookalikes import LookAlikes, parse_keys
from vwe_dagster.seeds.seed import parse_seed

SEED = parse_seed("HHcLC5acQt")


def test_the_integer_of_a_text_is_the_same_world() -> None:
    twin = parse_seed("@298112588")
    assert LookAlikes([SEED, twin, parse_seed("abc")]).same_world(SEED) == [twin]
    assert list(LookAlikes([SEED, twin]).remarks(SEED)) == [
        "HHcLC5acQt is the same world as @298112588: both are the integer 298112588."
    ]


def test_seed_in_another_case_is_another_world_and_reported() -> None:
    assert list(LookAlikes([parse_seed("hhclc5acqt")]).remarks(SEED)) == [
        "HHcLC5acQt and hhclc5acqt differ only in upper and lower case and are different worlds."
    ]


def test_invalid_and_duplicate_keys_are_skipped() -> None:
    assert [seed.key for seed in parse_keys(["b", "a,b", "B", "", "a", "b"])] == ["a", "B", "b"]


@given(number=st.integers(-(2**31), 2**31 - 1))
def test_seed_without_look_alikes_has_no_remarks(number: int) -> None:
    seed = parse_seed(f"@{number}")
    assert list(LookAlikes([seed]).remarks(seed)) == []
