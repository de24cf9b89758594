"""Writing of exports: an export appears complete or not at all, and replaces only an earlier export."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.formats import Format
from vwe_dagster.files.atomic import replace_file, replace_folder, sync_folder


def check_output_path(path: Path, of: Format, *, force: bool) -> None:
    """Check that an export may be written to a path.

    A path is free if it does not exist, if it has an earlier export of the format and ``force`` is set, or if it is an
    empty folder and the format has several files.

    Args:
        path: the path of the export.
        of: the format.
        force: replace an earlier export.

    Raises:
        ExportError: the path is not free.
    """
    if not os.path.lexists(path):
        return
    if of.is_folder and path.is_dir() and not any(path.iterdir()):
        return
    if of.is_folder and not of.has_export(path):
        raise ExportError(f"{path} exists and is not a {of.name} export; choose another path with --out.")
    if not of.is_folder and not path.is_file():
        raise ExportError(f"{path} exists and is not a file; choose another path with --out.")
    if not force:
        raise ExportError(f"{path} exists; replace it with --force, or choose another path with --out.")


@contextlib.contextmanager
def atomic_output(path: Path, of: Format, *, force: bool) -> Iterator[Path]:
    """Yield a temporary path for an export and move it to ``path`` after the block, unless the block raises.

    Yields:
        For a format of several files an empty folder; else a path with the name of ``path`` that does not exist.

    Raises:
        ExportError: the path is not free, or the file system reports an error.
    """
    path = path.absolute()
    replacing = replace_folder if of.is_folder else replace_file
    try:
        with replacing(path) as draft:
            yield draft
            _sync(draft)
            check_output_path(path, of, force=force)
    except OSError as error:
        raise ExportError(
            f"{path} cannot be written ({error.strerror or error}); "
            f"check that the disk has space and that you may write there."
        ) from error


def _sync(draft: Path) -> None:
    """Flush the files and folders of an export to disk, except for its parent folder."""
    for path in (draft, *draft.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as written:
                os.fsync(written.fileno())
