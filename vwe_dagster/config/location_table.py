"""The location table of this machine, if it is not the game's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vwe_dagster.locations.location_table import LocationTable, LocationTableError
from vwe_dagster.locations.table_choice import read_location_table

TABLE_VARIABLE = "VWE_LOCATION_TABLE"
"""The file of the location table that the native engine places locations by; unset for the game's own."""


def location_table_from_environment(game_version: str, environ: Mapping[str, str] = os.environ) -> LocationTable | None:
    """Return the location table that the environment names; None if it names none.

    Args:
        game_version: version of the game whose terrain the locations are placed on.
        environ: the environment.

    Raises:
        LocationTableError: the file is not a location table, or is one of other versions of the game.
    """
    path = environ.get(TABLE_VARIABLE, "").strip()
    if not path:
        return None
    try:
        return read_location_table(Path(path), game_version)
    except LocationTableError as error:
        raise LocationTableError(
            f"{error} The variable {TABLE_VARIABLE} names it; unset it for the game's own."
        ) from error
