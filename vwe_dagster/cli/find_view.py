"""Output of ``vwe find``: rows, columns, ready questions and explained scores, as tables, JSON or CSV."""

from __future__ import annotations

import csv
import enum
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vwe_dagster.analysis.columns import COLUMNS as ROW_COLUMNS
from vwe_dagster.catalog.names import column_helps, column_name, condition_schema
from vwe_dagster.catalog.questions import ready_questions
from vwe_dagster.catalog.search import SCORE, Answer, Explanation, Question
from vwe_dagster.cli.console import notices, output, say, show_table
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.seeds.typable import typable_text

TEXT = "text"
"""Column of a text, at most ten letters and digits, that the game accepts as a seed of the same world."""

_SEED = "seed"
_ALWAYS = ("start_land_km2", "islands")


class Form(enum.Enum):
    """The format in which results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def shown_columns(question: Question, named: str | None) -> list[str]:
    """Return the names of the columns to show.

    Args:
        question: its columns are shown by default.
        named: columns separated by commas, or ``all``; None for the default ones.

    Raises:
        QueryError: a column is unknown.
    """
    score = [SCORE] if question.preferences else []
    if named is None:
        chosen = [_SEED, *score, *question.columns, *_ALWAYS]
    elif named == "all":
        chosen = [*condition_schema().names, *score]
    else:
        extra = {TEXT, *score}
        chosen = [word if word in extra else column_name(word) for word in map(str.strip, named.split(","))]
    return list(dict.fromkeys(chosen))


def show_rows(answer: Answer, columns: Sequence[str], limit: int | None, form: Form) -> None:
    """Print the first rows of an answer.

    If the first column is the seed and a row has an integer seed, a table gets the column :data:`TEXT` beside it.
    """
    rows = answer.table(list(dict.fromkeys([_SEED, *(name for name in columns if name != TEXT)])), limit).to_pylist()
    names = list(columns)
    if (
        form is Form.TABLE
        and names[0] == _SEED
        and TEXT not in names
        and any(row[_SEED].startswith("@") for row in rows)
    ):
        names.insert(1, TEXT)
    if TEXT in names:
        rows = [{**row, TEXT: _typable(row[_SEED])} for row in rows]
    if rows or form is not Form.TABLE:
        _show([{name: row[name] for name in names} for row in rows], names, form)


def show_columns(form: Form) -> None:
    """Print all columns that conditions accept."""
    rows = [
        {
            "column": each.name,
            "short": ", ".join(each.short),
            "unit": each.unit,
            "depth": each.depth,
            "meaning": each.meaning,
        }
        for each in column_helps()
    ]
    _show(rows, list(rows[0]), form)


def show_questions(home: Path, form: Form) -> None:
    """Print the ready questions."""
    rows = [
        {"question": name, "meaning": each.meaning, "condition": each.condition, "prefer": ", ".join(each.prefer)}
        for name, each in ready_questions(home).items()
    ]
    _show(rows, list(rows[0]), form)


def show_explanation(explanation: Explanation, form: Form) -> None:
    """Print how a seed ranks in each preference."""
    rows = [
        {
            "preference": f"{each.preference.column} {'desc' if each.preference.descending else 'asc'}",
            "value": each.value,
            "percentile": each.percentile,
            "weight": each.preference.weight,
        }
        for each in explanation.contributions
    ]
    if form is Form.JSON:
        content = {_SEED: explanation.seed, SCORE: explanation.score, "preferences": rows}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    _show(rows, list(rows[0]), form)
    searched = explanation.searched
    say(
        notices(),
        f"The score of {explanation.seed} is {explanation.score:.1f}, the weighted mean of the percentiles. "
        f"A percentile is the percentage of the {searched.worlds + searched.surveyed:,} searched seeds that are worse.",
    )


def _typable(key: str) -> str:
    return typable_text(parse_seed(key).number) if key.startswith("@") else key


def _show(rows: Sequence[Mapping[str, object]], names: Sequence[str], form: Form) -> None:
    if form is Form.JSON:
        sys.stdout.write(json.dumps(rows, indent=2, default=str) + "\n")
    elif form is Form.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(row.values() for row in rows)
    else:
        show_table(output(), "", names, [[_text(name, value) for name, value in row.items()] for row in rows])


def _text(name: str, value: object) -> str | None:
    if isinstance(value, float):
        decimals = ROW_COLUMNS[name].decimals if name in ROW_COLUMNS else 1
        return f"{value:,.{decimals}f}"
    return None if value is None else str(value)
