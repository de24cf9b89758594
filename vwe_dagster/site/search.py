"""The data of the page *Find a seed*: columns, their distributions, and answers to questions."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.catalog.names import column_name
from vwe_dagster.catalog.preferences import numbers, parse_preferences
from vwe_dagster.catalog.questions import ReadyQuestion, find_question, question_of, ready_questions
from vwe_dagster.catalog.search import SCORE, Answer, Question, Search
from vwe_dagster.catalog.survey_rows import SurveyRows, survey_rows
from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.seeds.typable import typable_text
from vwe_dagster.site.pages import folder_of
from vwe_dagster.store import WorldStore
from vwe_dagster.text.commands import vwe_command

TIME_LIMIT_S = 5.0
"""Seconds after which the evaluation of a condition is interrupted."""

MAX_ROWS = 100
"""Rows of the longest answer."""

BARS = 40
"""Bars of a distribution."""

_OUTLIERS = (0.1, 99.9)
"""Percentiles between which a distribution is shown; a slider at its end has no limit."""


class SiteSearch:
    """Answers questions from the worlds and the survey of a data folder; thread-safe.

    Args:
        store: the data folder.
        home: the home folder, which may have ready questions of its own.
    """

    def __init__(self, store: WorldStore, home: Path) -> None:
        self._store, self._home = store, home
        self._catalog = SeedCatalog(store)
        self._opening = threading.Lock()
        self._survey: SurveyRows | None = None
        self._distributions: dict[str, dict[str, Any]] = {}

    def columns(self) -> dict[str, Any]:
        """Return the columns that a slider can have, the ready questions, and the command that surveys seeds.

        Raises:
            QueryError: the file with the user's questions is invalid.
        """
        return {
            "columns": [
                {
                    "name": column.name,
                    "label": column.label,
                    "unit": column.unit,
                    "decimals": column.decimals,
                    "depth": column.depth,
                    "meaning": column.meaning,
                    "short": column.short,
                }
                for column in COLUMNS.values()
            ],
            "questions": {name: _question_json(ready) for name, ready in ready_questions(self._home).items()},
            "survey_command": vwe_command("survey", "run", "1000"),
        }

    def distributions(self, names: Sequence[str]) -> dict[str, Any]:
        """Return a histogram of each column over all seeds that have a value.

        Raises:
            QueryError: a column is unknown or has no numbers.
            StoreError: the data folder cannot be read.
        """
        search = self._search()
        found = {}
        for name in names:
            [preference] = parse_preferences([name])
            if preference.column not in self._distributions:
                self._distributions[preference.column] = _distribution(search.values(preference))
            found[name] = self._distributions[preference.column]
        return found

    def answer(
        self,
        conditions: Sequence[str],
        *,
        question: str | None = None,
        preferences: Sequence[str] = (),
        sort: str | None = None,
        ascending: bool = False,
        columns: Sequence[str] = (),
        limit: int = MAX_ROWS,
    ) -> dict[str, Any]:
        """Return how many seeds match, and the first of them.

        Args:
            conditions: see :func:`~vwe_dagster.catalog.conditions.parse_condition`; empty ones match every seed.
            question: the name of a ready question that is added.
            preferences: see :func:`~vwe_dagster.catalog.preferences.parse_preferences`.
            sort: the column to sort by.
            ascending: whether the smallest value comes first.
            columns: columns to return besides those of the question.
            limit: how many rows to return, at most :data:`MAX_ROWS`.

        Raises:
            QueryError: the question cannot be understood or answered.
            StoreError: the data folder cannot be read.
        """
        ready = None if question is None else find_question(question, ready_questions(self._home))
        asked = question_of(
            [each for each in conditions if each.strip()],
            preferences,
            ready=ready,
            sort=None if sort is None else column_name(sort),
            ascending=ascending,
        )
        shown = dict.fromkeys([*(name for name in asked.columns if name in COLUMNS), *map(column_name, columns)])
        answer = self._search().ask(asked, time_limit_s=TIME_LIMIT_S)
        return _answer_json(answer, asked, list(shown), min(limit, MAX_ROWS))

    def world_keys(self, condition: str) -> list[str]:
        """Return the keys of the built worlds that match a condition.

        Raises:
            QueryError: the condition cannot be understood or evaluated.
        """
        answer = self._search().ask(question_of([condition]), time_limit_s=TIME_LIMIT_S)
        return list(answer.table(["seed"], answer.worlds).column("seed").to_pylist())

    def _search(self) -> Search:
        """Return a search over the current data folder; unchanged columns of the survey stay in memory."""
        with self._opening:
            survey = survey_rows(self._store)
            if self._survey is None or self._survey.files != survey.files:
                self._survey = survey
                self._distributions.clear()
            return Search(self._catalog.load().table, self._survey)


def _question_json(ready: ReadyQuestion) -> dict[str, Any]:
    preferences = question_of([], ready=ready).preferences
    return {
        "meaning": ready.meaning,
        "condition": ready.condition,
        "prefer": ready.prefer,
        "columns": [preference.column for preference in preferences],
    }


def _answer_json(answer: Answer, question: Question, columns: Sequence[str], limit: int) -> dict[str, Any]:
    score = [SCORE] if question.preferences else []
    rows = answer.table(["seed", "number", "made_at", *score, *columns], limit).to_pylist()
    searched = answer.searched
    return {
        "matches": len(answer),
        "worlds": searched.worlds,
        "surveyed": searched.surveyed,
        "depth": searched.depth,
        "shallow": searched.shallow,
        "stale": len(searched.stale_worlds) + searched.stale_rows,
        "columns": [*score, *columns],
        "rows": [_row_json(row, [*score, *columns]) for row in rows],
    }


def _row_json(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    key = str(row["seed"])
    is_generated = row["made_at"] is not None
    return {
        "seed": key,
        "text": typable_text(parse_seed(key).number) if key.startswith("@") else key,
        "page": f"worlds/{folder_of(key)}/" if is_generated else None,
        "command": vwe_command("world", operands=[key]),
        "values": [_shown(row[name], name) for name in columns],
    }


def _shown(value: object, name: str) -> float | str | None:
    """Return a value for JSON: floats are rounded, times are texts."""
    if isinstance(value, float):
        return round(value, COLUMNS[name].decimals if name in COLUMNS else 1)
    return value if value is None or isinstance(value, int | str) else str(value)


def _distribution(column: pa.ChunkedArray) -> dict[str, Any]:
    values = numbers(column)
    known = values[~np.isnan(values)]
    if not known.size:
        return {"low": None, "high": None, "bars": [], "rows": values.size, "known": 0}
    low, high = (float(end) for end in np.percentile(known, _OUTLIERS))
    bars, _ = np.histogram(np.clip(known, low, high), BARS, (low, high) if low < high else (low - 0.5, low + 0.5))
    return {"low": low, "high": high, "bars": bars.tolist(), "rows": values.size, "known": known.size}


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Return compact JSON."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
