"""The rows of the survey, column by column: only the columns that a question needs are read."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.catalog.names import condition_schema
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.survey.files import SurveyFiles, read_rows
from vwe_dagster.survey.seed_sets import block_number

KEPT_COLUMNS = 64
"""Columns of a depth that are kept in memory: 4 MB each per million rows."""

Places = npt.NDArray[np.int64]


class SurveyRows:
    """The current rows of a survey. The columns last used stay in memory.

    Args:
        files: the files of the data folder.
    """

    def __init__(self, files: SurveyFiles) -> None:
        self.files = files
        self._kept: collections.OrderedDict[tuple[Depth, str], pa.ChunkedArray] = collections.OrderedDict()

    def table(self, depth: Depth, columns: Iterable[str]) -> pa.Table:
        """Return all rows of a depth, in the order of its files.

        Raises:
            StoreError: a file is damaged.
        """
        names = list(columns)
        found = {name: self._kept[depth, name] for name in names if (depth, name) in self._kept}
        missing = [name for name in names if name not in found]
        if missing:
            read = _read(self.files.paths(depth), missing)
            found |= {name: read.column(name) for name in missing}
        for name in names:
            self._kept[depth, name] = found[name]
            self._kept.move_to_end((depth, name))
        while len(self._kept) > KEPT_COLUMNS:
            self._kept.popitem(last=False)
        return pa.table([found[name] for name in names], schema=_schema(names))

    def may_repeat(self, depth: Depth) -> bool:
        """Return whether a seed may have several rows of a depth: blocks are disjoint, other sets need not be."""
        return any(block_number(file.name) is None for file in self.files.current(depth))

    def take(self, depth: Depth, columns: Iterable[str], places: Places) -> pa.Table:
        """Return rows by their places in :meth:`table`; only the files that hold them are read.

        Raises:
            StoreError: a file is damaged.
        """
        names = list(columns)
        if all((depth, name) in self._kept for name in names):
            return self.table(depth, names).take(pa.array(places))
        files = [file for file in self.files.current(depth) if file.rows]
        ends = np.array(list(itertools.accumulate(file.rows for file in files)), np.int64)
        holders, which = np.unique(np.searchsorted(ends, places, "right"), return_inverse=True)
        rows = np.array([files[holder].rows for holder in holders], np.int64)
        starts = ends[holders] - rows
        read = _read([files[holder].path for holder in holders], names)
        return read.take(pa.array(places - starts[which] + (np.cumsum(rows) - rows)[which]))


def _read(paths: Sequence[Path], names: list[str]) -> pa.Table:
    schema = _schema(names)
    with ThreadPoolExecutor(usable_cores()) as threads:
        tables = threads.map(lambda path: read_rows(path, list(names)).select(names).cast(schema), paths)
        # One chunk per column: every later step takes half the time of one over a thousand chunks.
        return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()


def _schema(names: Iterable[str]) -> pa.Schema:
    return pa.schema([condition_schema().field(name) for name in names])
