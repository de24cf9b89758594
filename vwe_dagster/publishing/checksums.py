"""Comparison of contents with their SHA-256 hashes."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from vwe_dagster.files.bounded_read import NotAFileError, read_file


def has_sha256(content: bytes, sha256: str) -> bool:
    """Return whether the SHA-256 of a content, in hexadecimal digits, equals a hash."""
    return hashlib.sha256(content).hexdigest() == sha256


def read_verified(path: Path, sha256: str, nbytes: int) -> bytes | None:
    """Return the content of a file; None if it is missing or damaged.

    Args:
        path: the file.
        sha256: the hash of its content.
        nbytes: the length of its content.
    """
    with contextlib.suppress(OSError, NotAFileError):
        content = read_file(path, nbytes + 1)
        if has_sha256(content, sha256):
            return content
    return None
