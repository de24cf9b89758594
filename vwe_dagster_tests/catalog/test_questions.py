"""Ready questions: those of the project, and a file of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from vwe_dagster.catalog.preferences import Preference
from vwe_dagster.catalog.query_error import QueryError
from vwe_dagster.catalog.questions import find_question, question_of, ready_questions


def test_every_shipped_question_is_valid(tmp_path: Path) -> None:
    questions = ready_questions(tmp_path)
    assert {
        *("gentle-start", "traders-close", "boss-tour", "archipelago", "one-big-island", "mountain-home"),
        "viking-retirement",
    } <= set(questions)
    for ready in questions.values():
        question = question_of([], ready=ready)
        assert question.condition is not None
        assert question.preferences
        assert ready.meaning.endswith(".")


def test_own_file_adds_and_replaces_questions(tmp_path: Path) -> None:
    (tmp_path / "questions.toml").write_text(
        '[archipelago]\ncondition = "islands > 7"\n[mine]\nmeaning = "Much land."\nprefer = ["land desc"]\n'
    )
    questions = ready_questions(tmp_path)
    assert questions["archipelago"].condition == "islands > 7"
    assert question_of([], ready=questions["mine"]).preferences == (Preference("land_5km_km2", True),)
    assert "gentle-start" in questions


def test_condition_and_ready_question_both_hold(tmp_path: Path) -> None:
    (tmp_path / "questions.toml").write_text('[mine]\ncondition = "islands > 7 or islands < 2"\nprefer = ["land"]\n')
    question = question_of(["land > 1"], ["islands"], ready=ready_questions(tmp_path)["mine"])
    assert question.condition is not None
    assert question.condition.sql == "((land_5km_km2 > 1)) AND (((islands > 7) OR (islands < 2)))"
    assert question.columns == ("land_5km_km2", "islands")
    assert [preference.column for preference in question.preferences] == ["islands", "land_5km_km2"]


def test_unknown_question_is_rejected_with_similar_ones(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="Unknown question 'archipelgo'; did you mean archipelago"):
        find_question("archipelgo", ready_questions(tmp_path))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[mine", "cannot be read"),
        ("[mine]\nconditoin = 'x'\n", r"cannot be used \(conditoin: .*the keys meaning, condition and prefer"),
        ("mine = 3\n", "cannot be used"),
    ],
)
def test_faulty_file_is_rejected(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "questions.toml").write_text(content)
    with pytest.raises(QueryError, match=sentence):
        ready_questions(tmp_path)
