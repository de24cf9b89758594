"""Compute surveys with the native engine, one world per core."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.analysis.row import Value, seed_row
from vwe_dagster.engine.messages import SURVEY_THREADS, EngineError, Progress, SurveyRequest, no_progress
from vwe_dagster.engine.rows import table_of
from vwe_dagster.kernels.cores import limited_cores, usable_cores
from vwe_dagster.worldgen.world import WorldError

_POLL_S = 0.2
"""Seconds between calls of ``progress``, which may stop the survey, while no seed finishes."""


def survey_table(request: SurveyRequest, progress: Progress = no_progress) -> pa.Table:
    """Return the rows of a survey in the order of its seeds; an exception from ``progress`` stops it.

    Each thread computes one world at a time on one core: the kernels release the GIL.

    Args:
        request: the seeds and the depth.
        progress: called after each seed, and every 0.2 s.

    Raises:
        EngineError: a seed or the world-gen version is invalid.
    """
    count, done, ended = len(request.seeds), 0, threading.Semaphore(0)
    threads = ThreadPoolExecutor(min(usable_cores(), SURVEY_THREADS), thread_name_prefix="survey")
    try:
        rows = [threads.submit(_row, seed, request.depth, request.world_gen_version) for seed in request.seeds]
        for row in rows:
            row.add_done_callback(lambda _: ended.release())
        while done < count:
            done += ended.acquire(timeout=_POLL_S)
            progress(done / count, f"{done} of {count} seeds")
        computed = [row.result() for row in rows]
    except WorldError as error:
        raise EngineError(str(error)) from error
    finally:
        # A running kernel cannot be interrupted; waiting for it would delay the end of a canceled job.
        threads.shutdown(wait=False, cancel_futures=True)
    return table_of(request.seeds, computed, request.depth, request.world_gen_version)


def _row(seed: int, depth: Depth, world_gen_version: int) -> Mapping[str, Value]:
    with limited_cores(1):
        return seed_row(seed, depth, world_gen_version)
