"""Search the seeds of built worlds and of the survey for the matches of a question, and order them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vwe_dagster.analysis.columns import COLUMNS as ROW_COLUMNS
from vwe_dagster.analysis.columns import Depth
from vwe_dagster.catalog.conditions import TIME_LIMIT_S, Condition
from vwe_dagster.catalog.names import WORLD_COLUMNS, condition_schema
from vwe_dagster.catalog.preferences import Preference, numbers, percentiles, score
from vwe_dagster.catalog.query import matching_rows
from vwe_dagster.catalog.query_error import QueryError, QueryFault
from vwe_dagster.catalog.survey_rows import SurveyRows, survey_rows, without_nan
from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WorldStore
from vwe_dagster.text.commands import vwe_command

SCORE = "score"
"""The column with the score of a row; only questions with preferences have it."""

_SEED, _NUMBER, _STALE = "seed", "number", "stale"
_TRIES = 3
"""Maximum number of attempts to answer a question while other processes remove files of the survey."""

Indices = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Question:
    """A condition and an order.

    Attributes:
        condition: the condition; None for every seed.
        preferences: what to rank by; the best score comes first unless ``sort`` is given.
        sort: the column to sort by; None sorts by score, or by seed if there are no preferences.
        ascending: true to sort the smallest value first.
    """

    condition: Condition | None = None
    preferences: tuple[Preference, ...] = ()
    sort: str | None = None
    ascending: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the condition, the preferences and the order, each once."""
        named = () if self.condition is None else self.condition.columns
        sort = () if self.sort is None else (self.sort,)
        return tuple(dict.fromkeys((*named, *(preference.column for preference in self.preferences), *sort)))

    @property
    def depth(self) -> Depth:
        """The shallowest depth of the survey that has these columns."""
        depths = [ROW_COLUMNS[name].depth for name in self.columns if name in ROW_COLUMNS]
        return max(depths, key=tuple(Depth).index, default=Depth.START)

    @property
    def is_of_worlds(self) -> bool:
        """True if a column exists only for built worlds, so that the survey cannot answer."""
        return any(name in WORLD_COLUMNS for name in self.columns)


@dataclasses.dataclass(frozen=True)
class SearchScope:
    """The numbers of rows that an answer is based on, and of skipped rows.

    Attributes:
        worlds: built worlds that were searched.
        surveyed: seeds that were searched in the survey, without those of built worlds.
        depth: the depth of the survey that the question needs; None if it needs built worlds.
        shallow: skipped seeds that are surveyed only to a lesser depth.
        stale_worlds: keys of skipped worlds with stale statistics.
        stale_rows: skipped rows of the survey that are stale.
        damaged_files: paths of skipped files of the survey that cannot be read.
    """

    worlds: int
    surveyed: int
    depth: Depth | None
    shallow: int
    stale_worlds: tuple[str, ...]
    stale_rows: int
    damaged_files: tuple[Path, ...]


