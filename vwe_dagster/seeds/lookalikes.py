"""What the catalog of seeds says about one of them: which other keys are the same world, or only look alike."""

from __future__ import annotations

from collections.abc import Iterable

from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed


def parse_catalog(keys: Iterable[str]) -> list[Seed]:
    """The seeds among partition keys, sorted, each once.

    Keys that are no seeds are left out: Dagster's own pages let anybody add any key.
    """
    seeds = set()
    for key in keys:
        try:
            seeds.add(parse_seed(key))
        except SeedError:
            continue
    return sorted(seeds, key=lambda seed: (seed.key.casefold(), seed.key))


def same_world(seed: Seed, catalog: Iterable[Seed]) -> list[Seed]:
    """The other seeds that are the same world: those with the same integer."""
    return [other for other in catalog if other.number == seed.number and other.key != seed.key]


def remarks(seed: Seed, catalog: Iterable[Seed]) -> list[str]:
    """Sentences about other seeds that a person may take for this one, or this one for them."""
    catalog = list(catalog)
    sentences = [
        f"{seed.key} is the same world as {other.key}: both are the integer {seed.number}."
        for other in same_world(seed, catalog)
    ]
    sentences += [
        f"{seed.key} and {other.key} differ only in upper and lower case and are different worlds."
        for other in catalog
        if other.key.casefold() == seed.key.casefold() and other.number != seed.number
    ]
    return sentences
