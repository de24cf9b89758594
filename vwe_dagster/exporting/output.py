"""Where exports appear: whole or not at all, and never in place of what somebody else keeps there."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from vwe_dagster.exporting.errors import ExportError
from vwe_dagster.exporting.formats import Format
from vwe_dagster.store.whole_folder import replace_whole, sync_folder


def refuse_taken(path: Path, of: Format, *, force: bool) -> None:
    """Refuses a path at which something lies, unless it is an earlier export of the format and may be replaced.

    Args:
        path: where the export is to appear.
        of: its format.
        force: whether an earlier export may be replaced.

    Raises:
        ExportError: the path is taken.
    """
    if not os.path.lexists(path):
        return
    if of.is_folder and not (path.is_dir() and (path / str(of.marker)).is_file()):
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
    try:
        if of.is_folder:
            with replace_whole(path) as draft:
                yield draft
                _sync(draft)
                refuse_taken(path, of, force=force)
        else:
            with _file_draft(path) as draft:
                yield draft
                refuse_taken(path, of, force=force)
    except OSError as error:
        raise ExportError(
            f"{path} cannot be written ({error.strerror or error}); "
            f"look whether the disk is full and whether you may write there."
        ) from error


@contextlib.contextmanager
def _file_draft(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f".{path.name}.draft-{secrets.token_hex(8)}")
    folder.mkdir()
    try:
        yield folder / path.name
        _sync(folder)
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Returns when all that is in a folder is on the disk; the folder itself is the caller's."""
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as written:
                os.fsync(written.fileno())
