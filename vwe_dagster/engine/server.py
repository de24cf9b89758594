"""HTTP server of the engine protocol: an ASGI application on top of :class:`~vwe_dagster.engine.jobs.Jobs`.

This module only translates. Jobs and resets run in their own threads, so the event loop never blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

import pydantic
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vwe_dagster.engine.jobs import Jobs
from vwe_dagster.engine.protocol import (
    JOB_ID,
    MAX_BODY_BYTES,
    MAX_JOB_BYTES,
    MAX_WAIT_S,
    SEEN,
    AnyJobRequest,
    ErrorBody,
    Holder,
    JobRequest,
    JobState,
    RefusalError,
    SurveyJobRequest,
    seen,
)
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.web.guard import Guard, Rejection

CHUNK_BYTES = 1024 * 1024
"""Bytes written to the socket at a time, which are copied if the client reads slowly."""

MEDIA_TYPES = {
    "plane": "application/octet-stream",
    "lines": "application/x-ndjson",
    "rows": "application/vnd.apache.arrow.stream",
}
"""The media type of each kind of layer."""

_LOG = logging.getLogger(__name__)
_Body = TypeVar("_Body", bound=pydantic.BaseModel)


def engine_app(
    jobs: Jobs,
    bearer: str | None = None,
    hosts: Iterable[str] | None = None,
    location_table: Callable[[], LocationTable] | None = None,
) -> ASGIApp:
    """Return the ASGI application that serves an engine.

    Args:
        jobs: state and jobs of the engine.
        bearer: token that callers must send; None for a socket that file permissions protect.
        hosts: host names of the engine besides those of loopback; None for a unix socket, which browsers cannot reach.
        location_table: returns the engine's location table; None if the engine does not report one.
    """
    calls = _Calls(jobs)
    optional = [Route("/v1/location-table", _location_table(location_table), methods=["GET"])] if location_table else []
    if jobs.offers_surveys:
        optional.append(Route("/v1/surveys", calls.start_survey, methods=["POST"]))
    app = Starlette(
        routes=[
            Route("/v1/status", calls.status, methods=["GET"]),
            Route("/v1/claim", calls.claim, methods=["POST"]),
            Route("/v1/jobs", calls.start, methods=["POST"]),
            Route("/v1/jobs/{job_id}", calls.job, methods=["GET", "DELETE"]),
            Route("/v1/jobs/{job_id}/layers/{layer}", calls.layer, methods=["GET"]),
            Route("/v1/reset", calls.reset, methods=["POST"]),
            Route("/v1/drain", calls.drain, methods=["POST"]),
            *optional,
        ],
        exception_handlers={RefusalError: _refused, HTTPException: _no_such_call, Exception: _internal},
        lifespan=calls.lifespan,
    )
    app.router.redirect_slashes = False
    guarded: ASGIApp = _RequireToken(app, bearer) if bearer else app
    return guarded if hosts is None else Guard(guarded, hosts, response=_rejected)


class _Calls:
    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:  # noqa: ARG002
        loop = asyncio.get_running_loop()

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, so no request waits
                loop.call_soon_threadsafe(self._pulse)

        self._jobs.on_change = notify
        yield

    def _pulse(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def status(self, request: Request) -> Response:  # noqa: ARG002
        return _answer(self._jobs.status())

    async def claim(self, request: Request) -> Response:
        self._jobs.claim((await _body(request, Holder)).token)
        return _answer(self._jobs.status())

    async def start(self, request: Request) -> Response:
        return self._start(await _body(request, JobRequest, MAX_JOB_BYTES))

    async def start_survey(self, request: Request) -> Response:
        return self._start(await _body(request, SurveyJobRequest))

    def _start(self, job: AnyJobRequest) -> Response:
        return _answer(self._jobs.start(job), 202)

    async def job(self, request: Request) -> Response:
        if request.method == "DELETE":
            return _answer(self._jobs.cancel(_job_id(request)), 202)
        job_id, wait_s, last_seen = _job_id(request), _wait_s(request), _seen(request)
        changed = self._changed
        status = self._jobs.job(job_id)
        if wait_s == 0:
            return _answer(status)
        last_seen = last_seen or status.seen
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while status.seen == last_seen and status.state is JobState.RUNNING:
                    await changed.wait()
                    changed = self._changed
                    status = self._jobs.job(job_id)
        return _answer(status)

    async def layer(self, request: Request) -> Response:
        job_id, name = _job_id(request), request.path_params["layer"]
        info, body = self._jobs.layer(job_id, name)

        async def chunks() -> AsyncIterator[memoryview]:
            for begin in range(0, len(body), CHUNK_BYTES):
                yield body[begin : begin + CHUNK_BYTES]
            self._jobs.fetched(job_id, name)

        return StreamingResponse(
            chunks(),
            media_type=MEDIA_TYPES[info.kind],
            headers={"content-length": str(info.bytes)},
        )

    async def reset(self, request: Request) -> Response:
        holder = await _body(request, Holder)
        await asyncio.to_thread(self._jobs.reset, holder.token)
        return _answer(self._jobs.status())

    async def drain(self, request: Request) -> Response:  # noqa: ARG002
        self._jobs.drain()
        return _answer(self._jobs.status(), 202)


def _location_table(table: Callable[[], LocationTable]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:  # noqa: ARG001
        return _answer(LocationTableDocument.of(table()))

    return answer


class _RequireToken:
    """Middleware that rejects requests without the token."""

    def __init__(self, app: ASGIApp, bearer: str) -> None:
        self._app, self._expected = app, f"Bearer {bearer}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = RefusalError("unauthorized", "Send the engine's token in the header Authorization: Bearer.")
                await _error(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _body(request: Request, model: type[_Body], max_bytes: int = MAX_BODY_BYTES) -> _Body:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise RefusalError(
                "too_large", f"The request is too long; this call accepts at most {max_bytes // 1024} KiB."
            )
    try:
        return model.model_validate_json(bytes(body))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise RefusalError("invalid", f"{where}: {first['msg']}.") from error


def _job_id(request: Request) -> str:
    job_id: str = request.path_params["job_id"]
    if not re.match(JOB_ID, job_id):
        raise RefusalError(
            "unknown_job", f"Invalid job id {job_id[:64]!r}; write 1 to 64 letters, digits, '.', '_' and '-'."
        )
    return job_id


def _wait_s(request: Request) -> float:
    text = request.query_params.get("wait_s", "0")
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", text) or float(text) > MAX_WAIT_S:
        raise RefusalError("invalid", f"Invalid wait_s {text[:20]!r}; write seconds from 0 to {MAX_WAIT_S:g}.")
    return float(text)


def _seen(request: Request) -> str | None:
    text = request.query_params.get("seen")
    if text is None:
        return None
    if not re.match(SEEN, text):
        raise RefusalError("invalid", f"Invalid seen {text[:40]!r}; write a state and a progress, as in running:0.25.")
    state, progress = text.split(":")
    return seen(JobState(state), float(progress))


def _answer(message: pydantic.BaseModel, status: int = 200) -> Response:
    return Response(message.model_dump_json(), status, media_type="application/json")


def _error(refusal: RefusalError) -> Response:
    response = _answer(refusal.body, refusal.status)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _rejected(rejection: Rejection) -> Response:
    return _error(RefusalError("unauthorized", rejection.message))


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, RefusalError)  # noqa: S101  registered for nothing else
    return _error(error)


async def _no_such_call(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for nothing else
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    response = _error(RefusalError(code, f"The protocol has no call {request.method} {request.url.path}."))
    response.headers.update(error.headers or {})
    return response


async def _internal(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    message: ErrorBody = RefusalError("internal", "The engine failed unexpectedly; read its log.").body
    return _answer(message, 500)
