"""The format ``site``: the map page of a world as plain files, see :mod:`vwe_dagster.site.export`."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.exporting.facts import ExportOptions, WorldFacts
from vwe_dagster.site.export import write_site


def write(path: Path, facts: WorldFacts, options: ExportOptions) -> None:  # noqa: ARG001  there are none
    """Writes the page, with tiles down to the world's own 12 m a pixel, into an empty folder."""
    write_site(path, facts.store, facts.seed)
