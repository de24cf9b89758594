"""Messages and error codes of the engine protocol, version 1.

:mod:`vwe_dagster.engine.server` and :mod:`vwe_dagster.engine.client` send and receive them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import pydantic

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.messages import LANDMARKS, LINES, LOCATIONS, PLANES
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.world.grid import MAX_SIZE, MIN_SIZE

PROTOCOL: Final = 1
MAX_BODY_BYTES = 64 * 1024
"""Maximum length of a request, except one that starts a job."""

MAX_JOB_BYTES = 1024 * 1024
"""Maximum length of a request for a job, which may include a location table; the game's has 113 kilobytes."""

MAX_WAIT_S = 30.0
"""Maximum seconds for which an engine delays the status of a job until it changes."""

MAX_DEADLINE_S = 86_400.0

MAX_SURVEY_SEEDS = 4096
"""Maximum number of seeds in a survey; their integers take at most 48 KiB of a request."""

ROWS = "rows"
"""The only layer of a survey."""

JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
SEEN = r"^(running|done|failed|cancelled):(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"
"""Pattern of the status that a caller last saw, ``STATE:PROGRESS``; see :attr:`JobStatus.seen`."""

REFUSALS: Mapping[str, tuple[int, bool]] = {
    "unauthorized": (401, False),
    "not_found": (404, False),
    "unknown_job": (404, False),
    "unknown_layer": (404, False),
    "method_not_allowed": (405, False),
    "busy": (409, True),
    "fenced": (409, False),
    "job_conflict": (409, False),
    "not_claimed": (409, False),
    "not_done": (409, True),
    "too_large": (413, False),
    "invalid": (422, False),
    "internal": (500, False),
    "reset_failed": (500, False),
    "draining": (503, False),
    "engine_error": (503, False),
}
"""HTTP status of each error code, and True if the same call may succeed later.

A job with an unknown layer is rejected with 422, because its body is invalid.
"""

JOB_FAILURES: Mapping[str, bool] = {"deadline": False, "engine_failed": False, "out_of_memory": False}
"""Error codes of failed jobs, and True if the same engine may succeed with the job later."""

Token = Annotated[int, pydantic.Field(ge=1, le=2**63 - 1, description="Fencing token of the holder's lease.")]
JobId = Annotated[str, pydantic.Field(pattern=JOB_ID, description="Chosen by the holder, never used again.")]
Fraction = Annotated[float, pydantic.Field(ge=0, le=1)]


class EngineState(enum.StrEnum):
    """State of an engine.

    ``starting``: it answers but cannot generate worlds yet. ``exporting``: from the success of a job until a reset or
    the next job.
    """

    STARTING = "starting"
    READY = "ready"
    GENERATING = "generating"
    EXPORTING = "exporting"
    RESETTING = "resetting"
    ERROR = "error"


class JobState(enum.StrEnum):
    """State of a job; all except ``running`` are final."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Message(pydantic.BaseModel):
    """Base of all messages: immutable, strictly typed, without unknown fields."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ErrorBody(Message):
    """Error of a rejected call or a failed job."""

    code: str = pydantic.Field(description="Error code for programs.")
    message: str = pydantic.Field(description="Error message with cause and remedy.")
    retryable: bool = pydantic.Field(description="True if the same call may succeed later.")


class LayerKind(Message):
    """A layer that an engine can generate."""

    name: str
    kind: Literal["plane", "lines"]
    dtype: str | None = pydantic.Field(description="NumPy type of a plane; null for lines.")


class Capabilities(Message):
    """Layers, world-gen versions and grid sizes of an engine."""

    layers: tuple[LayerKind, ...]
    world_gen_versions: tuple[int, ...]
    min_size: int = pydantic.Field(description="Smallest grid, cells along each side.")
    max_size: int = pydantic.Field(description="Largest grid, cells along each side.")


class LoadedPlugin(Message):
    """A plugin that the game has loaded."""

    guid: str
    name: str
    version: str


class GameInfo(Message):
    """Versions of the game behind an engine, its plugins, and the members that the engine misses in it."""

    assembly_sha256: str = pydantic.Field(description="SHA-256 of the game's own code.")
    unity_version: str
    loader_version: str = pydantic.Field(description="Version of the plugin loader.")
    plugins: tuple[LoadedPlugin, ...] = pydantic.Field(description="All loaded plugins, including the engine's own.")
    missing: tuple[str, ...] = pydantic.Field(description="Members of the game that the engine needs but did not find.")


