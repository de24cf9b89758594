"""Many worlds, several of them at once, in the order in which they were asked for."""

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
    """What became of one of many worlds: an export, or the error that it failed with."""

    request: WorldRequest
    export: WorldExport | None = None
    error: Exception | None = None


class Generate(Protocol):
    """Generates one world; called in several threads at once."""

    def __call__(self, request: WorldRequest, progress: Progress, /) -> WorldExport:
        """Generates a world and tells how far it is."""


def outcomes(
    generate: Generate,
    requests: Iterable[WorldRequest],
    *,
    at_once: int,
    progress: Callable[[int, float, str], None] | None = None,
) -> Generator[Outcome]:
    """Generates worlds.

    Outcomes come in the order of the requests, each as soon as it and those before it are there; no more exports
    than are generated at once are kept in memory. A world that fails does not stop the others. Ending the iteration
    early cancels what runs.

    Args:
        generate: generates one.
        requests: read as earlier ones are done.
        at_once: how many at once.
        progress: told of the number of the request (from 0), the fraction done and the phase; from other threads.
    """
    stopped = threading.Event()

    def one(number: int, request: WorldRequest) -> Outcome:
        def report(fraction: float, phase: str) -> None:
            if stopped.is_set():
                raise _StoppedError("It was interrupted.")
            if progress is not None:
                progress(number, fraction, phase)

        try:
            return Outcome(request, export=generate(request, report))
        except Exception as error:  # noqa: BLE001  whatever happens to one world, the others are made
            return Outcome(request, error=error)

    window: collections.deque[Future[Outcome]] = collections.deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="lease") as threads:
        try:
            for number, request in enumerate(requests):
                window.append(threads.submit(one, number, request))
                if len(window) == at_once:
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
        finally:
            stopped.set()
            for future in window:
                future.cancel()


class _StoppedError(EngineError):
    """Somebody stopped asking for worlds."""
