"""Random seeds: like the game's, and each another world."""

from __future__ import annotations

import pytest

from vwe_dagster.seeds import random as drawing
from vwe_dagster.seeds.random import random_seeds
from vwe_dagster.seeds.seed import parse_seed


def test_they_look_like_those_of_the_game() -> None:
    drawn = random_seeds(200, [])
    assert {len(seed.key) for seed in drawn} == {10}
    letters = set("".join(seed.key for seed in drawn))
    assert not letters & set("oO1")
    assert len(letters) == len(drawing.ALPHABET) == 26 + 26 + 10 - 3


def test_no_two_are_the_same_world_nor_one_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "ALPHABET", "ab")
    monkeypatch.setattr(drawing, "LENGTH", 2)
    drawn = random_seeds(3, [parse_seed(f"@{parse_seed('ab').number}")])
    assert sorted(seed.key for seed in drawn) == ["aa", "ba", "bb"]
