"""One job and the engine that runs it: what a request must be, how far it is, and how it fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from vwe_dagster.engine.layers import Made, Packed
from vwe_dagster.engine.messages import EngineIdentity, Progress, SurveyRequest, WorldExport, WorldRequest
from vwe_dagster.engine.protocol import (
    JOB_FAILURES,
    AnyJobRequest,
    Capabilities,
    ErrorBody,
    JobRequest,
    JobState,
    JobStatus,
    RefusalError,
)
from vwe_dagster.locations.location_table import LocationTable, LocationTableError

if TYPE_CHECKING:
    import pyarrow as pa


class ServedEngine(Protocol):
    """An engine that can be served: one that tells what it can do and proves that it still can."""

    @property
    def identity(self) -> EngineIdentity:
        """Who this engine is."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can be asked for."""

    def generate(self, request: WorldRequest, progress: Progress, made: Made) -> WorldExport:
        """Generates one world, stops when ``progress`` raises, and tells ``made`` of each layer as it is finished.

        Raises:
            EngineError: it failed.
        """

    def verify(self) -> None:
        """Generates something known and compares.

        Raises:
            EngineError: it came out as something else.
        """


@runtime_checkable
class SurveyingEngine(ServedEngine, Protocol):
    """A served engine that also computes rows of statistics."""

    def survey(self, request: SurveyRequest, progress: Progress) -> pa.Table:
        """Compute the row of each seed, and stop when ``progress`` raises.

        Raises:
            EngineError: it failed.
        """


class StopError(BaseException):
    """Raised inside a job to stop it; no ``except Exception`` of the terrain code may hold it up."""


@dataclasses.dataclass(eq=False)
class Job:
    """One job, as far as it is; whoever holds the lock of :class:`vwe_dagster.engine.jobs.Jobs` may change it."""

    request: AnyJobRequest
    state: JobState = JobState.RUNNING
    progress: float = 0.0
    phase: str = "starting"
    timings_s: Mapping[str, float] = dataclasses.field(default_factory=dict)
    layers: Mapping[str, Packed] = dataclasses.field(default_factory=dict)
    error: ErrorBody | None = None
    stopping: JobState | None = None
    """What it becomes when it stops, once it has been told to."""
    has_ended: bool = False
    ended_at: float = 0.0
    fetched: set[str] = dataclasses.field(default_factory=set)

    def is_over(self) -> bool:
        """Whether its thread is done."""
        return self.has_ended

    def status(self) -> JobStatus:
        """What is told of it."""
        layers = tuple(facts for facts, _ in self.layers.values()) if self.state is JobState.DONE else ()
        return JobStatus(
            job_id=self.request.job_id,
            state=self.state,
            progress=self.progress,
            phase=self.phase,
            timings_s=dict(self.timings_s),
            layers=layers,
            error=self.error,
        )


def check_request(can: Capabilities, request: AnyJobRequest) -> None:
    """Refuses what an engine cannot make.

    Raises:
        RefusalError: it asks for a layer, version or grid that there is not, or has an impossible location table.
    """
    if request.world_gen_version not in can.world_gen_versions:
        raise RefusalError("invalid", f"There is no world-gen version {request.world_gen_version} on this engine.")
    if isinstance(request, JobRequest):
        _check_world(can, request)


def _check_world(can: Capabilities, request: JobRequest) -> None:
    names = [layer.name for layer in can.layers]
    unknown = sorted(set(request.layers) - set(names))
    if unknown:
        raise RefusalError(
            "unknown_layer",
            f"There is no layer {', '.join(unknown)}; this engine has {', '.join(names)}.",
            status=422,
        )
    if len(set(request.layers)) != len(request.layers):
        raise RefusalError("invalid", "A layer is asked for twice; name each once.")
    if not can.min_size <= request.grid.size <= can.max_size:
        raise RefusalError("invalid", f"This engine's grids have {can.min_size} to {can.max_size} cells a side.")
    requested_table(request)


def requested_table(request: JobRequest) -> LocationTable | None:
    """Return the location table of a request; None for the engine's own.

    Raises:
        RefusalError: a value of the table is impossible.
    """
    if request.location_table is None:
        return None
    try:
        return request.location_table.table("location_table")
    except LocationTableError as error:
        raise RefusalError("invalid", str(error)) from error


def failure(code: str, message: str) -> ErrorBody:
    """Why a job failed."""
    return ErrorBody(code=code, message=message, retryable=JOB_FAILURES[code])


def late(job: Job) -> ErrorBody:
    """Why a job failed that outlived its deadline."""
    return failure("deadline", f"It was not done within {job.request.deadline_s:g} s; allow more time.")
