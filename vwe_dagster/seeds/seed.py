"""Seeds: the text players type, the integer that decides the world, and the folder a seed's data lives in.

What counts as a seed is decided here and nowhere else: every command, job and library call parses its seeds
with :func:`parse_seed`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import struct

MAX_LENGTH = 32
"""Characters a seed text may have."""

GAME_LENGTH = 10
"""Characters that the seed box of the game takes."""

MIN_NUMBER, MAX_NUMBER = -(2**31), 2**31 - 1
"""Range of the integer behind a seed: int32."""

HASH_START = 5381
HASH_FACTOR = 33
HASH_MIX = 1566083941
"""The numbers of the game's hash, see :func:`seed_number`."""

_WORD = 2**32

_TEXT = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_LOOSE_NUMBER = re.compile(r"(?P<sign>[+-]?)0*(?P<digits>[0-9]+)", re.ASCII)

_FAULTS = {
    ",": "has a comma, which separates seeds in a list",
    "/": "has a slash (/), which separates folders",
    "\\": "has a slash (\\), which separates folders",
    "@": "has an @, which only opens a seed given as an integer",
}


class SeedError(ValueError):
    """A text that is no seed; the message is a sentence that says what is wrong and how to mend it."""


@dataclasses.dataclass(frozen=True)
class Seed:
    """A seed as :func:`parse_seed` accepts it.

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

    Unlike the key it is safe on file systems that take ``Abc`` and ``aBC`` for one name.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def parse_seed(key: str) -> Seed:
    """Reads a seed: 1 to 32 of the letters A-Z and a-z, digits, ``-``, ``_`` and ``.``, or ``@`` and an integer.

    Args:
        key: the seed as a person wrote it, such as ``HHcLC5acQt`` or ``@-1772362158``.

    Raises:
        SeedError: ``key`` is not a seed.
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
    """The integer that the game makes of a seed text, any text at all.

    It is the stable string hash of the game: two hashes ``h = h * 33 ^ unit`` that both start at 5381 and take turns
    at the UTF-16 code units up to the first NUL, joined as ``first + second * 1566083941``, modulo 2^32. The empty
    text is 0.

    Returns:
        An int32.
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
    """What is wrong with a seed text that is not empty, as the rest of a sentence; None where it is well."""
    if ".." in key:
        return "has two dots in a row, as a path to another folder would"
    strange = _TEXT.sub("", key)
    if strange:
        return _fault_of_character(strange[0])
    if len(key) > MAX_LENGTH:
        return f"has {len(key)} characters and the most is {MAX_LENGTH}"
    return None


def _fault_of_character(character: str) -> str:
    fault = _FAULTS.get(character)
    if fault is None and character.isspace():
        fault = "has white space in it"
    elif fault is None and not character.isprintable():
        fault = f"has a control character or other invisible one (U+{ord(character):04X})"
    elif fault is None and character.isalnum():
        fault = f"has {_quoted(character)}, and the only letters and digits allowed are A to Z, a to z and 0 to 9"
    return fault or f"has {_quoted(character)}, which is neither a letter, a digit, '-', '_' nor '.'"


def _parse_number(key: str) -> int:
    text = key[1:]
    if not text:
        raise SeedError("The seed '@' lacks its integer; write one after the @, such as @298112588.")
    loose = _LOOSE_NUMBER.fullmatch(text)
    if loose is None:
        raise SeedError(f"The seed {_quoted(key)} has no integer after the @; write digits only, such as @298112588.")
    # The length comes first: Python refuses to read integers of thousands of digits.
    number = int(loose["sign"] + loose["digits"]) if len(loose["digits"]) <= len(str(MAX_NUMBER)) else None
    if number is None or not MIN_NUMBER <= number <= MAX_NUMBER:
        raise SeedError(
            f"The seed {_quoted(key)} is out of range; write an integer from @{MIN_NUMBER} to @{MAX_NUMBER}."
        )
    if text != str(number):
        raise SeedError(f"The seed {_quoted(key)} is not the plain spelling of its integer; write @{number}.")
    return number


def _quoted(text: str) -> str:
    """The text in quotes on one line, unprintable characters escaped, cut where it is very long."""
    shown = text if len(text) <= 2 * MAX_LENGTH else f"{text[: 2 * MAX_LENGTH]}…"
    return repr(shown)
