"""Starting keys (the game's world modifiers) of worlds that were imported from saves."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.store.seed_values import SeedValues


class StartingKeys(SeedValues[tuple[str, ...]]):
    """The starting keys of a data folder: lists of keys by seed, in ``catalog/starting_keys.json``."""

    def __init__(self, root: Path) -> None:
        """Set the data folder; the first keys create the file."""
        super().__init__(root, "starting_keys", _parse)


def _parse(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list of starting keys")
    return tuple(map(str, value))
