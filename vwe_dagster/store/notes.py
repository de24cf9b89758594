"""Notes on seeds for the catalog: the text after a seed in a list, or the seed text of a save."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.store.seed_values import SeedValues


class Notes(SeedValues[str]):
    """The notes of a data folder, by seed, in ``catalog/notes.json``."""

    def __init__(self, root: Path) -> None:
        """Set the data folder; the first note creates the file."""
        super().__init__(root, "notes", str)
