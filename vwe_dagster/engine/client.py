"""Client of the engine protocol: send calls to an engine, and run jobs until their results are fetched."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import http.client
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Self, TypeVar

import pydantic
import tenacity

from vwe_dagster.engine.connections import Connections, EngineUnreachableError
from vwe_dagster.engine.layers import IncomingLayer, Layer, verify
from vwe_dagster.engine.messages import (
    PLANES,
    EngineError,
    EngineIdentity,
    Progress,
    SurveyExport,
    SurveyRequest,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.protocol import (
    MAX_DEADLINE_S,
    ROWS,
    AnyJobRequest,
    ErrorBody,
    GridRequest,
    Holder,
    JobRequest,
    JobState,
    JobStatus,
    LayerInfo,
    Status,
    SurveyJobRequest,
)
from vwe_dagster.locations.table_bytes import MAX_TABLE_BYTES
from vwe_dagster.locations.table_json import LocationTableDocument

LONG_POLL_S = 20.0
MAX_ANSWER_BYTES = 2**20
"""Maximum length of a JSON response; a response of the game's engine has some kilobytes."""

PATIENCE_S = 3.0
"""Seconds without a response after which an engine counts as dead."""

_CANCEL_S = 2.0
_Message = TypeVar("_Message", bound=pydantic.BaseModel)
_Answer = TypeVar("_Answer")


class EngineRefusedError(EngineError):
    """Raised when the engine rejects a call.

    Attributes:
        code: one of :data:`vwe_dagster.engine.protocol.REFUSALS`.
        retryable: True if the same call may succeed later.
        status: the HTTP status.
    """

    def __init__(self, body: ErrorBody, status: int) -> None:
        super().__init__(body.message)
        self.code, self.retryable, self.status = body.code, body.retryable, status


