"""The bytes of a location table's file, read within a limit."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.locations.location_table import LocationTableError

MAX_TABLE_BYTES = 16 * 2**20
"""Maximum length of a location table; the shipped one has 113 kilobytes as JSON."""


def read_table_bytes(path: Path) -> bytes:
    """Return the content of a file of a location table.

    Raises:
        LocationTableError: the file cannot be read, or is too long for a location table.
    """
    try:
        content = read_file(path, MAX_TABLE_BYTES + 1)
    except OSError as error:
        raise LocationTableError(f"{path} cannot be read ({error.strerror}); name a readable file.") from error
    if len(content) > MAX_TABLE_BYTES:
        raise LocationTableError(
            f"{path} is longer than {MAX_TABLE_BYTES // 2**20} MiB, so it is not a location table; name another file."
        )
    return content
