"""Test surveys by the native engine in this process: stopping, errors, and memory over many seeds."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine import native_survey
from vwe_dagster.engine.messages import EngineError, SurveyRequest
from vwe_dagster.engine.native_survey import survey_table
from vwe_dagster_tests.survey.made_rows import invented_row, invented_rows

MEMORY = """
import resource
from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.messages import SurveyRequest
from vwe_dagster.engine.native_survey import survey_table

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3

for depth, few, many in ((Depth.START, 50, 250), (Depth.WORLD, 4, 10)):
    survey_table(SurveyRequest(tuple(range(few)), depth))
    before = peak_mb()
    survey_table(SurveyRequest(tuple(range(many)), depth))
    print(peak_mb() - before)
"""


class StoppedError(Exception):
    """Raised by a progress to stop a survey."""


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the computation of rows by constants."""
    monkeypatch.setattr(native_survey, "seed_row", lambda seed, depth, _: invented_row(seed, depth))


@pytest.mark.usefixtures("invented")
def test_progress_counts_every_seed() -> None:
    reported: list[tuple[float, str]] = []
    table = survey_table(SurveyRequest(tuple(range(50)), Depth.WORLD), lambda *step: reported.append(step))
    assert table.equals(invented_rows(range(50), Depth.WORLD))
    phases = [phase for fraction, phase in reported if fraction]
    assert phases == [f"{count} of 50 seeds" for count in range(1, 51)]


def test_survey_stops_while_a_seed_is_being_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()
    computed: list[int] = []

    def slow(seed: int, depth: Depth, _: int) -> object:
        computed.append(seed)
        may_end.wait()
        return invented_row(seed, depth)

    def stop(*_: object) -> None:
        raise StoppedError

    monkeypatch.setattr(native_survey, "seed_row", slow)
    try:
        with pytest.raises(StoppedError):
            survey_table(SurveyRequest(tuple(range(1000)), Depth.START), stop)
    finally:
        may_end.set()
    assert len(computed) < 1000


def test_invalid_world_gen_version_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="world-gen version 7"):
        survey_table(SurveyRequest((1, 2), Depth.START, 7))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_seeds() -> None:
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert all(float(grown_mb) < 60 for grown_mb in run.stdout.split())
