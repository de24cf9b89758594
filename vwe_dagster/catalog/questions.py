"""Ready questions: conditions and preferences with a name, in files that people can edit."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vwe_dagster.catalog.conditions import Condition, parse_condition
from vwe_dagster.catalog.preferences import parse_preferences
from vwe_dagster.catalog.query_error import QueryError, QueryFault
from vwe_dagster.catalog.search import Question
from vwe_dagster.files.bounded_read import NotAFileError, read_file

SHIPPED = Path(__file__).with_name("questions.toml")
"""The questions of the project."""

FILE_NAME = "questions.toml"
"""Name of the file in the home folder that adds questions and replaces those of the same name."""

_MAX_BYTES = 2**20


class ReadyQuestion(BaseModel):
    """A ready question, as stored in its file.

    Attributes:
        meaning: a sentence about the worlds that it finds.
        condition: see :func:`~vwe_dagster.catalog.conditions.parse_condition`; empty for every seed.
        prefer: preferences, see :func:`~vwe_dagster.catalog.preferences.parse_preferences`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    meaning: str = ""
    condition: str = ""
    prefer: list[str] = Field(default_factory=list)


def ready_questions(home: Path) -> dict[str, ReadyQuestion]:
    """Return the questions of the project and those of ``questions.toml`` in the home folder, by name.

    Raises:
        QueryError: a file cannot be read, or has invalid questions.
    """
    questions = _read(SHIPPED)
    own = home / FILE_NAME
    return questions | _read(own) if own.exists() else questions


def find_question(name: str, questions: Mapping[str, ReadyQuestion]) -> ReadyQuestion:
    """Return a ready question by its name.

    Raises:
        QueryError: the name is unknown; the message suggests names.
    """
    if name not in questions:
        close = difflib.get_close_matches(name, questions, n=3)
        meant = f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(questions)}."
        raise QueryError(f"Unknown question {name!r}; {meant}", QueryFault.UNKNOWN_QUESTION, name=name)
    return questions[name]


def question_of(
    conditions: Iterable[str],
    preferences: Sequence[str] = (),
    *,
    ready: ReadyQuestion | None = None,
    sort: str | None = None,
    ascending: bool = False,
) -> Question:
    """Return a question that joins all conditions by AND, and adds the condition and preferences of a ready question.

    Raises:
        QueryError: a condition or a preference is invalid.
    """
    texts = [*conditions, *([ready.condition] if ready is not None and ready.condition else [])]
    parsed = parse_preferences([*preferences, *(ready.prefer if ready is not None else [])])
    return Question(_all_of([parse_condition(text) for text in texts]), parsed, sort, ascending)


def _all_of(conditions: Sequence[Condition]) -> Condition | None:
    if len(conditions) <= 1:
        return conditions[0] if conditions else None
    return Condition(
        text=" and ".join(f"({each.text})" for each in conditions),
        sql=" AND ".join(f"({each.sql})" for each in conditions),
        columns=tuple(dict.fromkeys(name for each in conditions for name in each.columns)),
    )


def _read(path: Path) -> dict[str, ReadyQuestion]:
    try:
        content: dict[str, Any] = tomllib.loads(read_file(path, _MAX_BYTES).decode())
        return {name: ReadyQuestion.model_validate(value) for name, value in content.items()}
    except (OSError, NotAFileError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QueryError(
            f"The questions in {path} cannot be read ({error}); correct the file, or remove it.",
            QueryFault.UNREADABLE_QUESTIONS,
            path=str(path),
        ) from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise QueryError(
            f"The questions in {path} cannot be used ({place or 'a question'}: {fault['msg']}); a question has "
            f"the keys meaning, condition and prefer.",
            QueryFault.UNREADABLE_QUESTIONS,
            path=str(path),
        ) from error
