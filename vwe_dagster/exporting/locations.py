"""The formats ``locations-csv`` and ``locations-geojson``: the locations of a world with their kinds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pydantic_core

from vwe_dagster.exporting.contours import COORDINATE_SYSTEM
from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.text.commands import vwe_command


def write_csv(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write one row per location, with the columns :data:`vwe_dagster.analysis.places.PLACE_COLUMNS`.

    Raises:
        ExportError: the world has no locations.
    """
    _places(source).to_csv(path, index=False, lineterminator="\n")


def write_geojson(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write one point per location, ``[x, z]`` in meters; see :data:`vwe_dagster.exporting.contours.COORDINATE_SYSTEM`.

    The properties are the columns of :data:`vwe_dagster.analysis.places.PLACE_COLUMNS` besides ``x_m`` and ``z_m``.

    Raises:
        ExportError: the world has no locations.
    """
    places = _places(source)
    points = places[["x_m", "z_m"]].to_numpy().tolist()
    rows = places.drop(columns=["x_m", "z_m"]).to_dict("records")
    collection: dict[str, object] = {
        "type": "FeatureCollection",
        "name": source.seed.key,
        "coordinate_system": COORDINATE_SYSTEM,
        **source.metadata,
        "location_table": source.location_table,
        "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": point}, "properties": row}
            for point, row in zip(points, rows, strict=True)
        ],
    }
    path.write_bytes(pydantic_core.to_json(collection) + b"\n")


def _places(source: ExportSource) -> pd.DataFrame:
    places = source.analysis.places
    if places is None:
        command = vwe_command("world", operands=[source.seed.key])
        raise ExportError(f"The world of {source.seed.key} has no locations; rebuild it with: {command}")
    return places