@dataclasses.dataclass(frozen=True)
class Contribution:
    """The contribution of one preference to the score of a row.

    Attributes:
        preference: the preference.
        value: the value of the row; None if the column does not apply to its world.
        percentile: see :func:`~vwe_dagster.catalog.preferences.percentiles`.
    """

    preference: Preference
    value: float | None
    percentile: float


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The score of a seed and its parts.

    Attributes:
        seed: the key of the seed.
        contributions: the contribution of each preference.
        score: the mean of the percentiles, weighted by the preferences.
        searched: the rows among which it is ranked.
    """

    seed: str
    contributions: Sequence[Contribution]
    score: float
    searched: SearchScope


class Answer:
    """The matching seeds, in order; their columns are read on request.

    Attributes:
        searched: the searched and skipped rows.
        worlds: number of matching built worlds.
        surveyed: number of other matching seeds of the survey.
    """

    def __init__(self, rows: _Rows, indices: Indices, scores: npt.NDArray[np.float64] | None) -> None:
        self._rows, self._indices, self._scores = rows, indices, scores
        self.searched = rows.searched
        self.worlds = int(np.count_nonzero(indices < rows.worlds.num_rows))
        self.surveyed = indices.size - self.worlds

    def world_keys(self) -> list[str]:
        """Return the keys of all built worlds that were searched."""
        return list(self._rows.worlds.column(_SEED).to_pylist())

    def __len__(self) -> int:
        return int(self._indices.size)

    def numbers(self) -> npt.NDArray[np.int32]:
        """Return the integers of all matching seeds, in order, int32."""
        return np.asarray(self._rows.table([], self._indices).column(_NUMBER).to_numpy())

    def table(self, columns: Sequence[str], limit: int | None = None) -> pa.Table:
        """Return the first rows.

        Args:
            columns: the names of the columns, in order, and :data:`SCORE` if the question has preferences. A value that
                a row lacks, for example because the seed is surveyed to a lesser depth, is null. Floats are float64,
                see :func:`shortest_floats`.
            limit: the largest number of rows; None for all.
        """
        indices = self._indices[:limit]
        shown = shortest_floats(self._rows.table([name for name in columns if name != SCORE], indices))
        if self._scores is not None:
            shown = shown.append_column(SCORE, pa.array(self._scores[:limit], pa.float64()))
        return shown.select(list(columns))


class Search:
    """A search over the present rows of a data folder.

    Args:
        catalog: the catalog of built worlds.
        survey: the rows of the survey.
    """

    def __init__(self, catalog: pa.Table, survey: SurveyRows) -> None:
        self._catalog, self._survey = catalog, survey

    def ask(self, question: Question, *, time_limit_s: float = TIME_LIMIT_S) -> Answer:
        """Return the seeds that match a question.

        Raises:
            QueryError: the condition fails, or exceeds the limits of time or memory.
        """
        rows = self._rows(question)
        table = rows.table(question.columns)
        indices = np.arange(table.num_rows, dtype=np.int64)
        if question.condition is not None:
            indices = matching_rows(table, question.condition, time_limit_s=time_limit_s)
        scores = None
        if question.preferences:
            ranks = [_ranks(preference, table, indices) for preference in question.preferences]
            scores = score(question.preferences, ranks)
        order = _order(question, table, indices, scores)
        return Answer(rows, indices[order], None if scores is None else scores[order])

    def values(self, preference: Preference) -> pa.ChunkedArray:
        """Return the values of the column of a preference over all seeds that have it."""
        return self._rows(Question(preferences=(preference,))).table([preference.column]).column(preference.column)

    def explain(self, question: Question, seed: Seed) -> Explanation:
        """Return how a seed ranks in each preference among all rows that the question searches.

        Args:
            question: the question; the seed need not match its condition.
            seed: the seed of a built world, or any text or integer of a surveyed seed.

        Raises:
            QueryError: the seed is not among the searched rows.
        """
        rows = self._rows(question)
        table = rows.table((_SEED, *question.columns))
        of_world = np.asarray(pc.equal(table.column(_SEED), seed.key))
        of_number = np.asarray(pc.equal(table.column(_NUMBER), seed.number))
        indices = np.flatnonzero(of_world if of_world.any() else of_number).astype(np.int64)[:1]
        if not indices.size:
            command = vwe_command("world", operands=[seed.key])
            raise QueryError(
                f"The seed {seed.key} is not among the searched rows; generate its world with: {command}",
                QueryFault.UNKNOWN_SEED,
                seed=seed.key,
            )
        row = shortest_floats(table.take(pa.array(indices))).to_pylist()[0]
        ranks = [_ranks(preference, table, indices) for preference in question.preferences]
        contributions = [
            Contribution(preference, row[preference.column], float(rank[0]))
            for preference, rank in zip(question.preferences, ranks, strict=True)
        ]
        return Explanation(row[_SEED], contributions, float(score(question.preferences, ranks)[0]), rows.searched)

    def _rows(self, question: Question) -> _Rows:
        """Return the rows that a question searches, with its columns in memory.

        If a file vanished since the files were listed, they are listed again.
        """
        for _ in range(_TRIES - 1):
            try:
                return _Rows(self._catalog, self._survey, question)
            except FileNotFoundError:
                self._survey = self._survey.reloaded()
        return _Rows(self._catalog, self._survey, question)


def open_search(store: WorldStore) -> tuple[Search, Mapping[str, str]]:
    """Return a search over the present data folder, and the reasons why worlds are missing in it, by seed.

    Raises:
        StoreError: the data folder cannot be read.
    """
    state = SeedCatalog(store).load()
    return Search(state.table, survey_rows(store)), state.left_out


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """The searched rows of one depth of the survey.

    Attributes:
        depth: the depth.
        indices: their indices among all rows of the depth, ascending.
        is_whole: true if these are all rows of the depth.
    """

    depth: Depth
    indices: Indices
    is_whole: bool


class _Rows:
    """The rows that a question searches: built worlds by seed, then the deepest row of each other surveyed seed."""

    def __init__(self, catalog: pa.Table, survey: SurveyRows, question: Question) -> None:
        self._survey = survey
        self.worlds, stale_worlds = _searched_worlds(catalog, question)
        depth = None if question.is_of_worlds else question.depth
        self._parts: list[_Part] = []
        shallow = 0
        taken = self.worlds.column(_NUMBER)
        for each in reversed(Depth):
            is_searched = depth in each.includes
            # All needed columns are read together, so that each file is opened once.
            wanted = [name for name in question.columns if is_searched and _is_of_depth(name, each)]
            own = survey.table(each, [_NUMBER, *wanted]).column(_NUMBER)
            indices = _indices_not_taken(own, taken, may_repeat=survey.may_repeat(each))
            damaged = survey.damaged_indices(each)
            if damaged.size:
                indices = np.setdiff1d(indices, damaged, assume_unique=True)
                own = own.take(pa.array(np.setdiff1d(np.arange(len(own)), damaged, assume_unique=True)))
            if is_searched:
                self._parts.append(_Part(each, indices, is_whole=indices.size == survey.size(each)))
            else:
                shallow += indices.size
            taken = pa.chunked_array([*taken.chunks, *own.chunks], pa.int32())
        self.searched = SearchScope(
            worlds=self.worlds.num_rows,
            surveyed=sum(part.indices.size for part in self._parts),
            depth=depth,
            shallow=0 if depth is None else shallow,
            stale_worlds=stale_worlds,
            stale_rows=sum(map(survey.files.stale_rows, Depth)),
            damaged_files=survey.damaged_files(),
        )

    def table(self, columns: Iterable[str], indices: Indices | None = None) -> pa.Table:
        """Return rows by their indices, in that order; None for all. The column ``number`` is always the first."""
        names = list(dict.fromkeys([_NUMBER, *columns]))
        if indices is None:
            return pa.concat_tables(
                [_of_schema(self.worlds, names), *(self._part(part, names) for part in self._parts)]
            )
        sizes = [self.worlds.num_rows, *(part.indices.size for part in self._parts)]
        ends = np.cumsum(sizes)
        holders = np.searchsorted(ends, indices, "right")
        order = np.argsort(holders, kind="stable")
        tables = []
        for holder in np.unique(holders):
            local = indices[holders == holder] - (ends[holder] - sizes[holder])
            if holder == 0:
                tables.append(_of_schema(self.worlds.take(pa.array(local)), names))
            else:
                tables.append(self._part(self._parts[holder - 1], names, local))
        found = pa.concat_tables([_of_schema(None, names), *tables])
        return found.take(pa.array(np.argsort(order)))

    def _part(self, part: _Part, names: Sequence[str], rows: Indices | None = None) -> pa.Table:
        """Return searched rows of the survey by their indices; None for all."""
        own = [name for name in names if name == _NUMBER or _is_of_depth(name, part.depth)]
        if rows is not None:
            found = self._survey.take(part.depth, own, part.indices[rows])
        else:
            found = self._survey.table(part.depth, own)
            if not part.is_whole:
                found = found.take(pa.array(part.indices))
        if _SEED in names:
            keys = pc.binary_join_element_wise("@", found.column(_NUMBER).cast(pa.string()), "")
            found = found.append_column(_SEED, keys)
        if _STALE in names:
            found = found.append_column(_STALE, pa.array(np.zeros(found.num_rows, dtype=np.bool_)))
        return _of_schema(found, names)


def shortest_floats(table: pa.Table) -> pa.Table:
    """Return a table with float64 in place of float32.

    A value becomes the shortest decimal that rounds to the float32: 4.6 instead of 4.599999904632568.
    """
    for index, field in enumerate(table.schema):
        if pa.types.is_float32(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.string()).cast(pa.float64()))
    return table


def _indices_not_taken(numbers: pa.ChunkedArray, taken: pa.ChunkedArray, *, may_repeat: bool) -> Indices:
    """Return the indices of the seeds that are not taken; for a repeated seed, its first index."""
    indices = np.arange(len(numbers), dtype=np.int64)
    if len(taken) > len(numbers):
        # Building a set of the shorter column is ten times faster.
        taken = taken.filter(pc.is_in(taken, value_set=numbers.combine_chunks()))
    if len(taken):
        indices = indices[~np.asarray(pc.is_in(numbers, value_set=taken.combine_chunks()))]
    if may_repeat:
        _, firsts = np.unique(numbers.to_numpy()[indices], return_index=True)
        indices = indices[np.sort(firsts)]
    return indices


def _searched_worlds(catalog: pa.Table, question: Question) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the searched rows of the catalog, and the keys of the skipped, stale ones.

    If the condition names the column ``stale``, all rows are searched.
    """
    if question.condition is not None and _STALE in question.condition.columns:
        return catalog, ()
    is_stale = catalog.column(_STALE)
    return catalog.filter(pc.invert(is_stale)), tuple(catalog.filter(is_stale).column(_SEED).to_pylist())


