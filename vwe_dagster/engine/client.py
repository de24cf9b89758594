"""The other side of the protocol: asks an engine, wherever it runs, and follows a job to its world."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import http.client
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Self, TypeVar

import pydantic
import tenacity

from vwe_dagster.engine.connections import Connections, EngineUnreachableError
from vwe_dagster.engine.layers import Arriving, Layer, verify
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
    LayerFacts,
    Status,
    SurveyJobRequest,
)
from vwe_dagster.locations.table_json import LocationTableDocument

LONG_POLL_S = 20.0
MAX_ANSWER_BYTES = 2**20
"""The longest answer in JSON that is read; that of an engine of the game has some kilobytes."""

MAX_TABLE_BYTES = 16 * 2**20
"""The longest location table that is read; the shipped one has 113 kilobytes."""

PATIENCE_S = 3.0
"""Seconds of silence after which an engine that was answering is taken for dead."""

_CANCEL_S = 2.0
_Message = TypeVar("_Message", bound=pydantic.BaseModel)
_Answer = TypeVar("_Answer")


class EngineRefusedError(EngineError):
    """The engine refused a call.

    Attributes:
        code: one of :data:`vwe_dagster.engine.protocol.REFUSALS`.
        retryable: whether the same call may succeed later.
        status: the HTTP status.
    """

    def __init__(self, body: ErrorBody, status: int) -> None:
        super().__init__(body.message)
        self.code, self.retryable, self.status = body.code, body.retryable, status


class EngineClient:
    """Calls one engine and keeps the connection. Threads may share it; forked processes may not.

    Args:
        address: ``unix:/path`` or ``http://host:port``.
        bearer: the token that every call carries, for TCP.
        timeout_s: seconds after which an engine without a complete answer counts as unreachable.
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
        """Closes the connection; the engine goes on."""
        self._connections.close()

    def status(self, *, timeout_s: float | None = None) -> Status:
        """Who the engine is and what it is doing.

        Every call of this class may raise:
            EngineUnreachableError: nobody answers.
            EngineRefusedError: the engine refuses.
            EngineError: what answers does not speak the protocol.
        """
        return self._call(Status, "GET", "/v1/status", timeout_s=timeout_s)

    def claim(self, token: int) -> Status:
        """Takes the engine for a holder."""
        return self._call(Status, "POST", "/v1/claim", Holder(token=token))

    def start(self, job: JobRequest) -> JobStatus:
        """Starts a job, or finds it again."""
        return self._call(JobStatus, "POST", "/v1/jobs", job)

    def start_survey(self, job: SurveyJobRequest) -> JobStatus:
        """Start a survey, or find it again; the call is optional.

        Raises:
            EngineError: the engine has no such call.
        """
        try:
            return self._call(JobStatus, "POST", "/v1/surveys", job)
        except EngineRefusedError as error:
            if error.code != "not_found":
                raise
            raise EngineError(
                f"The engine at {self.address} computes no surveys: {error} Use the native engine; if it is one, it is "
                "older than this version of the project: end it with 'vwe pool drain', and a new one is started."
            ) from error

    def job(self, job_id: str, *, wait_s: float = 0, seen: str | None = None) -> JobStatus:
        """How far a job is; with ``wait_s`` as soon as it differs from ``seen``, :attr:`JobStatus.seen` of before."""
        query = {"wait_s": f"{wait_s:.3f}"} | ({"seen": seen} if seen is not None else {})
        path = f"{_path(job_id)}?{urllib.parse.urlencode(query)}"
        return self._call(JobStatus, "GET", path, timeout_s=self._timeout_s + wait_s)

    def fetch(self, job_id: str, layer: LayerFacts) -> Layer:
        """A layer of a job that is done, verified: a plane as an array, lines as a list.

        Raises:
            EngineError: it did not arrive as the engine made it.
        """
        return self.download(job_id, layer).layer()

    def download(self, job_id: str, layer: LayerFacts, *, timeout_s: float = MAX_DEADLINE_S) -> Arriving:
        """Return the bytes of a layer, not yet verified.

        Args:
            job_id: the job that generated it.
            layer: its metadata from the job's status.
            timeout_s: seconds that the download may take; it also fails when no byte arrives for the client's timeout.
        """
        arriving, filled = Arriving(layer), 0
        path = f"{_path(job_id)}/layers/{layer.name}"
        with self._connections.call("GET", path, None, timeout_s, silence_s=self._timeout_s) as answer:
            if answer.status != http.client.OK:
                raise self._refused(answer.status, self._read(answer))
            while filled < layer.bytes and (count := answer.readinto(arriving.body[filled:])):
                filled += count
            surplus = answer.read(1)
        if filled != layer.bytes:
            raise EngineUnreachableError(f"The layer {layer.name} ended after {filled} of its {layer.bytes} bytes.")
        if surplus:
            raise EngineError(f"The layer {layer.name} is longer than the engine said; the engine is broken.")
        return arriving

    def cancel(self, job_id: str, *, timeout_s: float | None = None) -> JobStatus:
        """Tells a job to stop."""
        return self._call(JobStatus, "DELETE", _path(job_id), timeout_s=timeout_s)

    def reset(self, token: int, *, timeout_s: float = 30) -> Status:
        """Stops what runs, forgets what was made and has the engine prove that it is well."""
        return self._call(Status, "POST", "/v1/reset", Holder(token=token), timeout_s=timeout_s)

    def drain(self) -> Status:
        """Has the engine exit when its job has ended."""
        return self._call(Status, "POST", "/v1/drain")

    def location_table(self) -> LocationTableDocument:
        """Return the table that the engine places locations by; the call is optional.

        Raises:
            EngineError: the engine has no such call, or cannot read the table of its game.
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
            status, said = answer.status, self._read(answer, max_bytes)
        if not http.client.OK <= status < http.client.MULTIPLE_CHOICES:
            raise self._refused(status, said)
        try:
            return model.model_validate_json(said)
        except pydantic.ValidationError as error:
            raise EngineError(
                f"What answers at {self.address} does not speak version 1 of the engine protocol; "
                f"restart it with this version of the project. {error.error_count()} fields are wrong."
            ) from error

    def _read(self, answer: http.client.HTTPResponse, max_bytes: int = MAX_ANSWER_BYTES) -> bytes:
        """Return the body of an answer in JSON.

        Raises:
            EngineError: it is longer than any engine's.
        """
        said = answer.read(max_bytes + 1)
        if len(said) > max_bytes:
            raise EngineError(
                f"The engine at {self.address} answered with more than {max_bytes} bytes of JSON; "
                f"it is broken, destroy it."
            )
        if answer.length:
            # Reading a part of the body does not check that the rest arrives.
            raise http.client.IncompleteRead(said, answer.length)
        return said

    def _refused(self, status: int, said: bytes) -> EngineError:
        try:
            return EngineRefusedError(ErrorBody.model_validate_json(said), status)
        except pydantic.ValidationError:
            return EngineError(f"What answers at {self.address} is no engine: it said {status}.")


def _path(job_id: str) -> str:
    return f"/v1/jobs/{urllib.parse.quote(job_id, safe='')}"


def run_job(
    client: EngineClient,
    request: WorldRequest,
    *,
    token: int,
    job_id: str,
    deadline_s: float,
    progress: Progress = no_progress,
    exporting: Callable[[], None] = lambda: None,
) -> WorldExport:
    """Has an engine generate a world, and fetches it; the engine must have been claimed with the token.

    A job that runs already under this id is followed; broken connections are made again. Whatever ``progress`` or
    ``exporting`` raises cancels the job.

    Args:
        client: the engine.
        request: the world.
        token: the fencing token of the holder's lease.
        job_id: unique for all time.
        deadline_s: seconds that the job, with its layers fetched, may take.
        progress: told whenever the engine tells.
        exporting: called once the job is done, before its layers are fetched.

    Raises:
        EngineError: the engine refused, failed, was late, or cannot be reached any more.
    """
    ends = time.monotonic() + deadline_s
    with _cancelling(client, job_id):
        identity = _insisting(client.status, ends)
        offered = {layer.name for layer in identity.capabilities.layers}
        asking = JobRequest(
            token=token,
            job_id=job_id,
            seed=request.seed,
            world_gen_version=request.world_gen_version,
            grid=GridRequest(size=request.grid.size),
            layers=request.layers_of(offered),
            deadline_s=deadline_s,
            location_table=LocationTableDocument.of(table) if (table := request.location_table) else None,
        )
        done = _follow(client, asking, functools.partial(client.start, asking), ends, progress)
        for facts in done.layers:
            _check_size(facts, asking.grid.size)
        exporting()
        fetched = time.perf_counter()
        layers = _fetch_all(client, done, ends)
    return WorldExport(
        request=request,
        engine=EngineIdentity(identity.kind, identity.version, identity.game_version),
        planes={name: layer for name, layer in layers.items() if not isinstance(layer, list)},
        lines={name: layer for name, layer in layers.items() if isinstance(layer, list)},
        timings_s={**done.timings_s, "transfer": time.perf_counter() - fetched},
    )


def run_survey(
    client: EngineClient,
    request: SurveyRequest,
    *,
    token: int,
    job_id: str,
    deadline_s: float,
    progress: Progress = no_progress,
    exporting: Callable[[], None] = lambda: None,
) -> SurveyExport:
    """Have an engine compute the rows of a survey, and fetch them; the arguments are those of :func:`run_job`.

    Raises:
        EngineError: the engine refused, failed, was late, computes no surveys, or computes rows of another version.
    """
    from vwe_dagster.engine.rows import from_bytes  # noqa: PLC0415  it loads Arrow

    ends = time.monotonic() + deadline_s
    with _cancelling(client, job_id):
        identity = _insisting(client.status, ends)
        asking = SurveyJobRequest(
            token=token,
            job_id=job_id,
            seeds=request.seeds,
            depth=request.depth,
            world_gen_version=request.world_gen_version,
            deadline_s=deadline_s,
        )
        done = _follow(client, asking, functools.partial(client.start_survey, asking), ends, progress)
        exporting()
        fetched = time.perf_counter()
        (facts,) = done.layers
        if facts.kind != ROWS:
            raise EngineError(f"The layer {facts.name} of a survey is {facts.kind}; the engine is broken, destroy it.")
        arrived = _insisting(functools.partial(_download, client, job_id, facts, ends), ends)
        verify(facts, arrived.body)
        table = from_bytes(arrived.body, request)
    return SurveyExport(
        request=request,
        engine=EngineIdentity(identity.kind, identity.version, identity.game_version),
        table=table,
        timings_s={**done.timings_s, "transfer": time.perf_counter() - fetched},
    )


@contextlib.contextmanager
def _cancelling(client: EngineClient, job_id: str) -> Iterator[None]:
    """Cancel a job if anything is raised in the block, unless the engine cannot be reached."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, EngineUnreachableError):
            with contextlib.suppress(EngineError):
                client.cancel(job_id, timeout_s=_CANCEL_S)
        raise


