"""Test the survey calls of the engine protocol against every engine that offers them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence

import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.analysis.row import seed_row
from vwe_dagster.engine.client import EngineClient, EngineRefusedError, JobTerms, run_survey
from vwe_dagster.engine.messages import EngineError, SurveyRequest
from vwe_dagster.engine.protocol import MAX_SURVEY_SEEDS, EngineState, ErrorBody, JobState, JobStatus, SurveyJobRequest
from vwe_dagster.engine.rows import schema_of, table_of
from vwe_dagster_tests.engine.conftest import BEARER, URL, UnderContract
from vwe_dagster_tests.engine.engines import SIMPLE_ENGINE, a_job, next_number, running_engine, wait_until
from vwe_dagster_tests.engine.test_contract import call, finish, refusal

SEEDS = (-1772362158, 0, 2**31 - 1, -(2**31), 298112588)


def a_survey(
    token: int, seeds: tuple[int, ...] = SEEDS, depth: Depth = Depth.START, deadline_s: float = 60
) -> SurveyJobRequest:
    return SurveyJobRequest(
        token=token,
        job_id=f"job-{next_number()}",
        seeds=seeds,
        depth=depth,
        world_gen_version=2,
        deadline_s=deadline_s,
    )


@functools.cache
def rows_of_seeds(depth: Depth) -> Sequence[Mapping[str, object]]:
    """Return the rows of all seeds as this process computes them, once for all engines."""
    return [seed_row(seed, depth) for seed in SEEDS]


@pytest.fixture
def surveying(client: EngineClient, token: int) -> int:
    """Return the token of the engine's holder; skip engines without surveys."""
    try:
        client.start_survey(a_survey(token))
    except EngineRefusedError:
        raise
    except EngineError:
        pytest.skip("this engine offers no surveys")
    client.reset(token)
    return token


@pytest.mark.parametrize("depth", [Depth.START, Depth.WORLD])
def test_rows_are_those_of_the_seeds_in_their_order(client: EngineClient, surveying: int, depth: Depth) -> None:
    request = SurveyRequest(SEEDS, depth)
    reported: list[float] = []
    export = run_survey(
        client,
        request,
        JobTerms(
            token=surveying,
            job_id=f"job-{next_number()}",
            deadline_s=120,
            progress=lambda fraction, _: reported.append(fraction),
        ),
    )
    expected = table_of(SEEDS, rows_of_seeds(depth), depth, 2)
    assert export.table.equals(expected, check_metadata=True)
    assert export.engine.kind == "native"
    assert reported == sorted(reported)


def test_engine_state_after_a_survey_is_that_after_a_world(client: EngineClient, surveying: int) -> None:
    done = client.status().jobs_done
    survey = a_survey(surveying)
    client.start_survey(survey)
    status = finished(client, survey)
    (facts,) = status.layers
    assert (facts.name, facts.kind, facts.shape, facts.dtype) == ("rows", "rows", (len(SEEDS),), None)
    assert (client.status().state, client.status().jobs_done) == (EngineState.EXPORTING, done + 1)
    assert client.start_survey(survey) == status
    assert client.reset(surveying).state is EngineState.READY
    assert finish(client, a_job(surveying)).state is JobState.DONE


@pytest.fixture
def running(client: EngineClient, surveying: int) -> Iterator[JobStatus]:
    """Start a survey that runs for minutes, and reset the engine after the test."""
    yield client.start_survey(a_survey(surveying, tuple(range(MAX_SURVEY_SEEDS)), Depth.WORLD))
    client.reset(next_number())


def test_survey_reports_progress_per_seed_and_can_be_canceled(client: EngineClient, running: JobStatus) -> None:
    status, reported = running, [running.progress]
    while len(set(reported)) < 3:
        status = client.job(running.job_id, wait_s=30, seen=status.seen)
        reported.append(status.progress)
    assert reported == sorted(reported)
    assert f"of {MAX_SURVEY_SEEDS} seeds" in status.phase
    client.cancel(running.job_id)
    wait_until(lambda: client.job(running.job_id).state is JobState.CANCELLED)
    assert client.status().state is EngineState.READY


