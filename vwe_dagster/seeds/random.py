"""Draw random seeds as the game does for a new world."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from vwe_dagster.seeds.seed import Seed, parse_seed

ALPHABET = "abcdefghijklmnpqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ023456789"
"""Characters that the game draws: letters and digits without o, O and 1, which are easily misread."""

LENGTH = 10
"""Length of a drawn seed, which is the maximum of the game's seed box."""


def random_seeds(count: int, known: Iterable[Seed]) -> list[Seed]:
    """Draw seeds of distinct worlds, none of them the world of a known seed.

    Args:
        count: number of seeds to draw.
        known: seeds whose worlds are excluded.
    """
    numbers = {seed.number for seed in known}
    drawn: list[Seed] = []
    while len(drawn) < count:
        seed = parse_seed("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))
        if seed.number not in numbers:
            numbers.add(seed.number)
            drawn.append(seed)
    return drawn
