"""Test that typable texts have the integer, are the shortest, and exist for every integer."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vwe_dagster.seeds.random import ALPHABET
from vwe_dagster.seeds.seed import (
    GAME_LENGTH,
    HASH_FACTOR,
    HASH_MIX,
    HASH_START,
    MAX_NUMBER,
    MIN_NUMBER,
    seed_number,
)
from vwe_dagster.seeds.typable import REACHING_LENGTH, typable_text, typable_texts

numbers = st.integers(MIN_NUMBER, MAX_NUMBER)


@given(numbers)
@example(0)
@example(-1)
@example(MIN_NUMBER)
@example(MAX_NUMBER)
@example(seed_number("\0"))
@example(-530322020)
def test_every_text_has_the_integer_and_fits_the_seed_box(number: int) -> None:
    texts = typable_texts(number)
    assert {seed_number(text) for text in texts} == {number}
    assert set("".join(texts)) <= set(ALPHABET)
    assert {len(text) for text in texts} == {len(typable_text(number))}
    assert 1 <= len(typable_text(number)) <= REACHING_LENGTH < GAME_LENGTH
    assert len(set(texts)) == len(texts)


@given(st.text(ALPHABET, min_size=1, max_size=GAME_LENGTH))
@example("a")
@example("99")
@example("fctz8nm")
def test_no_text_is_shorter_and_none_is_missing(text: str) -> None:
    found = typable_texts(seed_number(text))
    assert len(found[0]) < len(text) or text in found


def test_all_texts_of_three_letters_with_the_same_integer_are_found() -> None:
    by_number: dict[int, set[str]] = {}
    for letters in itertools.product(ALPHABET[::7], ALPHABET, ALPHABET[::7]):
        by_number.setdefault(seed_number("".join(letters)), set()).add("".join(letters))
    for number, texts in itertools.islice(by_number.items(), 0, None, 40):
        assert texts <= set(typable_texts(number))


def test_texts_that_are_easy_to_read_come_first() -> None:
    assert typable_texts(298112588) == ["rzgpq", "rzfpP", "szFpq", "szGpP"]
    texts = typable_texts(0)
    misread = [sum(map(text.count, "Il0")) for text in texts]
    assert misread == sorted(misread)
    assert misread[0] == 0 < misread[-1]
    assert typable_text(0) == texts[0]


@pytest.mark.parametrize("number", [MIN_NUMBER - 1, MAX_NUMBER + 1])
def test_an_integer_out_of_range_is_rejected(number: int) -> None:
    with pytest.raises(ValueError, match=rf"The integer {number} is out of range"):
        typable_texts(number)


@pytest.mark.slow
def test_seven_letters_reach_every_integer() -> None:
    even, odd = _lane((REACHING_LENGTH + 1) // 2), _lane(REACHING_LENGTH // 2)
    first, width = int(even[0]), int(even[-1] - even[0]) + 1
    marks = np.zeros(width, np.uint8)
    marks[even - first] = 1
    # Bit 0 of the first byte stands for the first even hash plus a multiple of the odd one; 7 shifted copies follow.
    packed = [np.packbits(np.pad(marks, (shift, 8)), bitorder="little") for shift in range(8)]
    longest = len(packed[-1])
    packed = [np.pad(each, (0, longest - len(each))) for each in packed]
    starts = np.sort((odd.astype(np.uint64) * HASH_MIX + first) % 2**32)
    window = 2**32 // 64
    for begin in range(0, 2**32, window):
        assert _covers(starts, packed, begin, window), f"an integer from {begin} to {begin + window} is not reached"


def _covers(starts: npt.NDArray[np.uint64], packed: list[npt.NDArray[np.uint8]], begin: int, window: int) -> bool:
    """True if the shifted marks cover all integers from ``begin``, a multiple of 8, to ``begin + window``."""
    length = len(packed[0])
    reached = np.zeros(window // 8 + 2 * length, np.uint8)
    distances = (starts.astype(np.int64) - begin + 8 * length) % 2**32
    for distance in distances[distances < window + 8 * length]:
        place, shift = divmod(int(distance), 8)
        reached[place : place + length] |= packed[shift]
    return bool((reached[length : length + window // 8] == 0xFF).all())


def _lane(length: int) -> npt.NDArray[np.uint32]:
    hashes = np.array([HASH_START], np.uint32)
    letters = np.frombuffer(ALPHABET.encode(), np.uint8).astype(np.uint32)
    for _ in range(length):
        hashes = np.unique((hashes[:, None] * np.uint32(HASH_FACTOR)) ^ letters)
    return hashes
