"""Find look-alike seeds: texts of the same world, and texts that differ only in case."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator

from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed


def parse_keys(keys: Iterable[str]) -> list[Seed]:
    """Return the seeds among partition keys, sorted, each once; other keys, which the UI accepts, are skipped."""
    seeds = set()
    for key in keys:
        try:
            seeds.add(parse_seed(key))
        except SeedError:
            continue
    return sorted(seeds, key=lambda seed: (seed.key.casefold(), seed.key))


class LookAlikes:
    """An index of seeds by integer and by text without case."""

    def __init__(self, seeds: Iterable[Seed]) -> None:
        """Index the seeds, in one pass."""
        self._by_number: dict[int, list[Seed]] = collections.defaultdict(list)
        self._by_text: dict[str, list[Seed]] = collections.defaultdict(list)
        for seed in seeds:
            self._by_number[seed.number].append(seed)
            self._by_text[seed.key.casefold()].append(seed)

    def same_world(self, seed: Seed) -> list[Seed]:
        """Return the other seeds with the same integer."""
        return [other for other in self._by_number.get(seed.number, ()) if other.key != seed.key]

    def other_case(self, seed: Seed) -> list[Seed]:
        """Return the seeds of other worlds whose text differs only in case."""
        return [other for other in self._by_text.get(seed.key.casefold(), ()) if other.number != seed.number]

    def remarks(self, seed: Seed) -> Iterator[str]:
        """Yield a sentence for each seed that a user may mistake for this one."""
        for other in self.same_world(seed):
            yield f"{seed.key} is the same world as {other.key}: both are the integer {seed.number}."
        for other in self.other_case(seed):
            yield f"{seed.key} and {other.key} differ only in upper and lower case and are different worlds."
