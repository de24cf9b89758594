"""Array files, and the cache of arrays that were read."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from vwe_dagster.store.arrays import UnpackedArrays, array_to_bytes


def noise(seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).random((64, 64), np.float32)


def unpacked(arrays: UnpackedArrays, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    content = array_to_bytes(array)
    return arrays.unpacked(content, hashlib.sha256(content).hexdigest())


def test_recently_read_array_is_not_unpacked_again() -> None:
    arrays = UnpackedArrays()
    first = unpacked(arrays, noise(1))
    np.testing.assert_array_equal(first, noise(1))
    assert not first.flags.writeable
    assert unpacked(arrays, noise(1)) is first
    np.testing.assert_array_equal(unpacked(arrays, noise(2)), noise(2))


def test_least_recently_read_array_is_evicted_first() -> None:
    arrays = UnpackedArrays(limit_bytes=2 * noise(1).nbytes)
    first, second = unpacked(arrays, noise(1)), unpacked(arrays, noise(2))
    assert unpacked(arrays, noise(1)) is first
    unpacked(arrays, noise(3))
    assert unpacked(arrays, noise(1)) is first
    assert unpacked(arrays, noise(2)) is not second


def test_array_that_is_too_large_or_fast_to_unpack_is_not_cached() -> None:
    small = UnpackedArrays(limit_bytes=noise(1).nbytes - 1)
    assert unpacked(small, noise(1)) is not unpacked(small, noise(1))
    arrays, zeros = UnpackedArrays(), np.zeros((64, 64), np.float32)
    assert unpacked(arrays, zeros) is not unpacked(arrays, zeros)
