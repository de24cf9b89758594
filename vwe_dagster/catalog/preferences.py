"""Preferences for small or large values of columns, and the score of a row by its rank in each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vwe_dagster.catalog.names import column_name, condition_schema
from vwe_dagster.catalog.query_error import QueryError, QueryFault

_PREFERENCE = re.compile(
    r"(?P<name>[A-Za-z_]\w*)(?:\s+(?P<order>asc|desc))?(?:\s+x\s*(?P<weight>\d+(?:\.\d+)?))?", re.IGNORECASE
)

MAX_WEIGHT = 1_000_000
_MAX_SHOWN_LENGTH = 100

Values = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Preference:
    """A preference for small or large values of a column. It ranks rows and excludes none.

    Attributes:
        column: the column.
        descending: true if the largest values are the best ones.
        weight: its weight among other preferences, greater than 0, at most :data:`MAX_WEIGHT`.
    """

    column: str
    descending: bool = False
    weight: float = 1.0

    def __str__(self) -> str:
        """Return the preference as a text for :func:`parse_preferences`."""
        return f"{self.column} {'desc' if self.descending else 'asc'} x{self.weight:g}"


def parse_preferences(texts: Iterable[str]) -> tuple[Preference, ...]:
    """Parse preferences: ``haldor``, ``start_land_km2 desc``, ``swamp asc x2``; commas separate several.

    Small values are preferred unless ``desc`` follows. ``x2`` doubles the weight.

    Raises:
        QueryError: a text is not a preference, its column is unknown or has no numbers, or a column is named twice.
    """
    preferences = [_parsed(part.strip()) for text in texts for part in text.split(",")]
    columns = [preference.column for preference in preferences]
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise QueryError(
            f"Two preferences name the column {twice}; keep one of them.", QueryFault.REPEATED_COLUMN, column=twice
        )
    return tuple(preferences)


def percentiles(preference: Preference, values: Values, among: Values) -> Values:
    """Return the percentiles of values, 0 to 100: the percentage of worse rows plus half the percentage of equal ones.

    Args:
        preference: the preference, which defines the order.
        values: the values to rank; the percentile of NaN is 0.
        among: the values of all rows, including ``values``; rows with NaN are worse than all others.
    """
    known = np.sort(among[~np.isnan(among)])
    below, up_to = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    worse = below if preference.descending else known.size - up_to
    without = among.size - known.size
    ranks = (without + worse + (up_to - below) / 2) / max(among.size, 1)
    return np.where(np.isnan(values), 0.0, 100 * ranks)


def score(preferences: Sequence[Preference], ranks: Sequence[Values]) -> Values:
    """Return the weighted means of the percentiles of several preferences, 0 to 100."""
    return np.average(np.stack(ranks), axis=0, weights=[preference.weight for preference in preferences])


def numbers(column: pa.ChunkedArray) -> Values:
    """Return a column as float64, NaN for null."""
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _parsed(text: str) -> Preference:
    match = _PREFERENCE.fullmatch(text)
    if match is None:
        raise QueryError(
            f'The preference {text!r} is not a column with an order and a weight; write one such as: "swamp asc x2"',
            QueryFault.INVALID_PREFERENCE,
            preference=text[:_MAX_SHOWN_LENGTH],
        )
    column = column_name(match["name"])
    kind = condition_schema().field(column).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise QueryError(
            f"The column {column} has no numbers; choose another column for the preference.",
            QueryFault.NO_NUMBERS,
            column=column,
        )
    weight = float(match["weight"] or 1)
    if not 0 < weight <= MAX_WEIGHT:
        raise QueryError(
            f"The weight of the preference {text[:_MAX_SHOWN_LENGTH]!r} is not above 0 and at most {MAX_WEIGHT:,}; "
            f"write another one, or remove the preference.",
            QueryFault.INVALID_WEIGHT,
            preference=text[:_MAX_SHOWN_LENGTH],
            most=MAX_WEIGHT,
        )
    return Preference(column, (match["order"] or "asc").lower() == "desc", weight)