class EngineClient:
    """Client of one engine with persistent connections. Threads may share it; forked processes may not.

    Args:
        address: ``unix:/path`` or ``http://host:port``.
        bearer: token that is sent with every call; needed over TCP.
        timeout_s: seconds within which the complete response must arrive.
    """

    def __init__(self, address: str, *, bearer: str | None = None, timeout_s: float = 10.0) -> None:
        self.address, self._timeout_s = address, timeout_s
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        self._connections = Connections(address, headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the engine keeps running."""
        self._connections.close()

    def status(self, *, timeout_s: float | None = None) -> Status:
        """Return the identity and state of the engine.

        Every call of this class may raise:
            EngineUnreachableError: there is no response.
            EngineRefusedError: the engine rejects the call.
            EngineError: the response does not follow the protocol.
        """
        return self._call(Status, "GET", "/v1/status", timeout_s=timeout_s)

    def claim(self, token: int) -> Status:
        """Claim the engine with the fencing token of its holder."""
        return self._call(Status, "POST", "/v1/claim", Holder(token=token))

    def start(self, job: JobRequest) -> JobStatus:
        """Start a job, or return the status of the running job with the same id."""
        return self._call(JobStatus, "POST", "/v1/jobs", job)

    def start_survey(self, job: SurveyJobRequest) -> JobStatus:
        """Start a survey, or return the status of the running one with the same id; engines may lack this call.

        Raises:
            EngineError: the engine lacks the call.
        """
        try:
            return self._call(JobStatus, "POST", "/v1/surveys", job)
        except EngineRefusedError as error:
            if error.code != "not_found":
                raise
            raise EngineError(
                f"The engine at {self.address} computes no surveys: {error} Use the native engine. If it is the native "
                "engine, it is of an older version: run 'vwe pool drain' to replace it."
            ) from error

    def job(self, job_id: str, *, wait_s: float = 0, seen: str | None = None) -> JobStatus:
        """Return the status of a job.

        Args:
            job_id: id of the job.
            wait_s: seconds to wait until the status differs from ``seen``.
            seen: :attr:`JobStatus.seen` of an earlier status; None for the present one.
        """
        query = {"wait_s": f"{wait_s:.3f}"} | ({"seen": seen} if seen is not None else {})
        path = f"{_path(job_id)}?{urllib.parse.urlencode(query)}"
        return self._call(JobStatus, "GET", path, timeout_s=self._timeout_s + wait_s)

    def fetch(self, job_id: str, layer: LayerInfo) -> Layer:
        """Return a verified layer of a finished job: a plane as an array, lines as a list.

        Raises:
            EngineError: the bytes do not match the hash.
        """
        return self.download(job_id, layer).layer()

    def download(self, job_id: str, layer: LayerInfo, *, timeout_s: float = MAX_DEADLINE_S) -> IncomingLayer:
        """Return the bytes of a layer, not yet verified.

        Args:
            job_id: the job that generated it.
            layer: its metadata from the job's status.
            timeout_s: limit in seconds; the download also fails if no byte arrives within the client's timeout.
        """
        incoming, filled = IncomingLayer(layer), 0
        path = f"{_path(job_id)}/layers/{layer.name}"
        with self._connections.call("GET", path, None, timeout_s, silence_s=self._timeout_s) as answer:
            if answer.status != http.client.OK:
                raise self._refused(answer.status, self._read(answer))
            while filled < layer.bytes and (count := answer.readinto(incoming.body[filled:])):
                filled += count
            surplus = answer.read(1)
        if filled != layer.bytes:
            raise EngineUnreachableError(f"The layer {layer.name} ended after {filled} of its {layer.bytes} bytes.")
        if surplus:
            raise EngineError(
                f"The layer {layer.name} is longer than its announced {layer.bytes} bytes; destroy the engine."
            )
        return incoming

    def cancel(self, job_id: str, *, timeout_s: float | None = None) -> JobStatus:
        """Cancel a job; return its status."""
        return self._call(JobStatus, "DELETE", _path(job_id), timeout_s=timeout_s)

    def reset(self, token: int, *, timeout_s: float = 30) -> Status:
        """Stop the job, discard its layers and verify the engine against known results."""
        return self._call(Status, "POST", "/v1/reset", Holder(token=token), timeout_s=timeout_s)

    def drain(self) -> Status:
        """Make the engine exit after its job."""
        return self._call(Status, "POST", "/v1/drain")

    def location_table(self) -> LocationTableDocument:
        """Return the engine's location table; engines may lack this call.

        Raises:
            EngineError: the engine lacks the call, or cannot read the table of its game.
        """
        try:
            return self._call(LocationTableDocument, "GET", "/v1/location-table", max_bytes=MAX_TABLE_BYTES)
        except EngineRefusedError as error:
            if error.code != "not_found":
                raise
            raise EngineError(
                f"The engine at {self.address} does not report its location table: {error} "
                "Update the engine, or the plugin in the game."
            ) from error

    def _call(
        self,
        model: type[_Message],
        method: str,
        path: str,
        body: pydantic.BaseModel | None = None,
        *,
        timeout_s: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> _Message:
        content = body.model_dump_json(exclude_none=True).encode() if body is not None else None
        with self._connections.call(method, path, content, timeout_s or self._timeout_s) as answer:
            status, reply = answer.status, self._read(answer, max_bytes)
        if not http.client.OK <= status < http.client.MULTIPLE_CHOICES:
            raise self._refused(status, reply)
        try:
            return model.model_validate_json(reply)
        except pydantic.ValidationError as error:
            raise EngineError(
                f"The engine at {self.address} does not speak version 1 of the engine protocol: "
                f"{error.error_count()} fields are invalid. Restart it with this version of the project."
            ) from error

    def _read(self, answer: http.client.HTTPResponse, max_bytes: int = MAX_ANSWER_BYTES) -> bytes:
        """Return the JSON body of a response.

        Raises:
            EngineError: the body is too long.
        """
        body = answer.read(max_bytes + 1)
        if len(body) > max_bytes:
            raise EngineError(
                f"The engine at {self.address} answered with more than {max_bytes} bytes of JSON; destroy it."
            )
        if answer.length:
            # A partial read does not detect a truncated body.
            raise http.client.IncompleteRead(body, answer.length)
        return body

    def _refused(self, status: int, body: bytes) -> EngineError:
        try:
            return EngineRefusedError(ErrorBody.model_validate_json(body), status)
        except pydantic.ValidationError:
            return EngineError(f"The server at {self.address} is not an engine: it answered with HTTP status {status}.")


def _path(job_id: str) -> str:
    return f"/v1/jobs/{urllib.parse.quote(job_id, safe='')}"


@dataclasses.dataclass(frozen=True)
class JobTerms:
    """The token, the id, the deadline and the callbacks of one job on an engine.

    Attributes:
        token: the fencing token of the holder's lease.
        job_id: an id that is never used again.
        deadline_s: seconds for the job and the download of its layers.
        progress: called with each change that the engine reports.
        exporting: called once, after the job and before the download of its layers.
    """

    token: int
    job_id: str
    deadline_s: float
    progress: Progress = no_progress
    exporting: Callable[[], None] = lambda: None


def run_job(client: EngineClient, request: WorldRequest, terms: JobTerms) -> WorldExport:
    """Generate a world on an engine that was claimed with the token, and fetch its layers.

    A job that already runs with this id is followed. Broken connections are retried. An exception from
    ``terms.progress`` or ``terms.exporting`` cancels the job.

    Args:
        client: client of the engine.
        request: world to generate.
        terms: token, id and deadline of the job.

    Raises:
        EngineError: the engine rejected the job, failed, missed the deadline, or became unreachable.
    """
    ends = time.monotonic() + terms.deadline_s
    with _canceling(client, terms.job_id):
        identity = _with_retries(client.status, ends)
        offered = {layer.name for layer in identity.capabilities.layers}
        job = JobRequest(
            token=terms.token,
            job_id=terms.job_id,
            seed=request.seed,
            world_gen_version=request.world_gen_version,
            grid=GridRequest(size=request.grid.size),
            layers=request.layers_of(offered),
            deadline_s=terms.deadline_s,
            location_table=LocationTableDocument.of(table) if (table := request.location_table) else None,
        )
        done = _follow(client, job, functools.partial(client.start, job), ends, terms.progress)
        for info in done.layers:
            _check_size(info, job.grid.size)
        terms.exporting()
        fetched = time.perf_counter()
        layers = _fetch_all(client, done, ends)
    return WorldExport(
        request=request,
        engine=EngineIdentity(identity.kind, identity.version, identity.game_version),
        planes={name: layer for name, layer in layers.items() if not isinstance(layer, list)},
        lines={name: layer for name, layer in layers.items() if isinstance(layer, list)},
        timings_s={**done.timings_s, "transfer": time.perf_counter() - fetched},
    )


def run_survey(client: EngineClient, request: SurveyRequest, terms: JobTerms) -> SurveyExport:
    """Compute the rows of a survey on an engine, and fetch them; the arguments are those of :func:`run_job`.

    Raises:
        EngineError: as for :func:`run_job`; or the engine computes no surveys, or rows of another version.
    """
    from vwe_dagster.engine.rows import from_bytes  # noqa: PLC0415  it loads Arrow

    ends = time.monotonic() + terms.deadline_s
    with _canceling(client, terms.job_id):
        identity = _with_retries(client.status, ends)
        job = SurveyJobRequest(
            token=terms.token,
            job_id=terms.job_id,
            seeds=request.seeds,
            depth=request.depth,
            world_gen_version=request.world_gen_version,
            deadline_s=terms.deadline_s,
        )
        done = _follow(client, job, functools.partial(client.start_survey, job), ends, terms.progress)
        terms.exporting()
        fetched = time.perf_counter()
        (info,) = done.layers
        if info.kind != ROWS:
            raise EngineError(
                f"The layer {info.name} of a survey is of the kind {info.kind}, not rows; destroy the engine."
            )
        arrived = _with_retries(functools.partial(_download, client, terms.job_id, info, ends), ends)
        verify(info, arrived.body)
        table = from_bytes(arrived.body, request)
    return SurveyExport(
        request=request,
        engine=EngineIdentity(identity.kind, identity.version, identity.game_version),
        table=table,
        timings_s={**done.timings_s, "transfer": time.perf_counter() - fetched},
    )


@contextlib.contextmanager
def _canceling(client: EngineClient, job_id: str) -> Iterator[None]:
    """Cancel the job if the block raises, unless the engine is unreachable."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, EngineUnreachableError):
            with contextlib.suppress(EngineError):
                client.cancel(job_id, timeout_s=_CANCEL_S)
        raise


def _follow(
    client: EngineClient, job: AnyJobRequest, start: Callable[[], JobStatus], ends: float, progress: Progress
) -> JobStatus:
    """Start a job and wait until it is done.

    Raises:
        EngineError: the job failed, was canceled, or missed the deadline.
    """
    status = _with_retries(start, ends)
    while status.state is JobState.RUNNING:
        progress(status.progress, status.phase)
        left = ends - time.monotonic()
        if left <= 0:
            raise EngineError(
                f"The engine at {client.address} did not finish within {job.deadline_s:g} s; allow more time."
            )
        poll = functools.partial(client.job, job.job_id, wait_s=min(LONG_POLL_S, left), seen=status.seen)
        status = _with_retries(poll, ends)
    if status.state is JobState.DONE:
        names = [info.name for info in status.layers]
        if sorted(names) != sorted(job.layers):
            raise EngineError(
                f"The engine at {client.address} was asked for the layers {', '.join(job.layers)} and returned "
                f"{', '.join(names) or 'none'}; destroy it."
            )
        progress(status.progress, status.phase)
        return status
    reason = status.error.message if status.error is not None else f"It was {status.state}."
    what = "world" if isinstance(job, JobRequest) else "survey"
    raise EngineError(f"The engine at {client.address} did not finish the {what}: {reason}")


def _check_size(info: LayerInfo, size: int) -> None:
    """Raise EngineError if a layer has not the requested size: its metadata decides how much memory is allocated."""
    if info.kind == "plane" and info.shape != (size, size):
        raise EngineError(
            f"The engine was asked for planes of {size} x {size} cells, but its layer {info.name} has the shape "
            f"{info.shape}; destroy the engine."
        )
    if info.name in PLANES and info.dtype != PLANES[info.name]:
        raise EngineError(
            f"The layer {info.name} is a {info.kind} layer of type {info.dtype}, not a plane of type "
            f"{PLANES[info.name]}; destroy the engine."
        )


def _download(client: EngineClient, job_id: str, info: LayerInfo, ends: float) -> IncomingLayer:
    return client.download(job_id, info, timeout_s=_left_s(ends))


def _fetch_all(client: EngineClient, done: JobStatus, ends: float) -> dict[str, Layer]:
    """Return all layers of a job; each is verified while the next one is downloaded."""
    # Parsing lines holds the GIL, so they come last, when only a hash remains for the other threads.
    ordered = sorted(done.layers, key=lambda info: (info.kind == "lines", -info.bytes))
    layers: dict[str, Layer] = {}
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        planes = {}
        for info in ordered:
            arrived = _with_retries(functools.partial(_download, client, done.job_id, info, ends), ends)
            if info.kind == "plane":
                planes[info.name] = threads.submit(arrived.layer)
            else:
                layers[info.name] = arrived.layer()
        return layers | {name: plane.result() for name, plane in planes.items()}


def _left_s(ends: float) -> float:
    """Return the seconds until the deadline of a job; 1 ms if it has passed."""
    return max(ends - time.monotonic(), 0.001)


def _with_retries(call: Callable[[], _Answer], ends: float) -> _Answer:
    """Retry a call: for :data:`PATIENCE_S` if the engine is unreachable, until the deadline if it is busy."""

    def is_hopeless(state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        is_silent = isinstance(error, EngineUnreachableError) and (state.seconds_since_start or 0) >= PATIENCE_S
        return is_silent or time.monotonic() >= ends

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_retryable),
        stop=is_hopeless,
        wait=tenacity.wait_exponential(multiplier=0.02, max=0.5) + tenacity.wait_random(0, 0.02),
        reraise=True,
    )
    return retrying(call)


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, EngineUnreachableError) or (isinstance(error, EngineRefusedError) and error.retryable)
