"""Test version 1 of the engine protocol against every engine, in any language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from vwe_dagster.engine.client import EngineClient, EngineRefusedError, JobTerms, run_job
from vwe_dagster.engine.connections import Connections
from vwe_dagster.engine.messages import LINES, PLANES, WorldRequest
from vwe_dagster.engine.protocol import EngineState, ErrorBody, JobRequest, JobState, JobStatus
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.engine.conftest import UnderContract
from vwe_dagster_tests.engine.engines import PATIENCE_S, a_job, next_number, wait_until

LONG = 4096
"""Grid size of a job that takes long enough to be observed while it runs."""


def call(contract: tuple[str, str | None], method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    address, bearer = contract
    connections = Connections(address, {"Authorization": f"Bearer {bearer}"} if bearer else {})
    with connections.call(method, path, body, 60) as answer:
        status, content = answer.status, answer.read()
    connections.close()
    return status, content


def finish(client: EngineClient, job: JobRequest) -> JobStatus:
    status = client.start(job)
    while status.state is JobState.RUNNING:
        status = client.job(job.job_id, wait_s=30, seen=status.seen)
    return status


def refusal(error: pytest.ExceptionInfo[EngineRefusedError]) -> tuple[int, str, bool]:
    return error.value.status, error.value.code, error.value.retryable


def test_engine_reports_its_identity_and_capabilities(client: EngineClient) -> None:
    status, again = client.status(), client.status()
    assert status.protocol == 1
    assert status.boot_id == again.boot_id
    assert again.uptime_s >= status.uptime_s
    assert {"biome", "height"} <= {layer.name for layer in status.capabilities.layers}
    assert status.memory_bytes > 1e6


def test_world_equals_the_expected_world(client: EngineClient, token: int, under_contract: UnderContract) -> None:
    has = {layer.name for layer in client.status().capabilities.layers}
    layers = tuple(name for name in (*PLANES, *LINES) if name in has)
    request = WorldRequest(-1772362158, Grid.of_world(128), layers=layers)
    export = run_job(client, request, JobTerms(token=token, job_id=f"job-{token}", deadline_s=120))
    expected = under_contract.expected(request)
    assert export.request == request
    assert {*export.planes, *export.lines} == set(layers)
    for name, plane in expected.planes.items():
        assert export.planes[name].dtype == plane.dtype
        np.testing.assert_array_equal(export.planes[name], plane)
    assert export.lines == expected.lines
    assert export.timings_s["transfer"] > 0


def test_bytes_of_a_layer_match_its_hash(client: EngineClient, contract: tuple[str, str | None], token: int) -> None:
    status = finish(client, a_job(token))
    assert sorted(layer.name for layer in status.layers) == ["biome", "height"]
    for facts in status.layers:
        code, body = call(contract, "GET", f"/v1/jobs/{status.job_id}/layers/{facts.name}")
        assert (code, len(body), hashlib.sha256(body).hexdigest()) == (200, facts.bytes, facts.sha256)


def test_finished_job_is_kept_until_a_reset(client: EngineClient, token: int) -> None:
    done = client.status().jobs_done
    job = finish(client, a_job(token))
    status = client.status()
    assert (status.state, status.job_id, status.jobs_done) == (EngineState.EXPORTING, job.job_id, done + 1)
    status = client.reset(token)
    assert (status.state, status.job_id) == (EngineState.READY, None)
    with pytest.raises(EngineRefusedError) as error:
        client.job(job.job_id)
    assert refusal(error) == (404, "unknown_job", False)


def test_a_lower_token_is_fenced_and_an_equal_one_is_not(client: EngineClient, token: int) -> None:
    assert client.claim(token).token == token
    for asking in (client.claim, client.reset, lambda lower: client.start(a_job(lower))):
        with pytest.raises(EngineRefusedError) as error:
            asking(token - 1)
        assert refusal(error) == (409, "fenced", False)


def test_a_job_needs_a_claim_first(client: EngineClient, token: int) -> None:
    with pytest.raises(EngineRefusedError) as error:
        client.start(a_job(token + 1))
    assert refusal(error) == (409, "not_claimed", False)


def test_job_that_is_sent_twice_runs_once(client: EngineClient, token: int) -> None:
    job, done = a_job(token), client.status().jobs_done
    client.start(job)
    first = finish(client, job)
    assert client.start(job) == first
    assert client.status().jobs_done == done + 1
    with pytest.raises(EngineRefusedError) as error:
        client.start(job.model_copy(update={"seed": 2}))
    assert refusal(error) == (409, "job_conflict", False)


@pytest.fixture
def running(client: EngineClient, token: int) -> Iterator[JobStatus]:
    """Start a job that runs for seconds, and reset the engine after the test."""
    yield client.start(a_job(token, size=LONG))
    client.reset(next_number())


def test_busy_engine_rejects_a_second_job_and_still_answers(
    client: EngineClient, token: int, running: JobStatus, contract: tuple[str, str | None]
) -> None:
    with pytest.raises(EngineRefusedError) as error:
        client.start(a_job(token))
    assert refusal(error) == (409, "busy", True)
    code, content = call(contract, "GET", f"/v1/jobs/{running.job_id}/layers/height")
    body = ErrorBody.model_validate_json(content)
    assert (code, body.code, body.retryable) == (409, "not_done", True)
    assert client.status().state is EngineState.GENERATING


def test_running_job_reports_progress_and_can_be_canceled(client: EngineClient, running: JobStatus) -> None:
    status, reported = running, [running.progress]
    while len(set(reported)) < 3:
        status = client.job(running.job_id, wait_s=30, seen=status.seen)
        reported.append(status.progress)
    assert status.state is JobState.RUNNING
    assert reported == sorted(reported)
    client.cancel(running.job_id)
    wait_until(lambda: client.job(running.job_id).state is not JobState.RUNNING)
    assert client.job(running.job_id).state is JobState.CANCELLED
    wait_until(lambda: client.status().state is EngineState.READY)
    assert client.cancel(running.job_id).state is JobState.CANCELLED


def test_cancel_does_not_change_a_finished_job(client: EngineClient, token: int) -> None:
    done = finish(client, a_job(token))
    assert client.cancel(done.job_id) == done


@pytest.mark.usefixtures("running")
def test_higher_token_stops_the_job_of_an_older_one(client: EngineClient, token: int) -> None:
    client.claim(token + 1)
    wait_until(lambda: client.status().state is EngineState.READY)
    job = a_job(token + 1)
    assert finish(client, job).state is JobState.DONE


def test_reset_stops_the_running_job(client: EngineClient, token: int, running: JobStatus) -> None:
    assert client.reset(token).state is EngineState.READY
    with pytest.raises(EngineRefusedError, match=running.job_id):
        client.job(running.job_id)


def test_job_fails_at_its_deadline(client: EngineClient, token: int) -> None:
    status = finish(client, a_job(token, size=LONG, deadline_s=0.2))
    assert status.state is JobState.FAILED
    assert status.error is not None
    assert status.error.code == "deadline"
    assert status.layers == ()
    wait_until(lambda: client.status().state is EngineState.READY)


def test_job_continues_when_its_client_disconnects(
    client: EngineClient, contract: tuple[str, str | None], token: int
) -> None:
    address, bearer = contract
    job = a_job(token, size=512)
    with EngineClient(address, bearer=bearer) as other:
        other.start(job)
    assert finish(client, job).state is JobState.DONE


def test_wait_ends_after_its_time_or_at_a_change(client: EngineClient, token: int) -> None:
    done = finish(client, a_job(token))
    assert client.job(done.job_id, wait_s=30, seen="running:0.5") == done
    assert client.job(done.job_id, wait_s=0.01, seen=done.seen) == done


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"layers": ["height", "gold"]}, "unknown_layer"),
        ({"layers": []}, "invalid"),
        ({"layers": ["height", "height"]}, "invalid"),
        ({"seed": 2**31}, "invalid"),
        ({"seed": "1"}, "invalid"),
        ({"world_gen_version": 99}, "invalid"),
        ({"grid": {"size": 63}}, "invalid"),
        ({"grid": {"size": 8193}}, "invalid"),
        ({"deadline_s": 0}, "invalid"),
        ({"job_id": "../etc"}, "invalid"),
        ({"token": True}, "invalid"),
        ({"gold": 1}, "invalid"),
    ],
)
def test_invalid_job_is_rejected(
    contract: tuple[str, str | None], token: int, change: dict[str, object], code: str
) -> None:
    body = json.dumps({**json.loads(a_job(token).model_dump_json(exclude_none=True)), **change}).encode()
    status, content = call(contract, "POST", "/v1/jobs", body)
    assert (status, ErrorBody.model_validate_json(content).code) == (422, code)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/claim", b"{", 422, "invalid"),
        ("POST", "/v1/claim", b'{"token": 0}', 422, "invalid"),
        ("POST", "/v1/claim", b" " * (64 * 1024 + 1), 413, "too_large"),
        ("POST", "/v1/jobs", b" " * (1024 * 1024 + 1), 413, "too_large"),
        ("GET", "/v1/jobs/nobody", None, 404, "unknown_job"),
        ("GET", "/v1/jobs/nobody?wait_s=31", None, 422, "invalid"),
        ("GET", "/v1/jobs/nobody?wait_s=soon", None, 422, "invalid"),
        ("GET", "/v1/jobs/nobody?seen=asleep:2", None, 422, "invalid"),
        ("DELETE", "/v1/jobs/nobody", None, 404, "unknown_job"),
        ("GET", "/v1/jobs/nobody/layers/height", None, 404, "unknown_job"),
        ("GET", "/v1/gold", None, 404, "not_found"),
        ("GET", "/v1/status/", None, 404, "not_found"),
        ("PUT", "/v1/status", b"", 405, "method_not_allowed"),
    ],
)
def test_every_error_has_a_code_and_a_message(
    contract: tuple[str, str | None], method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    answered, content = call(contract, method, path, body)
    error = ErrorBody.model_validate_json(content)
    assert (answered, error.code) == (status, code)
    assert error.message.endswith(".")


def test_layer_that_was_not_requested_is_unknown(
    client: EngineClient, contract: tuple[str, str | None], token: int
) -> None:
    done = finish(client, a_job(token, layers=("height",)))
    status, content = call(contract, "GET", f"/v1/jobs/{done.job_id}/layers/biome")
    assert (status, ErrorBody.model_validate_json(content).code) == (404, "unknown_layer")


@pytest.mark.parametrize("bearer", [None, "another-token-than-it"])
def test_calls_over_tcp_without_the_token_are_rejected(contract: tuple[str, str | None], bearer: str | None) -> None:
    address, expected = contract
    if expected is None:
        pytest.skip("this engine is behind a unix socket")
    with EngineClient(address, bearer=bearer) as stranger, pytest.raises(EngineRefusedError) as error:
        stranger.status()
    assert refusal(error) == (401, "unauthorized", False)


@pytest.mark.parametrize("header", [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")])
def test_calls_of_web_pages_over_tcp_are_rejected_even_with_the_token(
    contract: tuple[str, str | None], header: tuple[str, str]
) -> None:
    address, bearer = contract
    if bearer is None:
        pytest.skip("this engine is behind a unix socket")
    headers = dict([header, ("authorization", f"Bearer {bearer}")])
    response = httpx.get(f"{address}/v1/status", headers=headers, timeout=PATIENCE_S)
    assert (response.status_code, ErrorBody.model_validate_json(response.text).code) == (401, "unauthorized")


def test_an_engine_reports_a_usable_location_table_or_has_no_such_call(
    contract: tuple[str, str | None], client: EngineClient
) -> None:
    status, content = call(contract, "GET", "/v1/location-table")
    if status == 404:
        assert ErrorBody.model_validate_json(content).code == "not_found"
        return
    assert status == 200
    assert client.location_table().table("the engine").types
    status, content = call(contract, "POST", "/v1/location-table", b"{}")
    assert (status, ErrorBody.model_validate_json(content).code) == (405, "method_not_allowed")
