"""Seed lists: files in which people write down many seeds, and what in them is refused.

Three forms are known by their suffix. ``.txt`` has a seed on each line; what follows a ``#`` at the beginning of a line
or after white space is a comment. ``.csv`` has a column ``seed``. ``.json`` is a list of strings.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed

SUFFIXES = (".txt", ".csv", ".json")
"""Endings of the names of seed lists, in small or capital letters."""

MAX_SEEDS = 10_000
"""Seeds a list may have."""

MAX_BYTES = 4 * 2**20
"""Length of the longest file that is read as a list."""

_COLUMN = "seed"
_DELIMITERS = ",;\t"
_COMMENT = re.compile(r"(^|\s)#.*")
_SHOWN = 64


class SeedListError(ValueError):
    """A file that is no seed list at all; the message is a sentence that says what is wrong and how to mend it."""


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Something in a list that is no seed.

    Attributes:
        place: where it stands: ``line 3``, or ``entry 3`` in JSON, counted from 1.
        text: what stands there on one line, unprintable characters escaped, cut where it is very long.
        reason: a sentence that says what is wrong and how to mend it.
    """

    place: str
    text: str
    reason: str


@dataclasses.dataclass(frozen=True)
class SeedList:
    """What a list holds: a seed at least, or something refused.

    Attributes:
        seeds: the seeds, each once, in the order of the list.
        refused: what is no seed, in the order of the list.
    """

    seeds: tuple[Seed, ...]
    refused: tuple[Refusal, ...]


def read_seed_list(path: Path) -> SeedList:
    """Reads a seed list.

    Raises:
        SeedListError: the file cannot be read, or is no seed list.
    """
    try:
        content = read_file(path, MAX_BYTES + 1)
    except OSError as error:
        raise SeedListError(f"{path} cannot be read ({error.strerror}); name a file that you may read.") from error
    return parse_seed_list(path.name, content)


def parse_seed_list(name: str, content: bytes) -> SeedList:
    """Reads the content of a seed list.

    Args:
        name: the name of the file, whose suffix tells the form.
        content: what is in it, UTF-8.

    Raises:
        SeedListError: the content is no seed list, or no seed is in it and nothing that was meant as one.
    """
    read = {".txt": _lines, ".csv": _rows, ".json": _entries}.get(Path(name).suffix.lower())
    if read is None:
        raise SeedListError(f"{name} is no seed list; the name of one ends in {', '.join(SUFFIXES)}.")
    if len(content) > MAX_BYTES:
        raise SeedListError(f"{name} is longer than {MAX_BYTES // 2**20} MiB; split it into several lists.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SeedListError(f"{name} is no UTF-8 text (byte {error.start + 1}); save it as UTF-8.") from error
    seeds: dict[str, Seed] = {}
    refused: list[Refusal] = []
    for place, written in read(name, text):
        try:
            seed = _seed(written)
            seeds[seed.key] = seed
        except SeedError as error:
            refused.append(Refusal(place, _shown(written), str(error)))
    if len(seeds) > MAX_SEEDS:
        raise SeedListError(
            f"{name} has {len(seeds):,} seeds and the most is {MAX_SEEDS:,}; split it into several lists."
        )
    if not seeds and not refused:
        raise SeedListError(f"{name} has no seed in it; write at least one.")
    return SeedList(tuple(seeds.values()), tuple(refused))


def _seed(written: object) -> Seed:
    if not isinstance(written, str):
        raise SeedError('It is no text; write the seed in quotes, as in ["HHcLC5acQt"].')
    return parse_seed(written)


def _lines(_name: str, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        seed = _COMMENT.sub("", line).strip()
        if seed:
            yield f"line {number}", seed


def _rows(name: str, text: str) -> Iterator[tuple[str, str]]:
    """The column ``seed``, wherever it stands; programs of some countries separate columns by semicolons."""
    heading = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    column: int | None = None
    line = 1
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells) and column is None:
                column = _column(name, cells)
            elif any(cells) and column is not None:
                yield f"line {line}", cells[column] if column < len(cells) else ""
            line = rows.line_num + 1
    except csv.Error as error:
        raise SeedListError(f"{name} cannot be read from line {line} on ({error}); mend it there.") from error


def _column(name: str, heading: list[str]) -> int:
    names = [cell.casefold() for cell in heading]
    if _COLUMN not in names:
        raise SeedListError(f"{name} has no column {_COLUMN}; write {_COLUMN} on the first line, above the seeds.")
    return names.index(_COLUMN)


def _entries(name: str, text: str) -> Iterator[tuple[str, object]]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = f"{error.msg}, line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise SeedListError(f"{name} is no JSON ({fault}); mend it there.") from error
    if not isinstance(entries, list):
        raise SeedListError(f'{name} is no list; write the seeds as in ["HHcLC5acQt", "@298112588"].')
    for number, entry in enumerate(entries, start=1):
        yield f"entry {number}", entry


def _shown(written: object) -> str:
    text = written if isinstance(written, str) else json.dumps(written)
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    # A report is looked at in terminals, which obey control characters.
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in cut)