def _is_of_depth(name: str, depth: Depth) -> bool:
    return name in ROW_COLUMNS and ROW_COLUMNS[name].depth in depth.includes


def _of_schema(table: pa.Table | None, names: Sequence[str]) -> pa.Table:
    """Return columns with the types of conditions; columns that the table lacks are null."""
    schema = pa.schema([condition_schema().field(name) for name in names])
    if table is None:
        return schema.empty_table()
    columns = [
        without_nan(table.column(field.name).cast(field.type))
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _order(
    question: Question, table: pa.Table, indices: Indices, scores: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.int64]:
    """Return the order of the matching rows; rows without a value come last, equal ones keep their order."""
    if question.sort is None and scores is not None:
        return np.argsort(-scores, kind="stable")
    if question.sort is None or question.sort == _SEED:
        return np.arange(indices.size)[:: 1 if question.sort is None or question.ascending else -1]
    keys = pa.table({"value": table.column(question.sort).take(pa.array(indices)), "index": indices})
    direction = "ascending" if question.ascending else "descending"
    order = pc.sort_indices(keys, sort_keys=[("value", direction), ("index", "ascending")])
    return np.asarray(order).astype(np.int64)


def _ranks(preference: Preference, table: pa.Table, indices: Indices) -> npt.NDArray[np.float64]:
    among = numbers(table.column(preference.column))
    return percentiles(preference, among[indices], among)
