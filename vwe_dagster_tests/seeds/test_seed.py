"""Test the seed hash, valid seeds, and the error messages of invalid seeds."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vwe_dagster.seeds.seed import MAX_NUMBER, MIN_NUMBER, SeedError, parse_seed, seed_number

PLAIN = string.ascii_letters + string.digits + "-_."
plain_texts = st.text(PLAIN, min_size=1, max_size=32).filter(lambda text: ".." not in text)

INVALID = {
    "": "cannot be empty; write",
    " \t": "cannot be white space only",
    " HHcLC5acQt": "begins or ends with white space; write 'HHcLC5acQt'",
    "HHcLC5acQt\n": "begins or ends with white space; write 'HHcLC5acQt'",
    "two words": "contains white space",
    "two\twords": "contains white space",
    "two\nlines": "contains white space",
    "a,b": "has a comma",
    "a/b": "has a slash (/)",
    "a\\b": "has a slash (\\)",
    "a..b": "has two dots in a row",
    "..": "has two dots in a row",
    "../evil": "has two dots in a row",
    "bell\x07": "(U+0007)",
    "nul\0nul": "(U+0000)",
    "zero\u200bwidth": "(U+200B)",
    "right\u202eleft": "(U+202E)",
    "\udc80surrogate": "(U+DC80)",
    "world🌍": "has '🌍', which is neither",
    "wörld": "has 'ö', but the only letters",
    "seed٣": "has '٣', but the only letters",
    "seed²": "has '²', but the only letters",
    "x" * 33: "has 33 characters, more than the limit of 32",
    "a@5": "has an @",
    "@": "has no integer;",
    "@@5": "has no integer after the @",
    "@five": "has no integer after the @",
    "@5.0": "has no integer after the @",
    "@٣": "has no integer after the @",
    "@1_000": "has no integer after the @",
    "@ 5": "has no integer after the @",
    "@--5": "has no integer after the @",
    "@+5": "not in the standard form of its integer; write @5.",
    "@007": "not in the standard form of its integer; write @7.",
    "@-007": "not in the standard form of its integer; write @-7.",
    "@-0": "not in the standard form of its integer; write @0.",
    "@2147483648": "out of range; write an integer from @-2147483648 to @2147483647.",
    "@-2147483649": "out of range",
    "@" + "9" * 5000: "out of range",
}


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 0), ("a", 372029373), ("abc", 1099313834), ("HHcLC5acQt", 298112588), ("MWd8eV6svz", -1772362158)],
)
def test_hash_returns_the_integers_of_the_game(text: str, number: int) -> None:
    assert seed_number(text) == number


def test_hash_stops_at_nul_and_of_zero_units_is_not_zero() -> None:
    assert seed_number("abc\0more") == seed_number("abc")
    assert seed_number("\0") == 371857150


@given(st.text(st.characters(exclude_categories=())))
def test_the_hash_takes_any_text_and_is_an_int32(text: str) -> None:
    assert MIN_NUMBER <= seed_number(text) <= MAX_NUMBER


@given(st.text(st.characters(min_codepoint=0x10000), min_size=1, max_size=3))
def test_the_hash_counts_a_character_beyond_the_first_plane_as_two_units(text: str) -> None:
    pairs = "".join(
        chr(0xD800 + (ord(one) - 0x10000 >> 10)) + chr(0xDC00 + (ord(one) - 0x10000 & 0x3FF)) for one in text
    )
    assert seed_number(text) == seed_number(pairs)


@given(plain_texts)
def test_a_plain_text_is_a_seed(text: str) -> None:
    seed = parse_seed(text)
    assert (seed.key, seed.number) == (text, seed_number(text))


@given(st.integers(MIN_NUMBER, MAX_NUMBER))
def test_every_int32_is_a_seed(number: int) -> None:
    assert parse_seed(f"@{number}").number == number


@given(plain_texts)
def test_the_same_text_in_another_case_is_another_seed_in_another_folder(text: str) -> None:
    assume(text != text.swapcase())
    seed, other = parse_seed(text), parse_seed(text.swapcase())
    assert seed.key != other.key
    assert seed.folder_name.lower() != other.folder_name.lower()


@given(plain_texts | st.integers(MIN_NUMBER, MAX_NUMBER).map("@{}".format))
def test_a_folder_name_is_safe_on_every_file_system(key: str) -> None:
    assert re.fullmatch("[0-9a-f]{64}", parse_seed(key).folder_name)


def test_the_folder_name_is_the_sha256_of_the_key() -> None:
    sha256 = "191505ac5d3f478024413f9778b9495fd49661a74749e7f4ff65f22e6637ce36"
    assert parse_seed("HHcLC5acQt").folder_name == sha256


@pytest.mark.parametrize(("key", "reason"), INVALID.items(), ids=lambda text: ascii(text)[:40])
def test_invalid_seed_is_rejected_with_its_reason(key: str, reason: str) -> None:
    with pytest.raises(SeedError) as error:
        parse_seed(key)
    assert reason in str(error.value)


def test_every_kind_of_fault_has_its_own_message() -> None:
    assert len({_error_of(key) for key in INVALID}) == len(INVALID)


@settings(max_examples=500)
@given(
    st.text(st.characters(exclude_categories=()), max_size=40)
    | st.text(PLAIN + "@ ,/", max_size=34)
    | st.from_regex(r"@[+-]?\d{0,11}", fullmatch=True)
)
def test_any_text_is_either_a_seed_or_rejected_with_one_printable_sentence(text: str) -> None:
    sentence = _error_of(text)
    assert (sentence == "") == is_seed(text)
    if sentence:
        assert sentence.isprintable()
        assert sentence.endswith(".")
        assert len(sentence) < 900


def is_seed(text: str) -> bool:
    """Return whether a text is a seed, by the rules as the design states them."""
    if text.startswith("@"):
        number = re.fullmatch(r"@(0|-?[1-9][0-9]*)", text)
        return number is not None and MIN_NUMBER <= int(number[1]) <= MAX_NUMBER
    return set(text) <= set(PLAIN) and 1 <= len(text) <= 32 and ".." not in text


@given(
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=9).map(
        lambda text: f"{text[:4]} {text[4:]}x"
    )
)
def test_integer_offered_in_an_error_is_a_seed_of_the_same_world(text: str) -> None:
    assume(not text.startswith("@"))
    offered = re.search(r"write (@-?\d+), which is the same world\.$", _error_of(text))
    assume(offered is not None)
    assert offered is not None
    assert parse_seed(offered[1]).number == seed_number(text)


def test_error_offers_a_text_for_the_seed_box_of_the_game() -> None:
    assert seed_number("Ægir") == seed_number("bikck8") == 1494795226
    assert _error_of("Ægir").endswith("; write bikck8 or write @1494795226, which is the same world.")


def _error_of(key: str) -> str:
    """Return the error message for an invalid seed, empty for a valid one."""
    try:
        parse_seed(key)
    except SeedError as error:
        return str(error)
    return ""
