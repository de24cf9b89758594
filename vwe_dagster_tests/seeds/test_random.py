"""Test that random seeds look like the game's and are of distinct worlds."""

from __future__ import annotations

import pytest

from vwe_dagster.seeds import random as drawing
from vwe_dagster.seeds.random import random_seeds
from vwe_dagster.seeds.seed import parse_seed


def test_random_seeds_look_like_those_of_the_game() -> None:
    drawn = random_seeds(200, [])
    assert {len(seed.key) for seed in drawn} == {10}
    letters = set("".join(seed.key for seed in drawn))
    assert not letters & set("oO1")
    assert len(letters) == len(drawing.ALPHABET) == 26 + 26 + 10 - 3


def test_random_seeds_are_of_new_and_distinct_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "ALPHABET", "ab")
    monkeypatch.setattr(drawing, "LENGTH", 2)
    drawn = random_seeds(3, [parse_seed(f"@{parse_seed('ab').number}")])
    assert sorted(seed.key for seed in drawn) == ["aa", "ba", "bb"]
