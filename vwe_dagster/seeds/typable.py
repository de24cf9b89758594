"""Find texts that a player can type into the game's seed box for a world known by its integer."""

from __future__ import annotations

import dataclasses
import functools
import string

import numpy as np
import numpy.typing as npt

from vwe_dagster.seeds.random import ALPHABET
from vwe_dagster.seeds.seed import (
    GAME_LENGTH,
    HASH_FACTOR,
    HASH_MIX,
    HASH_START,
    MAX_NUMBER,
    MIN_NUMBER,
    Seed,
    seed_number,
)

REACHING_LENGTH = 7
"""Length of text that suffices for every integer.

Counted over all texts of :data:`~vwe_dagster.seeds.random.ALPHABET`: 5 characters reach 3 % of the 2^32 integers, 6
reach 74 % and 7 reach each of them.
"""

AMBIGUOUS = "Il0"
"""Characters of the game that are easily misread: ``I`` and ``l`` for each other, ``0`` for the letter o."""

Words = npt.NDArray[np.uint32]

_LETTERS: Words = np.frombuffer(ALPHABET.encode(), np.uint8).astype(np.uint32)
_FACTOR, _MIX = np.uint32(HASH_FACTOR), np.uint32(HASH_MIX)
_INVERSE_FACTOR = np.uint32(pow(HASH_FACTOR, -1, 2**32))
_CODE_BITS = np.uint32(0x7F)
_MISREAD, _CAPITALS = (np.isin(_LETTERS, [*map(ord, letters)]) for letters in (AMBIGUOUS, string.ascii_uppercase))
_TABLE_LENGTH = REACHING_LENGTH // 2


@dataclasses.dataclass(frozen=True)
class _Lane:
    """Hashes of all texts of one length in one of the two lanes, sorted.

    Attributes:
        hashes: one per text.
        texts: one number per text; its digits are indices into the alphabet, first letter first.
    """

    hashes: Words
    texts: Words


def typable_key(seed: Seed) -> str | None:
    """Return a text of the same world for the game's seed box, if the seed's own text does not fit it.

    Returns:
        None if the seed fits the seed box. Else, for an integer or a longer text, the first of :func:`typable_texts`.
    """
    is_typable = len(seed.key) <= GAME_LENGTH and not seed.key.startswith("@")
    return None if is_typable else typable_text(seed.number)


def typable_text(number: int) -> str:
    """Return the first of :func:`typable_texts`.

    Args:
        number: an int32.
    """
    return typable_texts(number, limit=1)[0]


def typable_texts(number: int, *, limit: int | None = None) -> list[str]:
    """Return the shortest texts with a given integer, in the characters that the game draws.

    Texts are ordered by number of :data:`AMBIGUOUS` characters, then by number of capitals, then by
    :data:`~vwe_dagster.seeds.random.ALPHABET`. All have the same length, 1 to :data:`REACHING_LENGTH`, and fit the
    game's seed box.

    The hash keeps even and odd characters in separate lanes and adds the two, so the search meets in the middle: for
    each text of the odd lane, it looks up the hash that the even lane must have.

    Args:
        number: an int32.
        limit: maximum number of texts; None for all.

    Raises:
        ValueError: ``number`` is not an int32.
    """
    if not MIN_NUMBER <= number <= MAX_NUMBER:
        raise ValueError(f"The integer {number} is out of range; choose one from {MIN_NUMBER} to {MAX_NUMBER}.")
    by_length = (_texts_of_length(length, np.uint32(number % 2**32)) for length in range(1, REACHING_LENGTH + 1))
    letters = next(found for found in by_length if len(found))
    order = np.lexsort([*letters.T[::-1], _CAPITALS[letters].sum(axis=1), _MISREAD[letters].sum(axis=1)])
    texts = ["".join(map(ALPHABET.__getitem__, letters[place])) for place in order[:limit]]
    if any(seed_number(text) != number for text in texts):
        raise AssertionError(f"a text found for the integer {number} has another integer: {texts}")
    return texts


def _texts_of_length(length: int, number: np.uint32) -> npt.NDArray[np.uint32]:
    """Return all texts of a length with the given integer, ``[text, character]`` as indices into the alphabet."""
    even_length, odd_length = (length + 1) // 2, length // 2
    odd = _lane(odd_length)
    wanted = number - odd.hashes * _MIX
    near = np.flatnonzero(_may_hold(even_length, wanted))
    if not len(near):
        return np.empty((0, length), np.uint32)
    found, even_texts = _lane_texts(even_length, wanted[near])
    letters = np.empty((len(found), length), np.uint32)
    letters[:, ::2] = _spelled(even_texts, even_length)
    letters[:, 1::2] = _spelled(odd.texts[near[found]], odd_length)
    return letters


def _may_hold(length: int, hashes: Words) -> npt.NDArray[np.bool_]:
    """Return a mask of the hashes in the range of a lane; a letter changes the lowest 7 bits only."""
    if length > _TABLE_LENGTH:
        ends = _lane(length - 1).hashes[[0, -1]] * _FACTOR
        low, high = ends[0] & ~_CODE_BITS, ends[1] | _CODE_BITS
    else:
        low, high = _lane(length).hashes[[0, -1]]
    return np.asarray(hashes - low <= high - low)


def _lane_texts(length: int, hashes: Words) -> tuple[npt.NDArray[np.intp], Words]:
    """Return the index of the hash and the text, for each text of a lane that has one of the hashes."""
    if length <= _TABLE_LENGTH:
        lane = _lane(length)
        first = np.searchsorted(lane.hashes, hashes, "left")
        counts = np.searchsorted(lane.hashes, hashes, "right") - first
        index = np.repeat(np.arange(len(hashes)), counts)
        ahead = np.repeat(np.cumsum(counts) - counts, counts)
        return index, lane.texts[first[index] + np.arange(len(index)) - ahead]
    before = ((hashes[:, None] ^ _LETTERS) * _INVERSE_FACTOR).ravel()
    near = np.flatnonzero(_may_hold(length - 1, before))
    found, texts = _lane_texts(length - 1, before[near])
    index, letter = np.divmod(near[found], len(_LETTERS))
    return index, texts * np.uint32(len(_LETTERS)) + letter.astype(np.uint32)


@functools.cache
def _lane(length: int) -> _Lane:
    """Return the lane of a length; the longest that is cached, 3 letters, has 205,379 texts."""
    hashes = np.array([HASH_START], np.uint32)
    for _ in range(length):
        hashes = (hashes[:, None] * _FACTOR ^ _LETTERS).ravel()
    order = np.argsort(hashes, kind="stable")
    return _Lane(hashes[order], order.astype(np.uint32))


def _spelled(texts: Words, length: int) -> Words:
    """Return indices into the alphabet, ``[text, character]``."""
    return texts[:, None] // len(_LETTERS) ** np.arange(length, dtype=np.uint32)[::-1] % len(_LETTERS)
