"""Seed lists: files with many seeds, the notes beside the seeds, and the entries that are rejected.

The suffix decides the form. ``.txt`` has one seed per line with an optional note, see
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
"""Endings of the names of seed lists, in small or capital letters."""

MAX_SEEDS = 10_000
"""Seeds a list may have."""

MAX_BYTES = 4 * 2**20
"""Length of the longest file that is read as a list."""

MAX_REFUSED = 10_000
"""Rejected entries after which the rest of a file is not read: it is not a seed list."""

MAX_NOTE = 200
"""Characters of a note that are kept."""

_COLUMN = "seed"
_NOTE_COLUMNS = ("note", "notes", "comment", "comments", "description")
_DELIMITERS = ",;\t"
_SHOWN = 64

_Entry = tuple[str, object, Line | None]
"""Place, text as written, and the seed with its note; None where it is not a text."""


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
    """The content of a list: at least one seed or one rejected entry.

    Attributes:
        seeds: the seeds, each once, in the order of the list.
        refused: the rejected entries, in the order of the list.
        notes: the note beside a seed, by key; seeds without a note are missing.
    """

    seeds: tuple[Seed, ...]
    refused: tuple[Refusal, ...]
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)


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
    notes: dict[str, str] = {}
    for place, written, line in read(name, text):
        try:
            seed = _seed(line)
            seeds[seed.key] = seed
            if line is not None and line.note:
                notes[seed.key] = _shown(line.note, MAX_NOTE)
        except SeedError as error:
            refused.append(Refusal(place, _shown(written), str(error)))
            if len(refused) > MAX_REFUSED:
                raise SeedListError(
                    f"{name} has more than {MAX_REFUSED:,} entries that are not seeds, the first one at "
                    f"{refused[0].place} ({refused[0].text}): {refused[0].reason} Check that the file is a seed list."
                ) from error
    if len(seeds) > MAX_SEEDS:
        raise SeedListError(
            f"{name} has {len(seeds):,} seeds and the most is {MAX_SEEDS:,}; split it into several lists."
        )
    if not seeds and not refused:
        raise SeedListError(f"{name} has no seed in it; write at least one.")
    return SeedList(tuple(seeds.values()), tuple(refused), notes)


def _seed(line: Line | None) -> Seed:
    if line is None:
        raise SeedError('It is not a text; write the seed in quotes, as in ["HHcLC5acQt"].')
    if line.doubt is not None:
        raise SeedError(
            f"It reads as the seed {_shown(line.seed)!r} with the note {_shown(line.note)!r}, but {line.doubt}; "
            f"write one seed per line and # before a note, as in: HHcLC5acQt # near a boss"
        )
    return parse_seed(line.seed)


def _lines(_name: str, text: str) -> Iterator[_Entry]:
    """Yield the entries of a text; the heading of a Markdown table says which column has the seeds."""
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
    """Yield the column ``seed`` of a table; spreadsheets of some countries separate columns by semicolons."""
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
        raise SeedListError(f"{name} cannot be read from line {line} on ({error}); mend it there.") from error


def _column(name: str, heading: list[str]) -> int:
    names = [cell.casefold() for cell in heading]
    if _COLUMN not in names:
        raise SeedListError(f"{name} has no column {_COLUMN}; write {_COLUMN} on the first line, above the seeds.")
    return names.index(_COLUMN)


def _note_column(names: list[str]) -> int | None:
    return next((names.index(name) for name in _NOTE_COLUMNS if name in names), None)


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _entries(name: str, text: str) -> Iterator[_Entry]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = f"{error.msg}, line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise SeedListError(f"{name} is no JSON ({fault}); mend it there.") from error
    if not isinstance(entries, list):
        raise SeedListError(f'{name} is no list; write the seeds as in ["HHcLC5acQt", "@298112588"].')
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
