"""Arrays as files: NumPy's own format, gzipped, so that ``numpy.load(gzip.open(path))`` reads them, too."""

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
"""What the name of an array's file ends with."""

COMPRESS_LEVEL = 1
"""Of ISA-L. The heights of a 2048 world take 40 ms and 47 % of their bytes; level 2 makes the same of them, and level 3
takes twice the time for 1 % less."""

REMEMBERED_BYTES = 2**28
"""Of arrays that were read, for whoever reads them next: the heights of the ten seeds that a run makes fit."""

_WORTH_REMEMBERING = 0.25
"""How much of its bytes an array's file must have: others are unpacked in no time."""

_GZIP = 31
"""What zlib calls a window of 32 KiB within the header and the checksum of gzip."""


def array_to_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """The content of an array's file.

    Raises:
        ValueError: the array holds Python objects.
    """
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return isal_zlib.compress(content.getbuffer(), COMPRESS_LEVEL, _GZIP)


def array_from_bytes(content: bytes | memoryview) -> npt.NDArray[Any]:
    """The array in the content of a file, to be looked at and not written to."""
    # Gzip ends with the length of what it holds: with room for all of it nothing is copied.
    (length,) = struct.unpack("<I", content[-4:])
    file = io.BytesIO(isal_zlib.decompress(content, _GZIP, bufsize=length))
    np.lib.format.read_magic(file)
    shape, column_major, dtype = np.lib.format.read_array_header_1_0(file)
    # The file's own memory: np.load would copy it.
    array = np.frombuffer(file.getvalue(), dtype, offset=file.tell())
    return array.reshape(shape, order="F" if column_major else "C")


class UnpackedArrays:
    """Arrays that were unpacked lately, by the hash of their file: every stage of a world reads the same heights."""

    def __init__(self, limit_bytes: int = REMEMBERED_BYTES) -> None:
        """Remembers none.

        Args:
            limit_bytes: the most that all arrays together may take.
        """
        self._limit_bytes = limit_bytes
        self._guard = threading.Lock()
        self._arrays: collections.OrderedDict[str, npt.NDArray[Any]] = collections.OrderedDict()

    def unpacked(self, content: bytes | memoryview, sha256: str) -> npt.NDArray[Any]:
        """The array in the content of a file, to be looked at and not written to.

        Args:
            content: of the file.
            sha256: of the content.
        """
        with self._guard:
            if sha256 in self._arrays:
                self._arrays.move_to_end(sha256)
                return self._arrays[sha256]
        array = array_from_bytes(content)
        if array.nbytes <= self._limit_bytes and len(content) > array.nbytes * _WORTH_REMEMBERING:
            with self._guard:
                self._arrays[sha256] = array
                while sum(each.nbytes for each in self._arrays.values()) > self._limit_bytes:
                    self._arrays.popitem(last=False)
        return array
