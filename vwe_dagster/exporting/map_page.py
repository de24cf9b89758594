"""The map page of a world as plain files, see :mod:`vwe_dagster.site.export`."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.exporting.errors import ExportError
from vwe_dagster.exporting.facts import ExportOptions, WorldFacts
from vwe_dagster.site.export import SiteError, write_site


def write(path: Path, facts: WorldFacts, options: ExportOptions) -> None:  # noqa: ARG001  there are none
    """Writes the page, with tiles down to the world's own 12 m a pixel, into an empty folder.

    Raises:
        ExportError: the world is not there.
    """
    try:
        write_site(path, facts.store, [facts.seed])
    except SiteError as error:
        raise ExportError(str(error)) from error
