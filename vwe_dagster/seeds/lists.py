"""Parse seed lists: files of seeds with notes. The parser reports invalid entries and continues.

The suffix decides the format. ``.txt`` has one seed per line with an optional note, see
:mod:`vwe_dagster.seeds.list_lines`, or a Markdown table. ``.csv`` has a column ``seed`` and optionally a column
``note``. ``.json`` is a list of strings, or of objects with ``seed`` and optionally ``note``.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.seeds.list_lines import Line, cleaned, is_table_row, read_line, table_cells, table_row_doubt
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.text.printable import escape_unprintable

SUFFIXES = (".txt", ".csv", ".json")
"""Suffixes of seed lists, in upper or lower case."""

MAX_SEEDS = 10_000
"""Maximum number of seeds in a list."""

MAX_BYTES = 4 * 2**20
"""Maximum length of a list file."""

MAX_REJECTED = 10_000
"""Number of rejected entries above which the whole file is rejected: it is not a seed list."""

MAX_NOTE = 200
"""Length in characters to which notes are cut."""

_COLUMN = "seed"
_NOTE_COLUMNS = ("note", "notes", "comment", "comments", "description")
_DELIMITERS = ",;\t"
_SHOWN = 64

_Entry = tuple[str, object, Line | None]
"""Place, entry as written, and parsed line; the line is None for a JSON entry that is not a string."""


class SeedListError(ValueError):
    """Raised for a file that cannot be read as a seed list; the message is one sentence with cause and remedy."""


@dataclasses.dataclass(frozen=True)
class RejectedEntry:
    """An entry of a list that is not a valid seed.

    Attributes:
        place: ``line 3``, or ``entry 3`` in JSON, counted from 1.
        text: the entry on one line, cut to 64 characters, unprintable characters escaped.
        reason: a sentence with the cause and the remedy.
    """

    place: str
    text: str
    reason: str


@dataclasses.dataclass(frozen=True)
class SeedList:
    """Parsed content of a list: at least one seed or one rejected entry.

    Attributes:
        seeds: the seeds, each once, in the order of the list.
        rejected: the rejected entries, in the order of the list.
        notes: notes by seed key, for the seeds that have one.
    """

    seeds: tuple[Seed, ...]
    rejected: tuple[RejectedEntry, ...]
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)


def read_seed_list(path: Path) -> SeedList:
    """Read a seed list.

    Raises:
        SeedListError: the file cannot be read, or is not a seed list.
    """
    try:
        content = read_file(path, MAX_BYTES + 1)
    except OSError as error:
        raise SeedListError(f"{path} cannot be read ({error.strerror}); name a readable file.") from error
    return parse_seed_list(path.name, content)


def parse_seed_list(name: str, content: bytes) -> SeedList:
    """Parse the content of a seed list.

    Args:
        name: file name; its suffix decides the format.
        content: UTF-8, with or without a byte order mark.

    Raises:
        SeedListError: the content is not a seed list, has no entry at all, or exceeds a limit.
    """
    read = {".txt": _lines, ".csv": _rows, ".json": _entries}.get(Path(name).suffix.lower())
    if read is None:
        raise SeedListError(f"{name} is not a seed list; the file name must end in {', '.join(SUFFIXES)}.")
    if len(content) > MAX_BYTES:
        raise SeedListError(f"{name} is longer than {MAX_BYTES // 2**20} MiB; split it into several lists.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SeedListError(f"{name} is not UTF-8 text (byte {error.start + 1}); save it as UTF-8.") from error
    seeds: dict[str, Seed] = {}
    rejected: list[RejectedEntry] = []
    notes: dict[str, str] = {}
    for place, written, line in read(name, text):
        try:
            seed = _seed(line)
            seeds[seed.key] = seed
            if line is not None and line.note:
                notes[seed.key] = _shown(line.note, MAX_NOTE)
        except SeedError as error:
            rejected.append(RejectedEntry(place, _shown(written), str(error)))
            if len(rejected) > MAX_REJECTED:
                raise SeedListError(
                    f"{name} has more than {MAX_REJECTED:,} entries that are not seeds, the first one at "
                    f"{rejected[0].place} ({rejected[0].text}): {rejected[0].reason} "
                    "Check that the file is a seed list."
                ) from error
    if len(seeds) > MAX_SEEDS:
        raise SeedListError(
            f"{name} has {len(seeds):,} seeds, more than the limit of {MAX_SEEDS:,}; split it into several lists."
        )
    if not seeds and not rejected:
        raise SeedListError(f"{name} has no seeds; write at least one.")
    return SeedList(tuple(seeds.values()), tuple(rejected), notes)


def _seed(line: Line | None) -> Seed:
    if line is None:
        raise SeedError('The entry is not a string; write the seed in quotes, as in ["HHcLC5acQt"].')
    if line.doubt is not None:
        raise SeedError(
            f"The line reads as the seed {_shown(line.seed)!r} with the note {_shown(line.note)!r}, but {line.doubt}; "
            f"write one seed per line and # before a note, as in: HHcLC5acQt # near a boss"
        )
    return parse_seed(line.seed)


def _lines(_name: str, text: str) -> Iterator[_Entry]:
    """Yield the entries of a text file; a Markdown table with a heading ``seed`` has its seeds in that column."""
    columns: tuple[int, int | None] | None = None
    for number, written in enumerate(io.StringIO(text, newline=None), start=1):
        place = f"line {number}"
        if not is_table_row(written):
            columns = None
            line = read_line(written)
            if line.seed or line.doubt:
                yield place, cleaned(written), line
            continue
        cells = table_cells(written)
        if cells is None or not any(cells):
            continue
        names = [cell.casefold() for cell in cells]
        if columns is None and _COLUMN in names:
            columns = names.index(_COLUMN), _note_column(names)
            continue
        if columns is not None:
            yield place, cleaned(written), Line(_cell(cells, columns[0]), _cell(cells, columns[1]))
        else:
            yield place, cleaned(written), Line(cells[0], _cell(cells, 1), table_row_doubt(cells[0], cells[1:]))


def _rows(name: str, text: str) -> Iterator[_Entry]:
    """Yield the entries of a CSV file; spreadsheets of some countries separate columns by semicolons."""
    heading = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    column: int | None = None
    note: int | None = None
    line = 1
    try:
        for row in rows:
            cells = [cleaned(cell) for cell in row]
            if any(cells) and column is None:
                column = _column(name, cells)
                note = _note_column([cell.casefold() for cell in cells])
            elif any(cells) and column is not None:
                seed = _cell(cells, column)
                yield f"line {line}", seed, Line(seed, _cell(cells, note))
            line = rows.line_num + 1
    except csv.Error as error:
        raise SeedListError(f"{name} is not valid CSV from line {line} on ({error}); correct that line.") from error


def _column(name: str, heading: list[str]) -> int:
    names = [cell.casefold() for cell in heading]
    if _COLUMN not in names:
        raise SeedListError(f"{name} has no column {_COLUMN}; write {_COLUMN} in the first line, above the seeds.")
    return names.index(_COLUMN)


def _note_column(names: list[str]) -> int | None:
    return next((names.index(name) for name in _NOTE_COLUMNS if name in names), None)


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _entries(name: str, text: str) -> Iterator[_Entry]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = "a value is too long or too deeply nested"
        if isinstance(error, json.JSONDecodeError):
            fault = f"{error.msg}, line {error.lineno}"
        raise SeedListError(f"{name} is not valid JSON ({fault}); correct it.") from error
    if not isinstance(entries, list):
        raise SeedListError(f'{name} is not a JSON list; write the seeds as in ["HHcLC5acQt", "@298112588"].')
    for number, entry in enumerate(entries, start=1):
        place = f"entry {number}"
        if isinstance(entry, dict) and isinstance(entry.get(_COLUMN), str):
            note = entry.get("note")
            yield place, entry[_COLUMN], Line(cleaned(entry[_COLUMN]), note if isinstance(note, str) else "")
        else:
            yield place, entry, Line(cleaned(entry)) if isinstance(entry, str) else None


def _shown(written: object, length: int = _SHOWN) -> str:
    """Return an entry on one line, cut to ``length``, with control characters escaped: terminals obey them."""
    text = written if isinstance(written, str) else json.dumps(written)
    return escape_unprintable(text if len(text) <= length else f"{text[:length]}…")
