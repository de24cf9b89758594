"""Survey seeds: select the next ones and compute their rows in parts, so that a kill loses little.

Several processes can survey at the same time: the process that has the lock of a set of seeds surveys it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.messages import SURVEY_THREADS, Progress, SurveyExport, SurveyRequest
from vwe_dagster.engine.rows import NUMBER, schema_of
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.pool.locks import KernelLock
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.survey.files import SurveyFiles, file_of, folder_of, read_rows, survey_files, write_rows
from vwe_dagster.survey.rows import surveyed_seeds
from vwe_dagster.survey.seed_sets import BLOCK_SEEDS, BLOCKS, SeedSet, block, block_number, sets_of

PART_SEEDS: Mapping[Depth, int] = {Depth.START: 256, Depth.WORLD: 32, Depth.ALL: 16}
"""Seeds per request and core; the file is replaced after each request.

A request takes some seconds, which is the most that a kill loses. Leasing an engine takes some hundredths of a second.
"""


STORED = "stored"
"""The phase after rows were stored; a kill does not lose the seeds added so far."""


class Survey(Protocol):
    """Computes rows, such as :meth:`vwe_dagster.pool.pool.EnginePool.survey`."""

    def __call__(self, request: SurveyRequest, progress: Progress, /) -> SurveyExport:
        """Compute the row of each seed."""


Report = Callable[[float, str], None]
"""Called with the number of seeds added so far, with a fraction for the part in progress, and the name of the phase."""


def no_report(added: float, phase: str) -> None:
    """A :data:`Report` that does nothing."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The numbers of seeds that a survey added and skipped.

    Attributes:
        added: seeds whose rows were computed.
        known: seeds that had a row already.
        busy: seeds of sets that another process is surveying.
    """

    added: int
    known: int = 0
    busy: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        """Return the sum of two outcomes."""
        return Outcome(self.added + other.added, self.known + other.known, self.busy + other.busy)


def survey_more(store: WorldStore, count: int, depth: Depth, survey: Survey, report: Report = no_report) -> Outcome:
    """Survey ``count`` more seeds: the first ones of the permutation that have no current row.

    Args:
        store: the data folder.
        count: the number of seeds to add.
        depth: how much of each world is computed.
        survey: computes rows.
        report: called as seeds are added.

    Raises:
        StoreError: the data folder cannot be read or written.
        EngineError: the rows could not be computed.
    """
    outcome = Outcome(0)
    for number in unfinished_blocks(survey_files(store), depth):
        left = count - outcome.added
        if left <= 0:
            break
        outcome += survey_set(store, block(number), depth, survey, most=left, report=_after(report, outcome.added))
    return dataclasses.replace(outcome, known=0, busy=0)


def survey_seeds(
    store: WorldStore, seeds: npt.NDArray[np.int64], depth: Depth, survey: Survey, report: Report = no_report
) -> Outcome:
    """Survey the given seeds except those that have a current row; see :func:`survey_more`."""
    known = surveyed_seeds(survey_files(store), depth)
    outcome = Outcome(0)
    for one in sets_of(seeds):
        new = one.seeds[~np.isin(one.seeds, known, assume_unique=True)]
        outcome += Outcome(0, known=one.seeds.size - new.size)
        if new.size:
            wanted = SeedSet(one.name, new)
            outcome += survey_set(store, wanted, depth, survey, report=_after(report, outcome.added))
    return outcome


def unfinished_blocks(files: SurveyFiles, depth: Depth) -> Iterator[int]:
    """Yield the numbers of the blocks that lack rows, ascending."""
    finished = {block_number(file.name) for file in files.current(depth) if file.rows == BLOCK_SEEDS}
    return (number for number in range(BLOCKS) if number not in finished)


def survey_set(
    store: WorldStore,
    wanted: SeedSet,
    depth: Depth,
    survey: Survey,
    *,
    most: int | None = None,
    report: Report = no_report,
) -> Outcome:
    """Survey the seeds of a set that have no row in its file; rows in a file of another version are replaced.

    Args:
        store: the data folder.
        wanted: the seeds.
        depth: how much of each world is computed.
        survey: computes rows.
        most: the largest number of seeds to add; None for all.
        report: called as seeds are added.

    Raises:
        StoreError: the data folder cannot be read or written.
        EngineError: the rows could not be computed; those of earlier parts are stored.
    """
    with _locked(store, depth, wanted.name) as is_ours:
        if not is_ours:
            return Outcome(0, busy=wanted.seeds.size)
        path = file_of(store, depth, wanted.name)
        table = _stored(store, depth, wanted.name)
        new = wanted.seeds[~np.isin(wanted.seeds, table[NUMBER].to_numpy())]
        known, new = wanted.seeds.size - new.size, new[:most]
        step = PART_SEEDS[depth] * min(usable_cores(), SURVEY_THREADS)
        for first in range(0, new.size, step):
            part = tuple(new[first : first + step].tolist())
            export = survey(SurveyRequest(part, depth), _progress_of(report, first, len(part)))
            export.confirm()
            table = pa.concat_tables([table, export.table])
            write_rows(path, table)
            report(first + len(part), STORED)
    return Outcome(new.size, known=known)


@contextlib.contextmanager
def _locked(store: WorldStore, depth: Depth, name: str) -> Iterator[bool]:
    folder = folder_of(store, depth)
    with disk_errors_explained(store.root):
        folder.mkdir(parents=True, exist_ok=True)
    lock = KernelLock(folder / f".{name}.survey-lock")
    is_ours = lock.acquire()
    try:
        yield is_ours
    finally:
        lock.remove()


def _stored(store: WorldStore, depth: Depth, name: str) -> pa.Table:
    """Return the current rows of a set; none if its file is missing, stale or damaged."""
    schema = schema_of(depth)
    with contextlib.suppress(FileNotFoundError, StoreError):
        table = read_rows(file_of(store, depth, name))
        if table.schema.equals(schema, check_metadata=True):
            return table
    return schema.empty_table()


def _progress_of(report: Report, before: int, count: int) -> Progress:
    return lambda fraction, phase: report(before + fraction * count, phase)


def _after(report: Report, before: int) -> Report:
    return lambda added, phase: report(before + added, phase)
