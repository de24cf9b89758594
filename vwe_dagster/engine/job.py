"""The state of one job: validation of its request, its status and its failures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from vwe_dagster.engine.layers import OnLayer, Packed
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
    """Engine that can be served: it reports its capabilities and can verify itself."""

    @property
    def identity(self) -> EngineIdentity:
        """Kind and versions of the engine."""

    @property
    def capabilities(self) -> Capabilities:
        """Layers, world-gen versions and grid sizes of the engine."""

    def generate(self, request: WorldRequest, progress: Progress, on_layer: OnLayer) -> WorldExport:
        """Generate one world and call ``on_layer`` with each finished layer; an exception from ``progress`` stops it.

        Raises:
            EngineError: the engine failed.
        """

    def verify(self) -> None:
        """Compute a known result and compare it.

        Raises:
            EngineError: the result differs.
        """


@runtime_checkable
class SurveyingEngine(ServedEngine, Protocol):
    """Served engine that also computes surveys."""

    def survey(self, request: SurveyRequest, progress: Progress) -> pa.Table:
        """Compute the row of each seed; an exception from ``progress`` stops it.

        Raises:
            EngineError: the engine failed.
        """


class StopError(BaseException):
    """Raised inside a job to stop it; a BaseException, so that no ``except Exception`` in the job catches it."""


@dataclasses.dataclass(eq=False)
class Job:
    """One job; guarded by the lock of :class:`vwe_dagster.engine.jobs.Jobs`."""

    request: AnyJobRequest
    state: JobState = JobState.RUNNING
    progress: float = 0.0
    phase: str = "starting"
    timings_s: Mapping[str, float] = dataclasses.field(default_factory=dict)
    layers: Mapping[str, Packed] = dataclasses.field(default_factory=dict)
    error: ErrorBody | None = None
    stopping: JobState | None = None
    """State of the job after it stops; None unless it was requested to stop."""
    has_ended: bool = False
    ended_at: float = 0.0
    fetched: set[str] = dataclasses.field(default_factory=set)

    def is_over(self) -> bool:
        """Return True if the job's thread has ended."""
        return self.has_ended

    def status(self) -> JobStatus:
        """Return the status message of the job."""
        layers = tuple(info for info, _ in self.layers.values()) if self.state is JobState.DONE else ()
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
    """Reject a request that the engine cannot serve.

    Raises:
        RefusalError: a layer, version, grid or location table is invalid.
    """
    if request.world_gen_version not in can.world_gen_versions:
        versions = ", ".join(map(str, can.world_gen_versions))
        raise RefusalError("invalid", f"Unknown world-gen version {request.world_gen_version}; choose from {versions}.")
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
        raise RefusalError("invalid", "A layer is listed twice; list each once.")
    if not can.min_size <= request.grid.size <= can.max_size:
        raise RefusalError(
            "invalid", f"Invalid grid size {request.grid.size}; choose {can.min_size} to {can.max_size} cells a side."
        )
    requested_table(request)


def requested_table(request: JobRequest) -> LocationTable | None:
    """Return the location table of a request; None for the engine's own.

    Raises:
        RefusalError: a value of the table is invalid.
    """
    if request.location_table is None:
        return None
    try:
        return request.location_table.table("location_table")
    except LocationTableError as error:
        raise RefusalError("invalid", str(error)) from error


def failure(code: str, message: str) -> ErrorBody:
    """Return the error of a failed job."""
    return ErrorBody(code=code, message=message, retryable=JOB_FAILURES[code])


def late(job: Job) -> ErrorBody:
    """Return the error of a job that missed its deadline."""
    return failure("deadline", f"The job did not finish within {job.request.deadline_s:g} s; allow more time.")