class Status(Message):
    """Identity and state of an engine."""

    protocol: Literal[1]
    name: str = pydantic.Field(description="Name from the launcher.")
    kind: str = pydantic.Field(description="native or valheim.")
    version: str
    game_version: str | None
    boot_id: str = pydantic.Field(description="Random id of the process.")
    state: EngineState
    draining: bool = pydantic.Field(description="True if the engine accepts no more jobs and will exit.")
    job_id: str | None = pydantic.Field(description="Id of the running or last job, until a reset.")
    progress: Fraction
    phase: str
    token: int = pydantic.Field(ge=0, description="The highest fencing token seen, 0 at boot.")
    pid: int
    uptime_s: float
    idle_s: float = pydantic.Field(description="Seconds since the last claim, reset or job.")
    jobs_done: int = pydantic.Field(description="Number of successful jobs.")
    memory_bytes: int = pydantic.Field(description="Resident memory.")
    error: ErrorBody | None = pydantic.Field(description="Cause of the state error.")
    capabilities: Capabilities
    game: GameInfo | None = pydantic.Field(
        default=None, description="Only of the game's engine; null until it is known."
    )


class Holder(Message):
    """Body of a claim or a reset."""

    token: Token


class GridRequest(Message):
    """Grid of the planes, over the whole map."""

    size: int = pydantic.Field(ge=MIN_SIZE, le=MAX_SIZE, description="Cells along each side.")


class JobRequest(Message):
    """Body of a request for one world."""

    token: Token
    job_id: JobId
    seed: int = pydantic.Field(ge=-(2**31), le=2**31 - 1, description="The seed as a signed 32-bit integer.")
    world_gen_version: int = pydantic.Field(ge=0, le=99)
    grid: GridRequest
    layers: Annotated[tuple[str, ...], pydantic.Field(min_length=1, max_length=64)]
    deadline_s: float = pydantic.Field(
        gt=0, le=MAX_DEADLINE_S, description="Seconds from the start within which the job must finish."
    )
    location_table: LocationTableDocument | None = pydantic.Field(
        default=None, description="Location table for native engines; omitted for the engine's own."
    )


class SurveyJobRequest(Message):
    """Body of a request for the statistics rows of many seeds."""

    token: Token
    job_id: JobId
    seeds: Annotated[
        tuple[Annotated[int, pydantic.Field(ge=-(2**31), le=2**31 - 1)], ...],
        pydantic.Field(min_length=1, max_length=MAX_SURVEY_SEEDS, description="Signed 32-bit integers."),
    ]
    depth: Depth = pydantic.Field(description="How much of each world is computed.")
    world_gen_version: int = pydantic.Field(ge=0, le=99)
    deadline_s: float = pydantic.Field(
        gt=0, le=MAX_DEADLINE_S, description="Seconds from the start within which the job must finish."
    )

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the job's layers."""
        return (ROWS,)


AnyJobRequest = JobRequest | SurveyJobRequest


class LayerInfo(Message):
    """Metadata of a finished layer: its type, its size and its hash."""

    name: str
    kind: Literal["plane", "lines", "rows"]
    dtype: str | None = pydantic.Field(description="NumPy type of a plane; null for lines and rows.")
    shape: tuple[int, ...] = pydantic.Field(description="Rows and columns of a plane; number of lines or rows.")
    offset: int = pydantic.Field(
        0, ge=0, description="Position of the first sent byte in a plane; all bytes that are not sent are zero."
    )
    bytes: int = pydantic.Field(ge=0, description="Number of sent bytes.")
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the sent bytes.")


class JobStatus(Message):
    """Status of a job, with its layers once it is done, or its error once it failed."""

    job_id: str
    state: JobState
    progress: Fraction
    phase: str
    timings_s: dict[str, float] = pydantic.Field(description="Seconds taken, by phase.")
    layers: tuple[LayerInfo, ...]
    error: ErrorBody | None

    @property
    def seen(self) -> str:
        """State and progress in the form of the query parameter ``seen``."""
        return seen(self.state, self.progress)


def seen(state: JobState, progress: float) -> str:
    """Format a state and a progress for the query parameter ``seen``, as in ``running:0.2500``."""
    return f"{state}:{progress:.4f}"


def layer_kind(name: str) -> LayerKind:
    """Return the kind of a layer by its name.

    Raises:
        KeyError: the name is unknown.
    """
    if name in {*LINES, LOCATIONS, LANDMARKS}:
        return LayerKind(name=name, kind="lines", dtype=None)
    return LayerKind(name=name, kind="plane", dtype=PLANES[name])


class RefusalError(Exception):
    """Raised to reject a call; the server converts it to a response.

    Args:
        code: one of :data:`REFUSALS`.
        message: a sentence with cause and remedy.
        status: HTTP status; by default that of the code.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status or REFUSALS[code][0]
        self.body = ErrorBody(code=code, message=message, retryable=REFUSALS[code][1])
