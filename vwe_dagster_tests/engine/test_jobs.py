"""Test the state machine of an engine: how jobs end, and when the process should exit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from vwe_dagster.engine import jobs as jobs_module
from vwe_dagster.engine.jobs import Jobs
from vwe_dagster.engine.layers import OnLayer
from vwe_dagster.engine.messages import EngineError, Progress, WorldExport, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.engine.protocol import EngineState, JobState, RefusalError
from vwe_dagster_tests.engine.engines import a_job, wait_until


class ScriptedEngine(NativeEngine):
    """The native engine with a script that runs before each world."""

    def __init__(self, script: Callable[[Progress], None]) -> None:
        self._script = script

    def generate(self, request: WorldRequest, progress: Progress = ..., on_layer: OnLayer = ...) -> WorldExport:  # type: ignore[assignment]
        self._script(progress)
        return super().generate(request, progress, on_layer)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Return the event that a hanging job waits for; it is set after the test."""
    monkeypatch.setattr(jobs_module, "STOP_S", 0.05)
    gate = threading.Event()
    yield gate
    gate.set()


def serving(script: Callable[[Progress], None]) -> Jobs:
    jobs = Jobs(ScriptedEngine(script))
    jobs.claim(1)
    return jobs


def ended(jobs: Jobs, job_id: str) -> JobState:
    wait_until(lambda: jobs.job(job_id).state is not JobState.RUNNING)
    return jobs.job(job_id).state


def waiting_for(gate: threading.Event) -> Callable[[Progress], None]:
    def script(_: Progress) -> None:
        gate.wait()

    return script


def raising(error: BaseException) -> Callable[[Progress], None]:
    def script(progress: Progress) -> None:
        progress(0.1, "about to fail")
        raise error

    return script


@pytest.mark.parametrize("error", [EngineError("No such world."), ZeroDivisionError("by zero"), SystemExit(1)])
def test_exception_in_the_terrain_code_fails_the_job_but_not_the_engine(error: BaseException) -> None:
    jobs = serving(raising(error))
    job = jobs.start(a_job(1))
    assert ended(jobs, job.job_id) is JobState.FAILED
    reported = jobs.job(job.job_id).error
    assert reported is not None
    assert (reported.code, str(error) in reported.message) == ("engine_failed", True)
    assert jobs.status().state is EngineState.READY


def test_an_engine_that_ran_out_of_memory_is_broken() -> None:
    jobs = serving(raising(MemoryError()))
    job = jobs.start(a_job(1))
    assert ended(jobs, job.job_id) is JobState.FAILED
    error = jobs.job(job.job_id).error
    assert error is not None
    assert error.code == "out_of_memory"
    assert jobs.status().state is EngineState.ERROR
    for call in (lambda: jobs.claim(2), lambda: jobs.reset(1), lambda: jobs.start(a_job(1))):
        with pytest.raises(RefusalError) as refused:
            call()
        assert (refused.value.status, refused.value.body.code) == (503, "engine_error")


def test_a_job_that_ignores_its_deadline_breaks_the_engine(gate: threading.Event) -> None:
    jobs = serving(waiting_for(gate))
    job = jobs.start(a_job(1, deadline_s=0.05))
    assert ended(jobs, job.job_id) is JobState.FAILED
    error = jobs.job(job.job_id).error
    assert error is not None
    assert error.code == "deadline"
    wait_until(lambda: jobs.status().state is EngineState.ERROR)


def test_a_job_that_ignores_its_cancel_breaks_the_engine(gate: threading.Event) -> None:
    jobs = serving(waiting_for(gate))
    job = jobs.start(a_job(1))
    assert jobs.cancel(job.job_id).state is JobState.RUNNING
    assert ended(jobs, job.job_id) is JobState.CANCELLED
    wait_until(lambda: jobs.status().state is EngineState.ERROR)
    gate.set()
    assert jobs.job(job.job_id).state is JobState.CANCELLED


def test_a_reset_that_cannot_stop_the_job_fails(gate: threading.Event) -> None:
    jobs = serving(waiting_for(gate))
    jobs.start(a_job(1))
    with pytest.raises(RefusalError, match="did not stop") as refused:
        jobs.reset(1)
    assert (refused.value.status, refused.value.body.code) == (500, "reset_failed")
    assert jobs.status().state is EngineState.ERROR


def test_engine_with_wrong_results_fails_its_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(NativeEngine())
    jobs.reset(1)
    assert (jobs.status().state, jobs.status().token) == (EngineState.READY, 1)
    monkeypatch.setattr("vwe_dagster.engine.native._REFERENCE_POINTS", ((-1794, 2706, 1, 0),))
    with pytest.raises(RefusalError, match="a height or biome at"):
        jobs.reset(1)
    assert jobs.status().state is EngineState.ERROR


def test_a_busy_engine_is_not_idle() -> None:
    gate = threading.Event()
    jobs = serving(waiting_for(gate))
    job = jobs.start(a_job(1))
    assert jobs.exit_reason(0.0) is None
    gate.set()
    ended(jobs, job.job_id)
    assert jobs.exit_reason(0.0) is not None
    assert jobs.exit_reason(1000.0) is None


def test_a_draining_engine_waits_for_its_job_to_end_and_be_fetched() -> None:
    gate = threading.Event()
    jobs = serving(waiting_for(gate))
    job = a_job(1)
    jobs.start(job)
    jobs.drain()
    assert jobs.exit_reason(None) is None
    with pytest.raises(RefusalError) as refused:
        jobs.claim(2)
    assert refused.value.body.code == "draining"
    gate.set()
    assert ended(jobs, job.job_id) is JobState.DONE
    assert jobs.start(job).state is JobState.DONE
    for name in job.layers:
        assert jobs.exit_reason(None) is None
        jobs.fetched(job.job_id, name)
    assert jobs.exit_reason(None) == "The engine is drained; it exits."


def test_draining_engine_keeps_layers_for_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = serving(lambda _: None)
    job = jobs.start(a_job(1))
    ended(jobs, job.job_id)
    jobs.drain()
    assert jobs.exit_reason(None) is None
    monkeypatch.setattr(jobs_module, "FETCH_S", 0.0)
    assert jobs.exit_reason(None) is not None


def test_idle_engine_drains_immediately() -> None:
    jobs = Jobs(NativeEngine())
    assert jobs.exit_reason(None) is None
    jobs.drain()
    assert jobs.exit_reason(None) is not None