def _follow(
    client: EngineClient, asking: AnyJobRequest, start: Callable[[], JobStatus], ends: float, progress: Progress
) -> JobStatus:
    """Starts a job and waits for its good end."""
    status = _insisting(start, ends)
    while status.state is JobState.RUNNING:
        progress(status.progress, status.phase)
        left = ends - time.monotonic()
        if left <= 0:
            raise EngineError(
                f"The engine at {client.address} did not finish within {asking.deadline_s:g} s; allow more time."
            )
        ask = functools.partial(client.job, asking.job_id, wait_s=min(LONG_POLL_S, left), seen=status.seen)
        status = _insisting(ask, ends)
    if status.state is JobState.DONE:
        made = [facts.name for facts in status.layers]
        if sorted(made) != sorted(asking.layers):
            raise EngineError(
                f"The engine at {client.address} was asked for the layers {', '.join(asking.layers)} and has made "
                f"{', '.join(made) or 'none'}; it is broken, destroy it."
            )
        progress(status.progress, status.phase)
        return status
    reason = status.error.message if status.error is not None else f"It was {status.state}."
    what = "world" if isinstance(asking, JobRequest) else "survey"
    raise EngineError(f"The engine at {client.address} did not finish the {what}: {reason}")


def _check_size(facts: LayerFacts, size: int) -> None:
    """Raise EngineError if a layer is not of the size that was requested; memory is allocated by its facts."""
    if facts.kind == "plane" and facts.shape != (size, size):
        raise EngineError(
            f"The engine was asked for planes of {size} x {size} cells, and its layer {facts.name} has the shape "
            f"{facts.shape}; it is broken, destroy it."
        )
    if facts.name in PLANES and facts.dtype != PLANES[facts.name]:
        raise EngineError(
            f"The layer {facts.name} is {facts.kind} of the type {facts.dtype}, not a plane of {PLANES[facts.name]}; "
            f"the engine is broken, destroy it."
        )


