"""What an engine does between calls: one job at a time in a thread of its own, fenced by tokens.

Nothing here knows of HTTP. Every method may be called from any thread; a refusal is a
:class:`~vwe_dagster.engine.protocol.RefusalError`.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping

import psutil

from vwe_dagster.engine.job import (
    Job,
    ServedEngine,
    StopError,
    SurveyingEngine,
    check_request,
    failure,
    late,
    requested_table,
)
from vwe_dagster.engine.layers import Packed, Packing, pack_rows
from vwe_dagster.engine.messages import EngineError, SurveyRequest, WorldRequest
from vwe_dagster.engine.protocol import (
    PROTOCOL,
    ROWS,
    AnyJobRequest,
    EngineState,
    ErrorBody,
    JobRequest,
    JobState,
    JobStatus,
    RefusalError,
    Status,
    SurveyJobRequest,
)
from vwe_dagster.world.grid import Grid

STOP_S = 5.0
"""Seconds that a job may take to stop; one that takes longer hangs, and the engine with it."""

FETCH_S = 30.0
"""Seconds that a draining engine keeps the layers of its last job for."""

_LOG = logging.getLogger(__name__)
_Result = tuple[Mapping[str, Packed], Mapping[str, float]]
"""The layers of a job by name, and the seconds taken by phase."""


class Jobs:
    """The life of one engine, from boot to exit.

    Args:
        engine: what makes the worlds.
        name: what the launcher calls it.
    """

    def __init__(self, engine: ServedEngine, name: str = "") -> None:
        self.on_change: Callable[[], None] = lambda: None
        """Called, in whatever thread, after any change of state or progress."""
        self._engine, self._name = engine, name
        self._boot_id, self._booted, self._used = uuid.uuid4().hex, time.monotonic(), time.monotonic()
        self._changed = threading.Condition()
        self._state, self._token = EngineState.READY, 0
        self._job: Job | None = None
        self._error: ErrorBody | None = None
        self._draining, self._jobs_done = False, 0
        self._process = psutil.Process()

    @property
    def offers_surveys(self) -> bool:
        """Whether the engine computes rows of statistics."""
        return isinstance(self._engine, SurveyingEngine)

    def status(self) -> Status:
        """Who this engine is and what it is doing."""
        memory_bytes = self._process.memory_info().rss
        with self._changed:
            job, now = self._job, time.monotonic()
            identity = self._engine.identity
            return Status(
                protocol=PROTOCOL,
                name=self._name,
                kind=identity.kind,
                version=identity.version,
                game_version=identity.game_version,
                boot_id=self._boot_id,
                state=self._state,
                draining=self._draining,
                job_id=job.request.job_id if job else None,
                progress=job.progress if job else 0.0,
                phase=job.phase if job else "",
                token=self._token,
                pid=os.getpid(),
                uptime_s=round(now - self._booted, 3),
                idle_s=round(self._idle_s(now), 3),
                jobs_done=self._jobs_done,
                memory_bytes=memory_bytes,
                error=self._error,
                capabilities=self._engine.capabilities,
            )

    def claim(self, token: int) -> None:
        """Takes the engine for a holder; a higher token than any before stops what an older holder started."""
        with self._changed:
            self._fence(token)
            self._refuse_if_unwell()
            self._take(token)
            self._used = time.monotonic()

    def start(self, request: AnyJobRequest) -> JobStatus:
        """Starts a job, or finds the one of that id again."""
        check_request(self._engine.capabilities, request)
        with self._changed:
            self._fence(request.token)
            if request.token > self._token:
                raise RefusalError("not_claimed", f"Claim the engine with token {request.token} before its first job.")
            job = self._job
            if job is not None and job.request.job_id == request.job_id:
                if job.request != request:
                    raise RefusalError(
                        "job_conflict", f"Job {request.job_id} is already another one; give each job an id of its own."
                    )
                return job.status()
            self._refuse_if_unwell()
            if self._state in {EngineState.GENERATING, EngineState.RESETTING}:
                raise RefusalError("busy", f"The engine is {self._state}; ask again when it is ready.")
            job = self._job = Job(request)
            self._state, self._used = EngineState.GENERATING, time.monotonic()
            threading.Thread(target=self._run, args=(job,), name=f"job {request.job_id}", daemon=True).start()
            threading.Thread(target=self._watch, args=(job,), name=f"watch {request.job_id}", daemon=True).start()
            self._tell()
            return job.status()

    def job(self, job_id: str) -> JobStatus:
        """How far a job is."""
        with self._changed:
            return self._known(job_id).status()

    def layer(self, job_id: str, name: str) -> Packed:
        """A layer of a job that is done."""
        with self._changed:
            job = self._known(job_id)
            if name not in job.request.layers:
                raise RefusalError(
                    "unknown_layer", f"Job {job_id} has no layer {name}; it has {', '.join(job.request.layers)}."
                )
            if job.state is not JobState.DONE:
                raise RefusalError("not_done", f"Job {job_id} is {job.state}; its layers come when it is done.")
            return job.layers[name]

    def fetched(self, job_id: str, name: str) -> None:
        """Notes that a layer has been sent to the end: a draining engine need not keep it."""
        with self._changed:
            if self._job is not None and self._job.request.job_id == job_id:
                self._job.fetched.add(name)
                self._tell()

    def cancel(self, job_id: str) -> JobStatus:
        """Tells a job to stop; one that has ended is left as it is."""
        with self._changed:
            job = self._known(job_id)
            self._stop(job, JobState.CANCELLED)
            return job.status()

    def reset(self, token: int) -> None:
        """Stops what runs, forgets what was made and proves that the engine is well; takes as long as that takes."""
        with self._changed:
            self._fence(token)
            self._refuse_if_error()
            if self._state is EngineState.RESETTING:
                raise RefusalError("busy", "The engine is resetting already; ask again when it is ready.")
            self._take(token)
            job, self._state, self._used = self._job, EngineState.RESETTING, time.monotonic()
            if job is not None:
                self._stop(job, JobState.CANCELLED)
            self._tell()
            if job is not None and not self._changed.wait_for(job.is_over, STOP_S):
                raise self._reset_failed(f"job {job.request.job_id} did not stop within {STOP_S:.0f} s")
            self._job = job = None
        try:
            self._engine.verify()
        except Exception as error:
            with self._changed:
                raise self._reset_failed(str(error) or type(error).__name__) from error
        with self._changed:
            if self._state is EngineState.RESETTING:
                self._state, self._used = EngineState.READY, time.monotonic()
            self._tell()

    def drain(self) -> None:
        """Takes no more jobs; :meth:`why_exit` says when it is time to go."""
        with self._changed:
            self._draining = True
            self._tell()

    def why_exit(self, idle_exit_s: float | None) -> str | None:
        """Why the process should exit now, in a sentence; None to stay."""
        with self._changed:
            job, now = self._job, time.monotonic()
            if self._state in {EngineState.GENERATING, EngineState.RESETTING}:
                return None
            if idle_exit_s is not None and self._idle_s(now) >= idle_exit_s:
                return f"Nobody has used this engine for {idle_exit_s / 60:g} minutes; it ends."
            if not self._draining:
                return None
            is_kept = self._state is EngineState.EXPORTING and job is not None and set(job.layers) != job.fetched
            if is_kept and job is not None and now - job.ended_at < FETCH_S:
                return None
            return "Drained; it ends."

    def _run(self, job: Job) -> None:
        state, error = JobState.DONE, None
        try:
            request = job.request
            if isinstance(request, SurveyJobRequest):
                job.layers, job.timings_s = self._survey(job, request)
            else:
                job.layers, job.timings_s = self._generate(job, request)
        except StopError:
            state = JobState.CANCELLED
        except MemoryError:
            state, error = JobState.FAILED, failure("out_of_memory", "The engine ran out of memory; give it more.")
        except EngineError as failed:
            state, error = JobState.FAILED, failure("engine_failed", str(failed))
        except BaseException as failed:  # noqa: BLE001  a thread has nobody to raise it to
            _LOG.exception("Job %s failed", job.request.job_id)
            state, error = JobState.FAILED, failure("engine_failed", f"{type(failed).__name__}: {failed}")
        with self._changed:
            self._end(job, state, error)

    def _generate(self, job: Job, request: JobRequest) -> _Result:
        world = WorldRequest(request.seed, Grid.of_world(request.grid.size), request.world_gen_version, request.layers)
        world = dataclasses.replace(world, location_table=requested_table(request))
        with Packing() as packing:
            export = self._engine.generate(world, functools.partial(self._progress, job), packing.add)
            generated = time.perf_counter()
            layers = packing.result()
        return layers, {**export.timings_s, "packing": time.perf_counter() - generated}

    def _survey(self, job: Job, request: SurveyJobRequest) -> _Result:
        # Loading Arrow delays the start of an engine that computes no survey.
        from vwe_dagster.engine.rows import to_bytes  # noqa: PLC0415

        if not isinstance(self._engine, SurveyingEngine):
            raise EngineError("This engine computes no surveys; use the native engine.")
        began = time.perf_counter()
        survey = SurveyRequest(request.seeds, request.depth, request.world_gen_version)
        table = self._engine.survey(survey, functools.partial(self._progress, job))
        computed = time.perf_counter()
        layers = {ROWS: pack_rows(ROWS, to_bytes(table), table.num_rows)}
        return layers, {"rows": computed - began, "packing": time.perf_counter() - computed}

    def _end(self, job: Job, state: JobState, error: ErrorBody | None) -> None:
        """Ends a job whose thread is done; one that has been given up has ended before."""
        job.has_ended, job.ended_at = True, time.monotonic()
        if job.stopping is JobState.FAILED and state is not JobState.DONE:
            state, error = JobState.FAILED, late(job)
        if job.state is JobState.RUNNING:
            job.state, job.error = state, error
            job.progress = 1.0 if state is JobState.DONE else job.progress
            job.phase = str(state)
        self._used = time.monotonic()
        if job is self._job and self._state is EngineState.GENERATING:
            self._state = EngineState.EXPORTING if job.state is JobState.DONE else EngineState.READY
        if error is not None and error.code == "out_of_memory":
            self._fail(error)
        self._jobs_done += job.state is JobState.DONE
        _LOG.info("Job %s: %s%s", job.request.job_id, job.state, f", {job.error.message}" if job.error else "")
        self._tell()

    def _watch(self, job: Job) -> None:
        """Holds a job to its deadline, and to stopping when it is told to."""
        with self._changed:
            stopped = self._changed.wait_for(lambda: job.has_ended or job.stopping is not None, job.request.deadline_s)
            if not stopped:
                self._stop(job, JobState.FAILED)
            if self._changed.wait_for(job.is_over, STOP_S):
                return
            job.state = job.stopping or JobState.FAILED
            job.error = late(job) if job.state is JobState.FAILED else None
            job.phase = "hanging"
            self._fail(failure("engine_failed", f"Job {job.request.job_id} does not stop; destroy this engine."))

    def _progress(self, job: Job, fraction: float, phase: str) -> None:
        with self._changed:
            if job.stopping is not None:
                raise StopError
            # 1.0 is for the job that is done: the layers are still to be hashed.
            fraction, before = round(min(max(fraction, 0.0), 0.99), 4), (job.progress, job.phase)
            job.progress, job.phase = fraction, phase
            if before != (fraction, phase):
                self._tell()

    def _stop(self, job: Job, state: JobState) -> None:
        if job.state is JobState.RUNNING and job.stopping is None:
            job.stopping = state
            job.phase = "stopping"
            self._tell()

    def _take(self, token: int) -> None:
        if token > self._token:
            self._token = token
            if self._job is not None:
                self._stop(self._job, JobState.CANCELLED)
            self._tell()

    def _fence(self, token: int) -> None:
        if token < self._token:
            raise RefusalError(
                "fenced", f"Token {token} is out: the engine has been claimed with {self._token}; lease an engine anew."
            )

    def _refuse_if_unwell(self) -> None:
        self._refuse_if_error()
        if self._draining:
            raise RefusalError("draining", "The engine is draining and takes no more jobs; use another one.")

    def _refuse_if_error(self) -> None:
        if self._error is not None:
            raise RefusalError("engine_error", f"The engine is broken, destroy it: {self._error.message}")

    def _known(self, job_id: str) -> Job:
        if self._job is None or self._job.request.job_id != job_id:
            raise RefusalError("unknown_job", f"There is no job {job_id}, or it was forgotten by a reset; start it.")
        return self._job

    def _reset_failed(self, reason: str) -> RefusalError:
        refusal = RefusalError("reset_failed", f"The reset failed, destroy the engine: {reason}")
        self._fail(refusal.body)
        return refusal

    def _fail(self, error: ErrorBody) -> None:
        _LOG.error("%s", error.message)
        self._state, self._error = EngineState.ERROR, error
        self._tell()

    def _idle_s(self, now: float) -> float:
        is_busy = self._state in {EngineState.GENERATING, EngineState.RESETTING}
        return 0.0 if is_busy else now - self._used

    def _tell(self) -> None:
        self._changed.notify_all()
        self.on_change()
