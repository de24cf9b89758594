"""The format ``poster``: a picture to print, see :mod:`vwe_dagster.site.poster_file`."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.rendering.poster import Paper
from vwe_dagster.site.poster_file import Versions, poster_png


def write(path: Path, source: ExportSource, options: ExportOptions) -> None:
    """Write the poster of a world as PNG; if possible, the native engine samples the ground again, every 6 m."""
    versions = Versions(source.world_gen_version, source.game_version, source.location_table)
    paper = Paper(options.paper) if options.paper else Paper.CM_30X40
    path.write_bytes(
        poster_png(source.seed, source.world, source.analysis, terrain=source.terrain, versions=versions, paper=paper)
    )
