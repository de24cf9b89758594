"""The rows of the survey by column, because a question needs few columns.

A column of many files is cached in one file below ``catalog/survey/`` in the data folder: reading the footers of
hundreds of files takes longer than reading their values.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.catalog.names import condition_schema
from vwe_dagster.engine.rows import stamps_of
from vwe_dagster.files.atomic import write_atomically
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.survey.files import SurveyFile, SurveyFiles, read_files, read_rows, survey_files
from vwe_dagster.survey.seed_sets import block_number

KEPT_COLUMNS = 64
"""Number of columns that are cached in memory: 4 MB each per million rows."""

MANY_FILES = 100
"""Number of files from which on a column is cached in one file: reading 100 files takes 50 ms, the cached column 1 ms.
"""

_DIGEST = b"vwe.files"

Indices = npt.NDArray[np.int64]


class SurveyRows:
    """The current rows of a survey. The most recently used columns stay in memory.

    A file that is damaged behind a valid footer has null in place of the values that cannot be read.

    Args:
        files: the files of the data folder.
        kept: the folder of cached columns; None to cache none on disk.
        list_files: returns the present files, for :meth:`reloaded`.
    """

    def __init__(
        self, files: SurveyFiles, kept: Path | None = None, list_files: Callable[[], SurveyFiles] | None = None
    ) -> None:
        self.files = files
        self._list_files = list_files
        self._damaged: set[Path] = set()
        self._folder = kept
        self._kept: collections.OrderedDict[tuple[Depth, str], pa.ChunkedArray] = collections.OrderedDict()

    def table(self, depth: Depth, columns: Iterable[str]) -> pa.Table:
        """Return all rows of a depth, in the order of its files.

        Raises:
            FileNotFoundError: a file vanished since the files were listed; see :meth:`reloaded`.
        """
        names = list(columns)
        found = {name: self._kept[depth, name] for name in names if (depth, name) in self._kept}
        missing = [name for name in names if name not in found]
        if missing:
            read = self._read(depth, missing)
            found |= {name: read.column(name) for name in missing}
        for name in names:
            self._kept[depth, name] = found[name]
            self._kept.move_to_end((depth, name))
        while len(self._kept) > KEPT_COLUMNS:
            self._kept.popitem(last=False)
        return pa.table([found[name] for name in names], schema=_schema(names))

    def reloaded(self) -> SurveyRows:
        """Return the rows of the present files; nothing is in memory.

        Raises:
            StoreError: the data folder cannot be read.
        """
        return SurveyRows(self._list_files() if self._list_files else self.files, self._folder, self._list_files)

    def size(self, depth: Depth) -> int:
        """Return the number of rows of a depth."""
        return sum(file.rows for file in self._files(depth))

    def damaged_files(self) -> tuple[Path, ...]:
        """Return the files that cannot be read, as far as they were read."""
        listed = {file.path for depth in Depth for file in self.files.damaged(depth)}
        return tuple(sorted(listed | self._damaged))

    def damaged_indices(self, depth: Depth) -> Indices:
        """Return the indices of the rows of damaged files in :meth:`table`, as far as they were read."""
        files = self._files(depth)
        ends = list(itertools.accumulate(file.rows for file in files))
        damaged = [
            np.arange(end - file.rows, end) for file, end in zip(files, ends, strict=True) if file.path in self._damaged
        ]
        return np.concatenate([np.empty(0, np.int64), *damaged])

    def may_repeat(self, depth: Depth) -> bool:
        """Return whether a seed may have several rows of a depth: blocks are disjoint, other sets may overlap."""
        return any(block_number(file.name) is None for file in self.files.current(depth))

    def take(self, depth: Depth, columns: Iterable[str], indices: Indices) -> pa.Table:
        """Return rows by their indices in :meth:`table`; only the files with these rows are read.

        Raises:
            StoreError: a file vanished since the files were listed.
        """
        names = list(columns)
        if all((depth, name) in self._kept for name in names):
            return self.table(depth, names).take(pa.array(indices))
        files = self._files(depth)
        ends = np.array(list(itertools.accumulate(file.rows for file in files)), np.int64)
        holders, which = np.unique(np.searchsorted(ends, indices, "right"), return_inverse=True)
        rows = np.array([files[holder].rows for holder in holders], np.int64)
        starts = ends[holders] - rows
        try:
            read = self._read_files([files[holder] for holder in holders], names)
        except FileNotFoundError as error:
            raise StoreError(
                f"The survey changed while the question was answered: {error.filename or error} is missing; ask again."
            ) from error
        return read.take(pa.array(indices - starts[which] + (np.cumsum(rows) - rows)[which]))

    def _read(self, depth: Depth, names: list[str]) -> pa.Table:
        """Read columns from cached files if these are current, else from the survey, and cache them."""
        files = self._files(depth)
        if self._folder is None or len(files) < MANY_FILES:
            return self._read_files(files, names)
        folder, digest = self._folder / depth.value, self._digest(depth)
        found = {name: column for name in names if (column := _kept_column(folder, name, digest)) is not None}
        missing = [name for name in names if name not in found]
        if missing:
            read = self._read_files(files, missing)
            for name in missing:
                if not self._damaged:
                    _keep_column(folder, name, digest, read.select([name]))
                found[name] = read.column(name)
        return pa.table([found[name] for name in names], schema=_schema(names))

    def _read_files(self, files: Sequence[SurveyFile], names: list[str]) -> pa.Table:
        schema = _schema(names)

        def rows_of(file: SurveyFile) -> pa.Table:
            try:
                # A survey may have added rows since the file was listed; without them the indices of all columns agree.
                read = read_rows(file.path, list(names)).select(names).slice(0, file.rows).cast(schema)
            except StoreError:
                self._damaged.add(file.path)
                return pa.table([pa.nulls(file.rows, field.type) for field in schema], schema=schema)
            return pa.table([without_nan(column) for column in read.columns], schema=schema)

        # One chunk per column: every later step takes half the time of one over a thousand chunks.
        return read_files(files, rows_of, schema).combine_chunks()

    def _files(self, depth: Depth) -> list[SurveyFile]:
        return [file for file in self.files.current(depth) if file.rows]

    def _digest(self, depth: Depth) -> bytes:
        """Return a digest that changes with the rows of a depth.

        The name of a file and the current stamps determine its values; only the number of rows grows.
        """
        parts = [stamps_of(depth).digest, *(f"{file.name}:{file.rows}" for file in self.files.current(depth))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest().encode()


def _kept_column(folder: Path, name: str, digest: bytes) -> pa.ChunkedArray | None:
    """Return a cached column; None if it is missing, damaged or computed from other rows."""
    try:
        with pa.memory_map(str(folder / f"{name}.arrow")) as source, pa.ipc.open_file(source) as file:
            is_current = (file.schema.metadata or {}).get(_DIGEST) == digest
            return file.read_all().cast(_schema([name])).column(name) if is_current else None
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None


def _keep_column(folder: Path, name: str, digest: bytes, column: pa.Table) -> None:
    # The file only saves time, so a full disk does not matter.
    with contextlib.suppress(OSError, StoreError), pa.BufferOutputStream() as memory:
        with pa.ipc.new_file(memory, column.schema.with_metadata({_DIGEST: digest})) as writer:
            writer.write_table(column)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{name}.arrow", memory.getvalue().to_pybytes())


def survey_rows(store: WorldStore) -> SurveyRows:
    """Return the current rows of a data folder.

    Raises:
        StoreError: the data folder cannot be read.
    """
    return SurveyRows(survey_files(store), store.root / "catalog" / "survey", lambda: survey_files(store))


def without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with null in place of NaN, which conditions would treat as the greatest number."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def _schema(names: Iterable[str]) -> pa.Schema:
    return pa.schema([condition_schema().field(name) for name in names])
