"""Read the user's own location table, in either of the formats."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.locations.location_table import LocationTable, LocationTableError
from vwe_dagster.locations.table_file import read_table
from vwe_dagster.locations.table_json import read_table_json

_READERS = {".json": read_table_json, ".csv": read_table}


def read_location_table(path: Path, game_version: str) -> LocationTable:
    """Read a location table from a ``.json`` or ``.csv`` file.

    Args:
        path: the file.
        game_version: version of the game whose terrain the locations are placed on.

    Raises:
        LocationTableError: the file is not a location table, or is one of other versions of the game.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise LocationTableError(f"Unknown kind of location table {path.name!r}; name a .json or .csv file.")
    table = reader(path)
    if table.game_versions and game_version not in table.game_versions:
        raise LocationTableError(
            f"The location table {path} is of game version {', '.join(table.game_versions)}, and the terrain is that "
            f"of {game_version}; name a table of this version."
        )
    return table
