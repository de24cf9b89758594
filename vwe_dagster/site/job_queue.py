"""A queue of computations that requests wait for: a few run concurrently, the most recently requested one first."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")

MAX_IDLE = 8
"""Maximum number of queued jobs that no request waits for."""


@dataclasses.dataclass(eq=False)
class Job(Generic[_Result]):
    """A computation.

    Attributes:
        compute: computes the result.
        rank: jobs of a lower rank are computed first.
        after: the job that must be done before.
        result: its result or error.
        waiters: number of requests that wait for it.
    """

    compute: Callable[[], _Result]
    rank: int = 0
    after: Job[Any] | None = None
    result: Future[_Result] = dataclasses.field(default_factory=Future)
    waiters: int = 0

    @property
    def is_ready(self) -> bool:
        """True if it can be computed now, because :attr:`after` is done or None."""
        return self.after is None or self.after.result.done()

    @property
    def has_failed(self) -> bool:
        """True if its computation failed."""
        return self.result.done() and (self.result.cancelled() or self.result.exception() is not None)


class JobQueue:
    """Computes jobs in threads that start with the first job.

    Jobs that no request waits for are computed after the others. Only the newest :data:`MAX_IDLE` of them stay queued.

    Args:
        workers: number of jobs that are computed concurrently.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._change = threading.Condition()
        # The most recently wanted job is the last.
        self._waiting: dict[Job[Any], None] = {}
        self._running: set[Job[Any]] = set()
        self._is_closed = False

    @contextlib.contextmanager
    def wanted(self, job: Job[_Result]) -> Iterator[Future[_Result]]:
        """Queue a job, and count the caller as a waiter until the context ends."""
        with self._change:
            for each in _chain(job):
                each.waiters += 1
            self._add(job)
        try:
            yield job.result
        finally:
            with self._change:
                for each in _chain(job):
                    each.waiters -= 1

    def request(self, job: Job[Any]) -> None:
        """Queue a job without waiting for it."""
        with self._change:
            self._add(job)

    def counts(self) -> tuple[int, int]:
        """Return the numbers of waiting and of running jobs."""
        with self._change:
            return len(self._waiting), len(self._running)

    def close(self) -> None:
        """End the threads after their present jobs, and cancel the other jobs."""
        with self._change:
            self._is_closed = True
            for job in self._waiting:
                job.result.cancel()
            self._waiting.clear()
            self._change.notify_all()

    def _add(self, job: Job[Any]) -> None:
        for each in _chain(job):
            if self._is_closed:
                each.result.cancel()
            elif not each.result.done() and each not in self._running:
                self._waiting.pop(each, None)
                self._waiting[each] = None
        while not self._is_closed and len(self._threads) < self._workers:
            self._threads.append(threading.Thread(target=self._work, name="preview"))
            self._threads[-1].start()
        self._change.notify_all()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            _run(job)
            with self._change:
                self._running.remove(job)
                self._change.notify_all()
            # An idle thread must not keep a world in memory.
            del job

    def _next(self) -> Job[Any] | None:
        """Wait for a job that is ready and return it; return None if the queue is closed."""
        with self._change:
            while not self._is_closed:
                idle = [job for job in self._waiting if not job.waiters]
                for job in idle[:-MAX_IDLE]:
                    del self._waiting[job]
                ready = [job for job in reversed(self._waiting) if job.is_ready]
                if ready:
                    chosen = min(ready, key=lambda job: (not job.waiters, job.rank))
                    del self._waiting[chosen]
                    self._running.add(chosen)
                    return chosen
                self._change.wait()
            return None


def _chain(job: Job[Any]) -> list[Job[Any]]:
    """Return a job and those before it, the first one last."""
    return [job] if job.after is None else [job, *_chain(job.after)]


def _run(job: Job[_Result]) -> None:
    if not job.result.set_running_or_notify_cancel():
        return
    try:
        job.result.set_result(job.compute())
    except BaseException as error:  # noqa: BLE001  the requests that wait report it
        job.result.set_exception(error)
