"""A fixed permutation of all 2^32 seed integers: the order in which every survey computes them.

Its first n seeds are a uniform sample without repeats for every n. All installations use the same order, so their
surveys can be joined. The permutation must therefore never change.

It is a balanced Feistel network (Luby and Rackoff, "How to construct pseudorandom permutations from pseudorandom
functions", 1988): in each of eight rounds, one half of the number is XORed with a function of the other
half and of the round's key, then the halves swap. Each round is invertible for any function, so the network is a
permutation. The function is the 32-bit finalizer of MurmurHash3; the keys are the first 256 bits of the fractional
part of pi.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

_KEYS = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0, 0x082EFA98, 0xEC4E6C89)
_WORD = np.uint64(0xFFFF_FFFF)

Words = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class Permutation:
    """The permutation of the integers from 0 to ``2 ** bits - 1``.

    Attributes:
        bits: an even number from 2 to 32.
    """

    bits: int = 32

    def __post_init__(self) -> None:
        """Check the width.

        Raises:
            ValueError: ``bits`` is odd or out of range.
        """
        if self.bits % 2 or not 2 <= self.bits <= 32:
            raise ValueError(f"Invalid permutation width {self.bits}; choose an even number of bits from 2 to 32.")

    def values(self, positions: npt.ArrayLike) -> Words:
        """Return the values at positions, both uint64.

        Raises:
            ValueError: a position is out of range.
        """
        left, right = self._halves(positions)
        for key in _KEYS:
            left, right = right, left ^ self._mixed(right, key)
        return self._joined(left, right)

    def positions(self, values: npt.ArrayLike) -> Words:
        """Return the positions of values, both uint64.

        Raises:
            ValueError: a value is out of range.
        """
        left, right = self._halves(values)
        for key in reversed(_KEYS):
            left, right = right ^ self._mixed(left, key), left
        return self._joined(left, right)

    def _halves(self, numbers: npt.ArrayLike) -> tuple[Words, Words]:
        given = np.asarray(numbers)
        if given.size and not (int(given.min()) >= 0 and int(given.max()) < 2**self.bits):
            raise ValueError(
                f"A number is out of range; a permutation of {self.bits} bits takes 0 to {2**self.bits - 1}."
            )
        words = given.astype(np.uint64)
        half = np.uint64(self.bits // 2)
        return words >> half, words & ((np.uint64(1) << half) - np.uint64(1))

    def _joined(self, left: Words, right: Words) -> Words:
        return (left << np.uint64(self.bits // 2)) | right

    def _mixed(self, half: Words, key: int) -> Words:
        x = half ^ np.uint64(key)
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & _WORD
        x = ((x ^ (x >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & _WORD
        mixed: Words = (x ^ (x >> np.uint64(16))) >> np.uint64(32 - self.bits // 2)
        return mixed


_SEEDS = Permutation(32)


def seeds_from(position: int, count: int) -> npt.NDArray[np.int32]:
    """Return ``count`` seed integers from ``position`` on, int32 ``[count]``.

    Raises:
        ValueError: a position is out of range.
    """
    if not 0 <= position <= position + count <= 2**32:
        raise ValueError(f"{count} positions from {position} on are out of range; positions are 0 to {2**32 - 1}.")
    values = _SEEDS.values(np.arange(position, position + count, dtype=np.uint64))
    return values.astype(np.uint32).view(np.int32)


def positions_of(seeds: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the positions of seed integers, int64 in the same shape."""
    values = np.ascontiguousarray(seeds, np.int32).view(np.uint32)
    return _SEEDS.positions(values).astype(np.int64)
