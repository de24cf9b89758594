"""The columns of conditions, their short names, and suggestions for misspelled names."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Mapping

import pyarrow as pa

from vwe_dagster.analysis.columns import COLUMNS as ROW_COLUMNS
from vwe_dagster.analysis.columns import ColumnType
from vwe_dagster.catalog.query_error import QueryError, QueryFault
from vwe_dagster.catalog.table import COLUMNS as CATALOG_COLUMNS
from vwe_dagster.text.commands import vwe_command

SEED_COLUMNS = ("seed", "number")
"""The columns that identify a seed; rows of worlds and of the survey have them."""

WORLD_COLUMNS: Mapping[str, str] = {
    "note": "Note of the seed, set by vwe seeds add or a seed list.",
    "grid_size": "Samples along each side of the world's map.",
    "engine": "Kind and version of the engine that generated the world.",
    "made_at": "Time at which the statistics of the world were computed.",
    "stale": "True if the statistics were computed from former planes or by a former version.",
}
"""The columns that only built worlds have, and their meanings."""

_TYPES = {ColumnType.COUNT: pa.int32(), ColumnType.MEASURE: pa.float32()}
_CLOSE_ENOUGH = 0.6
_MAX_SHOWN_LENGTH = 60


@functools.cache
def condition_schema() -> pa.Schema:
    """Return the columns of conditions with their types."""
    types = {name: CATALOG_COLUMNS[name] for name in (*SEED_COLUMNS, *WORLD_COLUMNS)}
    types |= {name: _TYPES[column.type] for name, column in ROW_COLUMNS.items()}
    return pa.schema(types)


def column_name(word: str) -> str:
    """Return the column of a name or a short name, ignoring case.

    Raises:
        QueryError: the name is unknown; the message suggests similar ones.
    """
    name = _names().get(word.lower())
    if name is None:
        raise _unknown(word)
    return name


@dataclasses.dataclass(frozen=True)
class ColumnHelp:
    """A column as ``vwe find --columns`` lists it.

    Attributes:
        name: its name.
        short: its other names.
        unit: the unit of its values; empty for a count, a text or a time.
        depth: the shallowest depth of the survey that has it; ``world only`` if only built worlds do.
        meaning: its definition.
    """

    name: str
    short: tuple[str, ...]
    unit: str
    depth: str
    meaning: str


def column_helps() -> list[ColumnHelp]:
    """Return all columns of conditions, in order."""
    return [
        ColumnHelp("seed", (), "", "start", "The seed as typed; @ and its integer for a seed of the survey."),
        ColumnHelp("number", (), "", "start", "The integer of the seed."),
        *(
            ColumnHelp(name, column.short, column.unit, column.depth.value, column.meaning)
            for name, column in ROW_COLUMNS.items()
        ),
        *(ColumnHelp(name, (), "", "world only", meaning) for name, meaning in WORLD_COLUMNS.items()),
    ]


@functools.cache
def _names() -> Mapping[str, str]:
    short = {word.lower(): name for name, column in ROW_COLUMNS.items() for word in column.short}
    return short | {name: name for name in condition_schema().names}


def _unknown(word: str) -> QueryError:
    close = _similar(word.lower())
    meant = f"did you mean {' or '.join(close)}? List" if close else "list"
    shown = word if len(word) <= _MAX_SHOWN_LENGTH else f"{word[:_MAX_SHOWN_LENGTH]}..."
    return QueryError(
        f"There is no column {shown}; {meant} all columns with: {vwe_command('find', '--columns')}",
        QueryFault.MISSPELLED_COLUMN if close else QueryFault.UNKNOWN_COLUMN,
        name=shown,
        similar=close,
    )


def _similar(word: str) -> list[str]:
    """Return up to three names, the likeliest first; a short name stands for its column."""
    known = [*dict.fromkeys(_names())]
    starting = [name for name in known if name.startswith(f"{word}_")] if len(word) > 1 else []
    found = [*difflib.get_close_matches(word, known, n=3, cutoff=_CLOSE_ENOUGH), *starting]
    if not found:
        # A former or guessed name often shares its subject with a present one: swamp_nearest_m and swamp_first_m.
        subject = word.partition("_")[0]
        found = [name for name in known if subject and (name == subject or name.startswith(f"{subject}_"))]
    return list(dict.fromkeys(found))[:3]
