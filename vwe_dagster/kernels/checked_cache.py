"""Cache files of machine code with a checksum: damaged code would crash the process."""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile

_CHECKSUM_BYTES = hashlib.sha256().digest_size


class DamagedCacheError(OSError):
    """A cache file whose checksum does not match its content."""


class CheckedCacheFile(IndexDataCacheFile):  # type: ignore[misc]  # numba has no type hints
    """The cache files of one function; each begins with the SHA-256 of the rest.

    A damaged file counts as missing, so the function is compiled again, and one line on standard error names the file.
    """

    @classmethod
    def replacing(cls, file: Any) -> CheckedCacheFile:
        """Return the checked counterpart of numba's object for the cache files of a function."""
        base = file._index_name.removesuffix(".nbi")  # noqa: SLF001  numba has no public names for these
        return cls(file._cache_path, base, file._source_stamp)  # noqa: SLF001

    def _load_index(self) -> dict[Any, str]:
        try:
            content = io.BytesIO(_checked(Path(self._index_path)))
        except FileNotFoundError:
            return {}
        except DamagedCacheError as error:
            sys.stderr.write(f"{error}\n")
            return {}
        if pickle.load(content) != self._version:  # noqa: S301  the cache is the user's own
            return {}
        stamp, overloads = pickle.load(content)  # noqa: S301
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        try:
            return pickle.loads(_checked(Path(self._data_path(name))))  # noqa: S301
        except DamagedCacheError as error:
            sys.stderr.write(f"{error}\n")
            raise

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(hashlib.sha256(content.getvalue()).digest())
            file.write(content.getvalue())


def _checked(path: Path) -> bytes:
    """Return the content of a cache file after its checksum.

    Raises:
        DamagedCacheError: the checksum does not match.
    """
    whole = path.read_bytes()
    checksum, content = whole[:_CHECKSUM_BYTES], whole[_CHECKSUM_BYTES:]
    if hashlib.sha256(content).digest() != checksum:
        raise DamagedCacheError(f"The compiled kernel {path} is damaged; it is compiled again.")
    return content