def test_higher_token_stops_a_survey_and_fences_its_holder(
    client: EngineClient, surveying: int, running: JobStatus
) -> None:
    client.claim(next_number())
    wait_until(lambda: client.job(running.job_id).state is JobState.CANCELLED)
    with pytest.raises(EngineRefusedError) as error:
        client.start_survey(a_survey(surveying))
    assert refusal(error) == (409, "fenced", False)


def test_busy_engine_rejects_a_survey(client: EngineClient, surveying: int, running: JobStatus) -> None:
    with pytest.raises(EngineRefusedError) as error:
        client.start_survey(a_survey(surveying))
    assert refusal(error) == (409, "busy", True)
    assert client.job(running.job_id).state is JobState.RUNNING


def test_late_survey_fails_by_its_deadline(client: EngineClient, surveying: int) -> None:
    survey = a_survey(surveying, tuple(range(MAX_SURVEY_SEEDS)), Depth.WORLD, deadline_s=0.5)
    client.start_survey(survey)
    status = finished(client, survey)
    assert status.state is JobState.FAILED
    assert status.error is not None
    assert status.error.code == "deadline"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seeds", ()),
        ("seeds", tuple(range(MAX_SURVEY_SEEDS + 1))),
        ("seeds", (2**31,)),
        ("depth", "deepest"),
        ("world_gen_version", 98),
    ],
)
def test_invalid_survey_is_rejected(contract: tuple[str, str | None], surveying: int, name: str, value: object) -> None:
    body = json.loads(a_survey(surveying).model_dump_json()) | {name: value}
    status, error_body = call(contract, "POST", "/v1/surveys", json.dumps(body).encode())
    assert (status, ErrorBody.model_validate_json(error_body).code) == (422, "invalid")


def test_engine_without_surveys_reports_that(client: EngineClient, token: int, under_contract: UnderContract) -> None:
    if client.status().kind == "native":
        pytest.skip("this engine offers surveys")
    with pytest.raises(EngineError, match="computes no surveys") as error:
        client.start_survey(a_survey(token))
    assert under_contract.address in str(error.value)


@pytest.mark.skipif(bool(URL or BEARER), reason="starts its own engine")
@pytest.mark.parametrize(
    ("fault", "message"), [("fail_job", "injected fault"), ("half_export", "ended after"), ("corrupt_layer", "hash")]
)
def test_faulty_engine_delivers_no_rows(fault: str, message: str) -> None:
    with running_engine("--fault", fault, program=SIMPLE_ENGINE) as engine, engine.client() as client:
        client.claim(1)
        with pytest.raises(EngineError, match=message):
            run_survey(client, SurveyRequest(SEEDS, Depth.START), JobTerms(token=1, job_id="job-1", deadline_s=30))


def test_rows_of_another_version_are_rejected_with_the_reason(
    client: EngineClient, surveying: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vwe_dagster.engine.rows.ROW_VERSION", "of tomorrow")
    with pytest.raises(EngineError, match=r"row_version is '.+', not 'of tomorrow'.*vwe pool drain"):
        run_survey(
            client,
            SurveyRequest((1,), Depth.START),
            JobTerms(token=surveying, job_id=f"job-{next_number()}", deadline_s=60),
        )


@pytest.mark.parametrize("depth", Depth)
def test_schema_has_one_field_per_column_after_the_number(depth: Depth) -> None:
    schema = schema_of(depth)
    assert schema.names[0] == "number"
    assert {str(field.type) for field in schema} <= {"int32", "float"}
    assert schema.metadata[b"vwe.depth"] == depth.value.encode()


def finished(client: EngineClient, survey: SurveyJobRequest) -> JobStatus:
    status = client.job(survey.job_id)
    while status.state is JobState.RUNNING:
        status = client.job(survey.job_id, wait_s=30, seen=status.seen)
    return status
