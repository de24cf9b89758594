"""Random seeds, as the game makes them for a new world."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from vwe_dagster.seeds.seed import Seed, parse_seed

ALPHABET = "abcdefghijklmnpqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ023456789"
"""What the game draws from: letters and digits, but for o, O and 1, which are easily taken for others."""

LENGTH = 10
"""Characters the game draws, as many as its seed box takes."""


def random_seeds(count: int, known: Iterable[Seed]) -> list[Seed]:
    """Draws seeds whose worlds differ from one another and from those that are known.

    Args:
        count: how many.
        known: the seeds whose worlds are not wanted again.
    """
    numbers = {seed.number for seed in known}
    drawn: list[Seed] = []
    while len(drawn) < count:
        seed = parse_seed("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))
        if seed.number not in numbers:
            numbers.add(seed.number)
            drawn.append(seed)
    return drawn
