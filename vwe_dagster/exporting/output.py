"""Where exports appear: whole or not at all, and never in place of what somebody else keeps there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.formats import Format
from vwe_dagster.files.atomic import replace_whole, replace_whole_file, sync_folder


def refuse_taken(path: Path, of: Format, *, force: bool) -> None:
    """Refuses a path at which something lies, unless it is an earlier export of the format and may be replaced.

    An empty folder is as good as none for a format of many files.

    Args:
        path: where the export is to appear.
        of: its format.
        force: whether an earlier export may be replaced.

    Raises:
        ExportError: the path is taken.
    """
    if not os.path.lexists(path):
        return
    if of.is_folder and path.is_dir() and not any(path.iterdir()):
        return
    if of.is_folder and not of.has_export(path):
        raise ExportError(f"{path} is there already and is no {of.name} export; name another place with --out.")
    if not of.is_folder and not path.is_file():
        raise ExportError(f"{path} is there already and is no file; name another place with --out.")
    if not force:
        raise ExportError(f"{path} is there already; replace it with --force, or name another place with --out.")


@contextlib.contextmanager
def whole_output(path: Path, of: Format, *, force: bool) -> Iterator[Path]:
    """Gives a place to write an export to, which becomes ``path`` when the block ends well.

    Yields:
        For a format of many files an empty folder; else a path of the same name as ``path`` at which nothing is.

    Raises:
        ExportError: the path is taken, or the disk does not let us.
    """
    path = path.absolute()
    replacing = replace_whole if of.is_folder else replace_whole_file
    try:
        with replacing(path) as draft:
            yield draft
            _sync(draft)
            refuse_taken(path, of, force=force)
    except OSError as error:
        raise ExportError(
            f"{path} cannot be written ({error.strerror or error}); "
            f"look whether the disk is full and whether you may write there."
        ) from error


def _sync(draft: Path) -> None:
    """Returns when all of an export is on the disk, but for the folder that it is in."""
    for path in (draft, *draft.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as written:
                os.fsync(written.fileno())
