"""Rows of the survey as one table, one row per seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.rows import NUMBER, schema_of
from vwe_dagster.survey.files import SurveyFiles, read_files, read_rows


def surveyed_rows(files: SurveyFiles, depth: Depth, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of all seeds surveyed to a depth or a deeper one, one per seed.

    Args:
        files: the files of the data folder.
        depth: the depth whose columns are wanted.
        columns: the columns wanted; None for all of the depth. ``number`` is always the first.

    Raises:
        StoreError: a file is damaged.
    """
    schema = schema_of(depth)
    names = list(dict.fromkeys([NUMBER, *(schema.names if columns is None else columns)]))
    wanted = pa.schema([schema.field(name) for name in names])

    def read(path: Path) -> pa.Table:
        return read_rows(path, names).select(names).cast(wanted)

    found = read_files(files.paths_from(depth), read, wanted)
    _, first = np.unique(found[NUMBER].to_numpy(), return_index=True)
    return found if first.size == found.num_rows else found.take(pa.array(np.sort(first)))


def surveyed_seeds(files: SurveyFiles, depth: Depth) -> npt.NDArray[np.int32]:
    """Return the seeds surveyed to a depth or a deeper one, ascending, int32.

    Raises:
        StoreError: a file is damaged.
    """
    seeds: npt.NDArray[np.int32] = np.sort(surveyed_rows(files, depth, [])[NUMBER].to_numpy())
    return seeds
