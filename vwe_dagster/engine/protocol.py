"""The engine protocol, version 1: the messages between an engine and whoever holds it, and the refusals it knows.

Nothing here sends or receives: :mod:`vwe_dagster.engine.server` answers, :mod:`vwe_dagster.engine.client` asks.
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
"""The longest request that an engine reads, but for that of a job."""

MAX_JOB_BYTES = 1024 * 1024
"""The longest request of a job, which may have a location table; the game's own has 113 kilobytes."""

MAX_WAIT_S = 30.0
"""The longest that an engine holds back the answer about a job."""

MAX_DEADLINE_S = 86_400.0

MAX_SURVEY_SEEDS = 4096
"""The most seeds of one survey; their integers take at most 48 KiB of a request."""

ROWS = "rows"
"""The only layer of a survey."""

JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
SEEN = r"^(running|done|failed|cancelled):(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"
"""What a caller last saw of a job, as ``STATE:PROGRESS``; :attr:`JobStatus.seen` writes it."""

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
"""Every code an engine refuses a call with: its HTTP status, and whether the same call may succeed later.

A job that asks for an unknown layer is refused with 422, as its body is at fault.
"""

JOB_FAILURES: Mapping[str, bool] = {"deadline": False, "engine_failed": False, "out_of_memory": False}
"""Every code a job fails with, and whether the same engine may succeed with it later."""

Token = Annotated[int, pydantic.Field(ge=1, le=2**63 - 1, description="Fencing token of the holder's lease.")]
JobId = Annotated[str, pydantic.Field(pattern=JOB_ID, description="Named by the holder, unique for all time.")]
Fraction = Annotated[float, pydantic.Field(ge=0, le=1)]


class EngineState(enum.StrEnum):
    """What an engine is doing; ``exporting`` is from the good end of a job until a reset or the next job.

    One that answers before it can make worlds is ``starting``.
    """

    STARTING = "starting"
    READY = "ready"
    GENERATING = "generating"
    EXPORTING = "exporting"
    RESETTING = "resetting"
    ERROR = "error"


class JobState(enum.StrEnum):
    """How far a job is; all but ``running`` are final."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Message(pydantic.BaseModel):
    """What every message shares: it cannot be changed and has no fields but its own."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ErrorBody(Message):
    """Why a call was refused or a job failed."""

    code: str = pydantic.Field(description="One word for programs.")
    message: str = pydantic.Field(description="A sentence for people.")
    retryable: bool = pydantic.Field(description="Whether the same call may succeed later.")


class LayerKind(Message):
    """A layer that an engine can make."""

    name: str
    kind: Literal["plane", "lines"]
    dtype: str | None = pydantic.Field(description="Of a plane, as NumPy names it; null for lines.")


class Capabilities(Message):
    """What an engine can be asked for."""

    layers: tuple[LayerKind, ...]
    world_gen_versions: tuple[int, ...]
    min_size: int = pydantic.Field(description="The smallest grid, cells along each side.")
    max_size: int = pydantic.Field(description="The largest grid, cells along each side.")


class LoadedPlugin(Message):
    """A plugin that a game has loaded."""

    guid: str
    name: str
    version: str


class GameFacts(Message):
    """The game that an engine is: what may change its worlds, and what the engine looks for in it and does not find."""

    assembly_sha256: str = pydantic.Field(description="Of the game's own code.")
    unity_version: str
    loader_version: str = pydantic.Field(description="Of what loads the plugins.")
    plugins: tuple[LoadedPlugin, ...] = pydantic.Field(description="All of them, the engine's own too.")
    missing: tuple[str, ...] = pydantic.Field(description="Members of the game that were looked for in vain.")


class Status(Message):
    """Who an engine is and what it is doing."""

    protocol: Literal[1]
    name: str = pydantic.Field(description="Given to it by its launcher.")
    kind: str = pydantic.Field(description="native or valheim.")
    version: str
    game_version: str | None
    boot_id: str = pydantic.Field(description="Random, another one in every process.")
    state: EngineState
    draining: bool = pydantic.Field(description="It takes no more jobs and will exit.")
    job_id: str | None = pydantic.Field(description="The job that runs or was last run, until a reset.")
    progress: Fraction
    phase: str
    token: int = pydantic.Field(ge=0, description="The highest fencing token seen, 0 at boot.")
    pid: int
    uptime_s: float
    idle_s: float = pydantic.Field(description="Seconds since it was last claimed, reset, or had a job.")
    jobs_done: int = pydantic.Field(description="Jobs that ended well.")
    memory_bytes: int = pydantic.Field(description="Resident memory.")
    error: ErrorBody | None = pydantic.Field(description="What put it in the state error.")
    capabilities: Capabilities
    game: GameFacts | None = pydantic.Field(
        default=None, description="Of an engine that is a game; null until it knows."
    )


