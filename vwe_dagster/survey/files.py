"""The files of the survey: one Parquet file per depth and set of seeds, below ``survey/`` in the data folder.

Readers begin with :func:`survey_files`, which classifies the files. A file has the rows of the first seeds of its set
and is replaced as a whole, so that it is valid at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.rows import columns_digest, digest_of, stamps_of
from vwe_dagster.files.atomic import replace_file, write_atomically, write_to_disk
from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.survey.seed_sets import is_set_name

FOLDER = "survey"
SUFFIX = ".parquet"

_INDEX = ".index.json"
_MAX_INDEX_BYTES = 2**28
_COLUMNS_STAMP = b"vwe.columns"

_File = TypeVar("_File")


class FileState(enum.StrEnum):
    """Whether searches use the rows of a file, or why they do not."""

    CURRENT = "current"
    """Computed by this version of the terrain, the statistics and the location table."""
    STALE = "stale"
    """Computed by another version; a survey of its seeds replaces it."""
    DAMAGED = "damaged"
    """Unreadable, or its columns differ from its stamps."""


@dataclasses.dataclass(frozen=True)
class SurveyFile:
    """A file of rows.

    Attributes:
        path: its path.
        rows: number of rows; 0 if damaged.
        state: whether searches use its rows.
    """

    path: Path
    rows: int
    state: FileState

    @property
    def name(self) -> str:
        """Name of the block or set."""
        return self.path.stem


@dataclasses.dataclass(frozen=True)
class SurveyFiles:
    """The files of a data folder.

    Attributes:
        files: all files by depth, in the order of their names.
    """

    files: Mapping[Depth, tuple[SurveyFile, ...]]

    def current(self, depth: Depth) -> list[SurveyFile]:
        """Return the current files of one depth."""
        return self._in_state(depth, FileState.CURRENT)

    def paths(self, depth: Depth) -> list[Path]:
        """Return the current files of one depth that have rows."""
        return [file.path for file in self.current(depth) if file.rows]

    def paths_from(self, depth: Depth) -> list[Path]:
        """Return the current files that have the columns of a depth: its own and deeper ones, the deepest first.

        A seed may have a row in several files. Its values are the same in each, so any of its rows can be used.
        """
        return [path for deeper in reversed(Depth) if depth in deeper.includes for path in self.paths(deeper)]

    def rows(self, depth: Depth) -> int:
        """Return the number of rows in the current files of one depth."""
        return sum(file.rows for file in self.current(depth))

    def stale(self, depth: Depth) -> list[SurveyFile]:
        """Return the stale files of one depth."""
        return self._in_state(depth, FileState.STALE)

    def stale_rows(self, depth: Depth) -> int:
        """Return the number of rows in the stale files of one depth."""
        return sum(file.rows for file in self.stale(depth))

    def damaged(self, depth: Depth) -> list[SurveyFile]:
        """Return the damaged files of one depth."""
        return self._in_state(depth, FileState.DAMAGED)

    def _in_state(self, depth: Depth, state: FileState) -> list[SurveyFile]:
        return [file for file in self.files[depth] if file.state is state]


def survey_files(store: WorldStore) -> SurveyFiles:
    """Return the files of a data folder; only new and changed files are opened.

    Raises:
        StoreError: the data folder cannot be read.
    """
    with disk_errors_explained(store.root):
        return SurveyFiles({depth: _files_of(store, depth) for depth in Depth})


def folder_of(store: WorldStore, depth: Depth) -> Path:
    """Return the folder of the files of a depth."""
    return store.root / FOLDER / depth.value


def file_of(store: WorldStore, depth: Depth, name: str) -> Path:
    """Return the path of the file of a block or set."""
    return folder_of(store, depth) / f"{name}{SUFFIX}"


def read_rows(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Return the rows of a file after checking the sums of its pages.

    Args:
        path: the file.
        columns: the columns to read; None for all.

    Raises:
        StoreError: the file is damaged.
        FileNotFoundError: the file does not exist.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(columns=columns, use_threads=False)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError) as error:
        raise StoreError(
            f"The survey file {path} is damaged ({_first_line(error)}); delete it, then survey its seeds again."
        ) from error


def read_files(files: Sequence[_File], read: Callable[[_File], pa.Table], schema: pa.Schema) -> pa.Table:
    """Return the rows of files as one table, in the order of the files, which are read concurrently.

    Args:
        files: the files.
        read: returns the rows of one file with this schema; called in several threads.
        schema: the schema of the rows, also if there are no files.
    """
    with ThreadPoolExecutor(usable_cores()) as threads:
        return pa.concat_tables([schema.empty_table(), *threads.map(read, files)])


def write_rows(path: Path, table: pa.Table) -> None:
    """Replace the file of a block or set as a whole; its stamps are the metadata of the table's schema.

    Raises:
        StoreError: the disk is full or not writable.
    """
    with pa.BufferOutputStream() as memory:
        # Arrow's own schema and column statistics would take as much space as 60 rows.
        with pq.ParquetWriter(
            memory,
            table.schema,
            compression="zstd",
            write_statistics=False,
            store_schema=False,
            write_page_checksum=True,
        ) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata(table.schema.metadata or {})
        content = memory.getvalue().to_pybytes()
    with disk_errors_explained(path.parents[2]), replace_file(path) as draft:
        write_to_disk(draft, content)


@dataclasses.dataclass(frozen=True)
class _Footer:
    """The footer of a file.

    Attributes:
        trace: inode, size and time of the file, which change when the file does.
        stamps: digest of its stamps; empty if damaged.
        rows: number of rows.
    """

    trace: str
    stamps: str
    rows: int


def _files_of(store: WorldStore, depth: Depth) -> tuple[SurveyFile, ...]:
    folder = folder_of(store, depth)
    former = _read_index(folder)
    footers = {}
    for path, trace in _traces(folder):
        known = former.get(path.name)
        footers[path] = known if known is not None and known.trace == trace else _read_footer(path, trace)
    if {path.name: footer for path, footer in footers.items()} != former:
        _write_index(folder, footers)
    expected = stamps_of(depth).digest
    return tuple(SurveyFile(path, footer.rows, _state(footer, expected)) for path, footer in sorted(footers.items()))


def _state(footer: _Footer, expected: str) -> FileState:
    if not footer.stamps:
        return FileState.DAMAGED
    return FileState.CURRENT if footer.stamps == expected else FileState.STALE


def _traces(folder: Path) -> Iterator[tuple[Path, str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            name, suffix = os.path.splitext(entry.name)  # noqa: PTH122  a Path per file doubles the time
            if suffix == SUFFIX and is_set_name(name):
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat()
                    yield Path(entry.path), f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"


def _read_footer(path: Path, trace: str) -> _Footer:
    try:
        footer = pq.read_metadata(path)
        schema = footer.schema.to_arrow_schema()
    except (pa.ArrowException, OSError):
        return _Footer(trace, "", 0)
    metadata = footer.metadata or {}
    if metadata.get(_COLUMNS_STAMP, b"").decode(errors="replace") != columns_digest(schema):
        return _Footer(trace, "", 0)
    return _Footer(trace, digest_of(metadata), footer.num_rows)


def _read_index(folder: Path) -> dict[str, _Footer]:
    """Return the footers as last read, by file name; empty if the index is missing or invalid."""
    try:
        known = json.loads(read_file(folder / _INDEX, _MAX_INDEX_BYTES))
        return {str(name): _Footer(str(trace), str(stamps), int(rows)) for name, (trace, stamps, rows) in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write_index(folder: Path, footers: Mapping[Path, _Footer]) -> None:
    content = {path.name: dataclasses.astuple(footer) for path, footer in footers.items()}
    # The index only saves time, so a full disk does not matter.
    with contextlib.suppress(OSError):
        write_atomically(folder / _INDEX, json.dumps(content).encode())


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
