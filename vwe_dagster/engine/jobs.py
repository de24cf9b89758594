"""The state machine of an engine: one job at a time in its own thread, fenced by tokens.

This module does not depend on HTTP. All methods are thread-safe; rejected calls raise
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
from vwe_dagster.engine.layers import LayerPacker, Packed, pack_rows
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
"""Seconds within which a job must stop; after that, the job and its engine count as hanging."""

FETCH_S = 30.0
"""Seconds for which a draining engine keeps the layers of its last job."""

_LOG = logging.getLogger(__name__)
_Result = tuple[Mapping[str, Packed], Mapping[str, float]]
"""The layers of a job by name, and the seconds taken by phase."""


class Jobs:
    """State and jobs of one engine, from boot to exit.

    Args:
        engine: the engine that runs the jobs.
        name: name in the engine's status, chosen by the launcher.
    """

    def __init__(self, engine: ServedEngine, name: str = "") -> None:
        self.on_change: Callable[[], None] = lambda: None
        """Called after each change of state or progress, in any thread."""
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
        """True if the engine computes surveys."""
        return isinstance(self._engine, SurveyingEngine)

    def status(self) -> Status:
        """Return the identity and state of the engine."""
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
        """Claim the engine for a holder; a new highest token stops the job of an earlier holder."""
        with self._changed:
            self._fence(token)
            self._reject_if_unavailable()
            self._take(token)
            self._used = time.monotonic()

    def start(self, request: AnyJobRequest) -> JobStatus:
        """Start a job, or return the status of the job with the same id."""
        check_request(self._engine.capabilities, request)
        with self._changed:
            self._fence(request.token)
            if request.token > self._token:
                raise RefusalError("not_claimed", f"Claim the engine with token {request.token} before its first job.")
            job = self._job
            if job is not None and job.request.job_id == request.job_id:
                if job.request != request:
                    raise RefusalError(
                        "job_conflict", f"The id {request.job_id} belongs to another job; use a new id for each job."
                    )
                return job.status()
            self._reject_if_unavailable()
            if self._state in {EngineState.GENERATING, EngineState.RESETTING}:
                raise RefusalError("busy", f"The engine is {self._state}; try again when it is ready.")
            job = self._job = Job(request)
            self._state, self._used = EngineState.GENERATING, time.monotonic()
            threading.Thread(target=self._run, args=(job,), name=f"job {request.job_id}", daemon=True).start()
            threading.Thread(target=self._watch, args=(job,), name=f"watch {request.job_id}", daemon=True).start()
            self._notify()
            return job.status()

    def job(self, job_id: str) -> JobStatus:
        """Return the status of a job."""
        with self._changed:
            return self._known(job_id).status()

    def layer(self, job_id: str, name: str) -> Packed:
        """Return a layer of a finished job."""
        with self._changed:
            job = self._known(job_id)
            if name not in job.request.layers:
                raise RefusalError(
                    "unknown_layer", f"Job {job_id} has no layer {name}; it has {', '.join(job.request.layers)}."
                )
            if job.state is not JobState.DONE:
                raise RefusalError("not_done", f"Job {job_id} is {job.state}; fetch its layers when it is done.")
            return job.layers[name]

    def fetched(self, job_id: str, name: str) -> None:
        """Record that a layer was sent completely, so that a draining engine need not keep it."""
        with self._changed:
            if self._job is not None and self._job.request.job_id == job_id:
                self._job.fetched.add(name)
                self._notify()

    def cancel(self, job_id: str) -> JobStatus:
        """Stop a job; a finished job does not change."""
        with self._changed:
            job = self._known(job_id)
            self._stop(job, JobState.CANCELLED)
            return job.status()

    def reset(self, token: int) -> None:
        """Stop the job, discard its layers and verify the engine; blocks until all of it is done."""
        with self._changed:
            self._fence(token)
            self._reject_if_broken()
            if self._state is EngineState.RESETTING:
                raise RefusalError("busy", "The engine is already resetting; try again when it is ready.")
            self._take(token)
            job, self._state, self._used = self._job, EngineState.RESETTING, time.monotonic()
            if job is not None:
                self._stop(job, JobState.CANCELLED)
            self._notify()
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
            self._notify()

    def drain(self) -> None:
        """Accept no more jobs; :meth:`exit_reason` reports when the process can exit."""
        with self._changed:
            self._draining = True
            self._notify()

    def exit_reason(self, idle_exit_s: float | None) -> str | None:
        """Return a sentence with the reason to exit now; None to keep running."""
        with self._changed:
            job, now = self._job, time.monotonic()
            if self._state in {EngineState.GENERATING, EngineState.RESETTING}:
                return None
            if idle_exit_s is not None and self._idle_s(now) >= idle_exit_s:
                return f"This engine was idle for {idle_exit_s / 60:g} minutes; it exits."
            if not self._draining:
                return None
            is_kept = self._state is EngineState.EXPORTING and job is not None and set(job.layers) != job.fetched
            if is_kept and job is not None and now - job.ended_at < FETCH_S:
                return None
            return "The engine is drained; it exits."

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
        except BaseException as failed:  # noqa: BLE001  no caller would catch it
            _LOG.exception("Job %s failed", job.request.job_id)
            state, error = JobState.FAILED, failure("engine_failed", f"{type(failed).__name__}: {failed}")
        with self._changed:
            self._end(job, state, error)

    def _generate(self, job: Job, request: JobRequest) -> _Result:
        world = WorldRequest(request.seed, Grid.of_world(request.grid.size), request.world_gen_version, request.layers)
        world = dataclasses.replace(world, location_table=requested_table(request))
        with LayerPacker() as packing:
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
        """Record the end of a job's thread; an abandoned job already has its final state."""
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
        self._notify()

    def _watch(self, job: Job) -> None:
        """Stop a job at its deadline; break the engine if the job does not stop in time."""
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
            # Below 1.0, which only a finished job reports: the layers must still be hashed.
            fraction, before = round(min(max(fraction, 0.0), 0.99), 4), (job.progress, job.phase)
            job.progress, job.phase = fraction, phase
            if before != (fraction, phase):
                self._notify()

    def _stop(self, job: Job, state: JobState) -> None:
        if job.state is JobState.RUNNING and job.stopping is None:
            job.stopping = state
            job.phase = "stopping"
            self._notify()

    def _take(self, token: int) -> None:
        if token > self._token:
            self._token = token
            if self._job is not None:
                self._stop(self._job, JobState.CANCELLED)
            self._notify()

    def _fence(self, token: int) -> None:
        if token < self._token:
            raise RefusalError("fenced", f"Token {token} is stale (current: {self._token}); acquire a new lease.")

    def _reject_if_unavailable(self) -> None:
        self._reject_if_broken()
        if self._draining:
            raise RefusalError("draining", "The engine is draining and accepts no more jobs; use another one.")

    def _reject_if_broken(self) -> None:
        if self._error is not None:
            raise RefusalError("engine_error", f"The engine is broken; destroy it. Cause: {self._error.message}")

    def _known(self, job_id: str) -> Job:
        if self._job is None or self._job.request.job_id != job_id:
            raise RefusalError(
                "unknown_job", f"Unknown job {job_id}: it was never started, or a reset discarded it; start it again."
            )
        return self._job

    def _reset_failed(self, reason: str) -> RefusalError:
        refusal = RefusalError("reset_failed", f"The reset failed; destroy the engine. Cause: {reason}")
        self._fail(refusal.body)
        return refusal

    def _fail(self, error: ErrorBody) -> None:
        _LOG.error("%s", error.message)
        self._state, self._error = EngineState.ERROR, error
        self._notify()

    def _idle_s(self, now: float) -> float:
        is_busy = self._state in {EngineState.GENERATING, EngineState.RESETTING}
        return 0.0 if is_busy else now - self._used

    def _notify(self) -> None:
        self._changed.notify_all()
        self.on_change()
