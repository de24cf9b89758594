"""Reading a file that somebody has named: at once or not at all, for whatever may lie at the path."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_file(path: Path, most_bytes: int) -> bytes:
    """The content of a file, or as much from its beginning as may be read.

    Nothing but a file is opened: a pipe would be waited for, and opening a device may set it to work.

    Args:
        path: the file, or a link to one.
        most_bytes: what may be read.

    Raises:
        OSError: it cannot be read, or is no file; ``strerror`` says why.
    """
    _refuse_others(path.stat())
    # What has taken its place meanwhile is not waited for either.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _refuse_others(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most_bytes)


def _refuse_others(facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a device or a socket")
