"""Array files: NumPy's format, compressed with gzip; ``numpy.load(gzip.open(path))`` also reads them."""

from __future__ import annotations

import collections
import io
import struct
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

ARRAY_SUFFIX = ".npy.gz"
"""The suffix of array files."""

COMPRESS_LEVEL = 1
"""The compression level of ISA-L, which packs the heights of a 2048 world to 47 % in 40 ms. Level 2 produces the same
size; level 3 takes twice the time for 1 % less."""

CACHE_BYTES = 2**28
"""Maximum bytes of unpacked arrays in the cache; the heights of the ten seeds of a run fit."""

_MIN_RATIO = 0.25
"""Minimum ratio of packed to unpacked bytes of a cached array; a lower ratio unpacks fast enough without a cache."""

_GZIP = 31
"""zlib's ``wbits`` for a window of 32 KiB with the header and checksum of gzip."""


def array_to_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """Return the content of an array file.

    Raises:
        ValueError: the array contains Python objects.
    """
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return isal_zlib.compress(content.getbuffer(), COMPRESS_LEVEL, _GZIP)


def array_from_bytes(content: bytes | memoryview) -> npt.NDArray[Any]:
    """Return the array of an array file's content. The array is read-only."""
    # The last 4 bytes of gzip are the unpacked length: a buffer of that size avoids a copy.
    (length,) = struct.unpack("<I", content[-4:])
    file = io.BytesIO(isal_zlib.decompress(content, _GZIP, bufsize=length))
    np.lib.format.read_magic(file)
    shape, column_major, dtype = np.lib.format.read_array_header_1_0(file)
    # A view of the buffer; np.load would copy it.
    array = np.frombuffer(file.getvalue(), dtype, offset=file.tell())
    return array.reshape(shape, order="F" if column_major else "C")


class UnpackedArrays:
    """A cache of unpacked arrays by the hash of their file, since every stage of a world reads the same heights."""

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        """Start empty.

        Args:
            limit_bytes: the maximum size of all cached arrays together.
        """
        self._limit_bytes = limit_bytes
        self._guard = threading.Lock()
        self._arrays: collections.OrderedDict[str, npt.NDArray[Any]] = collections.OrderedDict()

    def unpacked(self, content: bytes | memoryview, sha256: str) -> npt.NDArray[Any]:
        """Return the array of an array file, from the cache if possible. The array is read-only.

        Args:
            content: the content of the file.
            sha256: the hash of the content.
        """
        with self._guard:
            if sha256 in self._arrays:
                self._arrays.move_to_end(sha256)
                return self._arrays[sha256]
        array = array_from_bytes(content)
        if array.nbytes <= self._limit_bytes and len(content) > array.nbytes * _MIN_RATIO:
            with self._guard:
                self._arrays[sha256] = array
                while sum(each.nbytes for each in self._arrays.values()) > self._limit_bytes:
                    self._arrays.popitem(last=False)
        return array
