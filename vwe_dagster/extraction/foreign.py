"""Import of worlds from other programs: detects the format of a folder and reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vwe_dagster.extraction import foreign_plugin, foreign_tiles
from vwe_dagster.extraction.validate import ExtractionError

if TYPE_CHECKING:
    from pathlib import Path

    from vwe_dagster.extraction.foreign_source import ForeignExport


def read_foreign(folder: Path) -> ForeignExport:
    """Read a folder with the JSON of the older plugin or with the tiles of a valheim-map.world export.

    Raises:
        ExtractionError: the folder has neither format or both, a file is damaged, or the world is invalid.
    """
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise ExtractionError(
            f"{folder} cannot be read as a folder: {error.strerror}. Name the folder that contains the exported files."
        ) from error
    tiles = foreign_tiles.DOCUMENT in names
    plugin = not names.isdisjoint(f"{stem}{suffix}" for stem in foreign_plugin.STEMS for suffix in ("", ".gz"))
    if tiles and plugin:
        raise ExtractionError(
            f"{folder} holds two exports, the older plugin's JSON and valheim-map.world tiles. Keep each in its own "
            f"folder."
        )
    if tiles:
        return foreign_tiles.read_map_tiles(folder)
    if plugin:
        return foreign_plugin.read_plugin_json(folder)
    raise ExtractionError(
        f"{folder} does not have an export in a known format: neither "
        f"{' and '.join(foreign_plugin.STEMS)} (or .gz) of the older plugin, "
        f"nor {foreign_tiles.DOCUMENT} with the tiles of a valheim-map.world export."
    )
