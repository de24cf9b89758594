"""Generate many worlds concurrently, and return them in the order of the requests."""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from vwe_dagster.engine.messages import EngineError, Progress, WorldExport, WorldRequest


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of one of many worlds: its export, or the error that it failed with."""

    request: WorldRequest
    export: WorldExport | None = None
    error: Exception | None = None


class Generate(Protocol):
    """A function that generates one world; called in several threads concurrently."""

    def __call__(self, request: WorldRequest, progress: Progress, /) -> WorldExport:
        """Generate a world, and report its progress."""


def outcomes(
    generate: Generate,
    requests: Iterable[WorldRequest],
    *,
    concurrency: int,
    progress: Callable[[int, float, str], None] | None = None,
) -> Generator[Outcome]:
    """Generate worlds concurrently, and yield their outcomes in the order of the requests.

    An outcome is yielded as soon as it and all earlier outcomes are complete. At most ``concurrency`` exports are in
    memory. A world that fails does not stop the others. Ending the iteration early cancels running worlds.

    Args:
        generate: generates one world.
        requests: read lazily, as earlier worlds complete.
        concurrency: the number of worlds that are generated concurrently.
        progress: called from other threads with the index of the request, the completed fraction and the phase.
    """
    stopped = threading.Event()

    def generate_one(number: int, request: WorldRequest) -> Outcome:
        def report(fraction: float, phase: str) -> None:
            if stopped.is_set():
                raise _StoppedError("The world was canceled.")
            if progress is not None:
                progress(number, fraction, phase)

        try:
            return Outcome(request, export=generate(request, report))
        except Exception as error:  # noqa: BLE001  no failure of one world may stop the others
            return Outcome(request, error=error)

    window: collections.deque[Future[Outcome]] = collections.deque()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="lease") as threads:
        try:
            for number, request in enumerate(requests):
                window.append(threads.submit(generate_one, number, request))
                if len(window) == concurrency:
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
        finally:
            stopped.set()
            for future in window:
                future.cancel()


class _StoppedError(EngineError):
    """The caller ended the iteration, which cancels running worlds."""
