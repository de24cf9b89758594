"""Parse seeds: from a player's text to the integer that decides the world and the folder of its data.

:func:`parse_seed` is the only definition of a valid seed; every command, job and library call uses it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import struct

MAX_LENGTH = 32
"""Maximum length of a seed in characters."""

GAME_LENGTH = 10
"""Maximum length of a seed in the game's seed box."""

MIN_NUMBER, MAX_NUMBER = -(2**31), 2**31 - 1
"""Range of a seed's integer: int32."""

HASH_START = 5381
HASH_FACTOR = 33
HASH_MIX = 1566083941
"""Constants of the game's hash, see :func:`seed_number`."""

_WORD = 2**32

_TEXT = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_LOOSE_NUMBER = re.compile(r"(?P<sign>[+-]?)0*(?P<digits>[0-9]+)", re.ASCII)

_FAULTS = {
    ",": "has a comma, which separates seeds in a list",
    "/": "has a slash (/), which separates folders",
    "\\": "has a slash (\\), which separates folders",
    "@": "has an @, which is only valid before an integer seed",
}


class SeedError(ValueError):
    """Raised for an invalid seed; the message is one sentence with cause and remedy."""


@dataclasses.dataclass(frozen=True)
class Seed:
    """A valid seed, from :func:`parse_seed`.

    Attributes:
        key: the seed as written, which is also the partition key. Upper and lower case differ.
        number: the int32 that decides the world; seeds with the same number are the same world.
    """

    key: str
    number: int

    @property
    def folder_name(self) -> str:
        """Name of the folder that holds the data of the seed, see :func:`folder_name_of`."""
        return folder_name_of(self.key)


def folder_name_of(key: str) -> str:
    """Return the folder name of a partition key: its SHA-256 in hexadecimal.

    Unlike the key, it is safe on case-insensitive file systems, where ``Abc`` and ``aBC`` are one name.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def parse_seed(key: str) -> Seed:
    """Parse a seed: 1 to 32 of the letters A-Z and a-z, digits, ``-``, ``_`` and ``.``, or ``@`` and an integer.

    Args:
        key: the text as written by the user, such as ``HHcLC5acQt`` or ``@-1772362158``.

    Raises:
        SeedError: ``key`` is not a valid seed.
    """
    if not key:
        raise SeedError("A seed cannot be empty; write the seed's text, or @0 for the world of the empty seed.")
    if key.isspace():
        raise SeedError("A seed cannot be white space only; write the seed's text, such as HHcLC5acQt.")
    if key != key.strip():
        raise SeedError(f"The seed {_quoted(key)} begins or ends with white space; write {_quoted(key.strip())}.")
    if key.startswith("@"):
        return Seed(key, _parse_number(key))
    fault = _fault(key)
    if fault is not None:
        remedy = "write the seed as the game shows it"
        if len(key) <= GAME_LENGTH and key.isprintable():
            remedy = _same_world(seed_number(key))
        raise SeedError(f"The seed {_quoted(key)} {fault}; {remedy}.")
    return Seed(key, seed_number(key))


def seed_number(text: str) -> int:
    """Return the int32 that the game computes from a seed text; any text is allowed.

    It is the game's stable string hash. Two hashes ``h = h * 33 ^ unit`` start at 5381 and take alternate UTF-16 code
    units up to the first NUL. The result is ``first + second * 1566083941``, modulo 2^32. The empty text returns 0.
    """
    if not text:
        return 0
    hashes = [HASH_START, HASH_START]
    units = text.partition("\0")[0].encode("utf-16-le", "surrogatepass")
    for index, (unit,) in enumerate(struct.iter_unpack("<H", units)):
        hashes[index % 2] = (hashes[index % 2] * HASH_FACTOR % _WORD) ^ unit
    unsigned = (hashes[0] + hashes[1] * HASH_MIX) % _WORD
    return unsigned if unsigned <= MAX_NUMBER else unsigned - _WORD


def _same_world(number: int) -> str:
    from vwe_dagster.seeds.typable import typable_text  # noqa: PLC0415  imports NumPy, and this module

    return f"write {typable_text(number)} or write @{number}, which is the same world"


def _fault(key: str) -> str | None:
    """Return the fault of a non-empty text as the rest of a sentence; None for a valid seed."""
    if ".." in key:
        return "has two dots in a row, as a path to another folder would"
    strange = _TEXT.sub("", key)
    if strange:
        return _fault_of_character(strange[0])
    if len(key) > MAX_LENGTH:
        return f"has {len(key)} characters, more than the limit of {MAX_LENGTH}"
    return None


def _fault_of_character(character: str) -> str:
    fault = _FAULTS.get(character)
    if fault is None and character.isspace():
        fault = "contains white space"
    elif fault is None and not character.isprintable():
        fault = f"has a control character or another invisible character (U+{ord(character):04X})"
    elif fault is None and character.isalnum():
        fault = f"has {_quoted(character)}, but the only letters and digits allowed are A to Z, a to z and 0 to 9"
    return fault or f"has {_quoted(character)}, which is neither a letter, a digit, '-', '_' nor '.'"


def _parse_number(key: str) -> int:
    text = key[1:]
    if not text:
        raise SeedError("The seed '@' has no integer; write one after the @, such as @298112588.")
    loose = _LOOSE_NUMBER.fullmatch(text)
    if loose is None:
        raise SeedError(f"The seed {_quoted(key)} has no integer after the @; write digits only, such as @298112588.")
    # Check the length first: int() raises for thousands of digits.
    number = int(loose["sign"] + loose["digits"]) if len(loose["digits"]) <= len(str(MAX_NUMBER)) else None
    if number is None or not MIN_NUMBER <= number <= MAX_NUMBER:
        raise SeedError(
            f"The seed {_quoted(key)} is out of range; write an integer from @{MIN_NUMBER} to @{MAX_NUMBER}."
        )
    if text != str(number):
        raise SeedError(f"The seed {_quoted(key)} is not in the standard form of its integer; write @{number}.")
    return number


def _quoted(text: str) -> str:
    """Return the text in quotes on one line, cut to 64 characters, unprintable characters escaped."""
    shown = text if len(text) <= 2 * MAX_LENGTH else f"{text[: 2 * MAX_LENGTH]}…"
    return repr(shown)
