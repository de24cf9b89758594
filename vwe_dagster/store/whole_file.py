"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a path to write to; when the block ends well, what is there becomes ``path``, on the disk.

    When the block raises, ``path`` stays as it was and what was written is gone.

    Raises:
        OSError: the folder is not there or cannot be written to.
    """
    draft = path.with_name(f".{path.name}.draft-{secrets.token_hex(8)}")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