def _download(client: EngineClient, job_id: str, facts: LayerFacts, ends: float) -> Arriving:
    return client.download(job_id, facts, timeout_s=_left_s(ends))


def _fetch_all(client: EngineClient, done: JobStatus, ends: float) -> dict[str, Layer]:
    """Every layer of a job, each verified while the next is on its way."""
    # Reading lines keeps every other thread waiting, so they come last, when only a hash is left to do.
    ordered = sorted(done.layers, key=lambda facts: (facts.kind == "lines", -facts.bytes))
    layers: dict[str, Layer] = {}
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        planes = {}
        for facts in ordered:
            arrived = _insisting(functools.partial(_download, client, done.job_id, facts, ends), ends)
            if facts.kind == "plane":
                planes[facts.name] = threads.submit(arrived.layer)
            else:
                layers[facts.name] = arrived.layer()
        return layers | {name: plane.result() for name, plane in planes.items()}


def _left_s(ends: float) -> float:
    """Return the seconds until the deadline of a job; 1 ms if it has passed."""
    return max(ends - time.monotonic(), 0.001)


def _insisting(call: Callable[[], _Answer], ends: float) -> _Answer:
    """Calls until there is an answer: for :data:`PATIENCE_S` if nobody answers, else until the deadline."""

    def is_hopeless(state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        is_silent = isinstance(error, EngineUnreachableError) and (state.seconds_since_start or 0) >= PATIENCE_S
        return is_silent or time.monotonic() >= ends

    insisting = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        stop=is_hopeless,
        wait=tenacity.wait_exponential(multiplier=0.02, max=0.5) + tenacity.wait_random(0, 0.02),
        reraise=True,
    )
    return insisting(call)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, EngineUnreachableError) or (isinstance(error, EngineRefusedError) and error.retryable)
