"""The format ``site``: the map page of a world as plain files, see :mod:`vwe_dagster.site.export`."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.site.export import write_site


def write(path: Path, source: ExportSource, options: ExportOptions) -> None:  # noqa: ARG001  no option applies
    """Write the page and its tiles, down to 12 m per pixel, into an empty folder."""
    write_site(path, source.store, source.seed)