class Holder(Message):
    """The body of a claim or a reset."""

    token: Token


class GridRequest(Message):
    """The grid over the whole map that planes are sampled on."""

    size: int = pydantic.Field(ge=MIN_SIZE, le=MAX_SIZE, description="Cells along each side.")


class JobRequest(Message):
    """One world to be generated."""

    token: Token
    job_id: JobId
    seed: int = pydantic.Field(ge=-(2**31), le=2**31 - 1, description="The seed as a signed 32-bit integer.")
    world_gen_version: int = pydantic.Field(ge=0, le=99)
    grid: GridRequest
    layers: Annotated[tuple[str, ...], pydantic.Field(min_length=1, max_length=64)]
    deadline_s: float = pydantic.Field(gt=0, le=MAX_DEADLINE_S, description="Seconds it may take from its start.")
    location_table: LocationTableDocument | None = pydantic.Field(
        default=None, description="The table to place locations by; left out for the engine's own. Only native engines."
    )


class SurveyJobRequest(Message):
    """Seeds whose rows of statistics are to be computed."""

    token: Token
    job_id: JobId
    seeds: Annotated[
        tuple[Annotated[int, pydantic.Field(ge=-(2**31), le=2**31 - 1)], ...],
        pydantic.Field(min_length=1, max_length=MAX_SURVEY_SEEDS, description="Signed 32-bit integers."),
    ]
    depth: Depth = pydantic.Field(description="How much of each world is computed.")
    world_gen_version: int = pydantic.Field(ge=0, le=99)
    deadline_s: float = pydantic.Field(gt=0, le=MAX_DEADLINE_S, description="Seconds it may take from its start.")

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers that the job results in."""
        return (ROWS,)


AnyJobRequest = JobRequest | SurveyJobRequest


class LayerFacts(Message):
    """A layer that lies ready: what it is and how to tell that it arrived whole."""

    name: str
    kind: Literal["plane", "lines", "rows"]
    dtype: str | None = pydantic.Field(description="Of a plane, as NumPy names it; null for lines and rows.")
    shape: tuple[int, ...] = pydantic.Field(description="Of a plane rows and columns, of lines and rows how many.")
    offset: int = pydantic.Field(
        0, ge=0, description="Of a plane, the byte at which what is sent begins; all that is not sent is zero."
    )
    bytes: int = pydantic.Field(ge=0, description="How many are sent.")
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$", description="Of what is sent.")


class JobStatus(Message):
    """How far a job is; its layers when it is done, its error when it failed."""

    job_id: str
    state: JobState
    progress: Fraction
    phase: str
    timings_s: dict[str, float] = pydantic.Field(description="Seconds taken, by phase.")
    layers: tuple[LayerFacts, ...]
    error: ErrorBody | None

    @property
    def seen(self) -> str:
        """This state and progress, for asking to be told when they differ."""
        return seen(self.state, self.progress)


def seen(state: JobState, progress: float) -> str:
    """A state and a progress as the protocol writes what a caller last saw."""
    return f"{state}:{progress:.4f}"


def layer_kind(name: str) -> LayerKind:
    """The kind of a layer by its name.

    Raises:
        KeyError: there is no such layer.
    """
    if name in {*LINES, LOCATIONS, LANDMARKS}:
        return LayerKind(name=name, kind="lines", dtype=None)
    return LayerKind(name=name, kind="plane", dtype=PLANES[name])


class RefusalError(Exception):
    """A call that an engine refuses; the server turns it into an answer.

    Args:
        code: one of :data:`REFUSALS`.
        message: a sentence.
        status: the HTTP status, where it is not the code's own.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status or REFUSALS[code][0]
        self.body = ErrorBody(code=code, message=message, retryable=REFUSALS[code][1])
