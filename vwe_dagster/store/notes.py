"""Notes on seeds, kept in the data folder for the catalog: text beside a seed in a list, or a save's seed text."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.store.seed_values import SeedValues


class Notes(SeedValues[str]):
    """The notes of a data folder: one JSON object by seed, in ``catalog/notes.json``."""

    def __init__(self, root: Path) -> None:
        """Name the data folder; the first note creates the file."""
        super().__init__(root, "notes", str)
