"""The format ``poster``: a picture to print, see :mod:`vwe_dagster.site.poster_file`."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.exporting.facts import ExportOptions, WorldFacts
from vwe_dagster.rendering.poster import Paper
from vwe_dagster.site.poster_file import Versions, poster_png


def write(path: Path, facts: WorldFacts, options: ExportOptions) -> None:
    """Write the poster of a world as PNG; if possible, the native engine samples the ground again, every 6 m."""
    versions = Versions(facts.world_gen_version, facts.game_version, facts.location_table)
    paper = Paper(options.paper) if options.paper else Paper.CM_30X40
    path.write_bytes(
        poster_png(facts.seed, facts.world, facts.analysis, terrain=facts.terrain, versions=versions, paper=paper)
    )
