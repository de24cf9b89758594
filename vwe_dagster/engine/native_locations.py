"""The locations of the native engine, as lines of the protocol."""

from __future__ import annotations

from pydantic import JsonValue

from vwe_dagster.engine.messages import LOCATIONS, Line
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.worldgen import Terrain, World

_GAME_GRID = 2048


def location_table_identity(table: LocationTable | None = None) -> JsonValue:
    """Return the name, game versions and hash of a location table, by default of the game's own."""
    table = table or shipped_table()
    return {"name": table.name, "game_versions": list(table.game_versions), "sha256": table.sha256}


def location_lines(world: World, layer: str, terrain: Terrain | None, table: LocationTable | None = None) -> list[Line]:
    """Return the locations of an unplayed world, in the order in which the game places them.

    Args:
        world: of world-gen version 2.
        layer: ``locations`` or ``landmarks``.
        terrain: the world's terrain on any grid; it is reused if it is on the game's own grid.
        table: the location table; the game's own if omitted.

    Raises:
        LocationError: the world-gen version is 0 or 1.
    """
    table = table or shipped_table()
    count = len(table.types) if layer == LOCATIONS else sum(each.prioritized for each in table.types)
    grid = terrain if terrain is not None and terrain.biome.shape == (_GAME_GRID, _GAME_GRID) else None
    found = world.locations(upto=count, table=table, grid=grid)
    properties = [
        {"kind": "location", "prefab": each.prefab, "group": each.group, "radius_m": each.exterior, "placed": False}
        for each in table.types
    ]
    rows = zip(found.type_index.tolist(), found.x.tolist(), found.y.tolist(), found.z.tolist(), strict=True)
    return [{**properties[index], "x_m": x, "y_m": y, "z_m": z} for index, x, y, z in rows]
