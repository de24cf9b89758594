"""The columns of a survey whose values distinguish seeds best."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vwe_dagster.engine.rows import NUMBER

_LEAST_DISTINCT = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Distribution:
    """The values of one column.

    Attributes:
        name: the column.
        samples: all values that are not null, as float64.
        spread: the range from the 10th to the 90th percentile, divided by the range of all values.
        least_seed, greatest_seed: seeds with the least and the greatest value.
    """

    name: str
    samples: npt.NDArray[np.float64]
    spread: float
    least_seed: int
    greatest_seed: int


def distributions(table: pa.Table, most: int) -> list[Distribution]:
    """Return the distributions of the columns that spread most evenly over their range.

    Args:
        table: rows of a survey.
        most: the largest number of columns.
    """
    found = [_distribution(table, name) for name in table.column_names if name != NUMBER]
    usable = [each for each in found if each is not None and np.unique(each.samples).size >= _LEAST_DISTINCT]
    return sorted(usable, key=lambda each: -each.spread)[:most]


def _distribution(table: pa.Table, name: str) -> Distribution | None:
    rows = table.select([NUMBER, name]).drop_null()
    if not rows.num_rows:
        return None
    seeds, values = rows[NUMBER].to_numpy(), rows[name].to_numpy().astype(np.float64)
    low, high = np.percentile(values, [10, 90])
    extent = float(np.ptp(values))
    return Distribution(
        name,
        values,
        float(high - low) / extent if extent else 0.0,
        int(seeds[values.argmin()]),
        int(seeds[values.argmax()]),
    )
