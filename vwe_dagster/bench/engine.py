"""What ``vwe bench engine`` measures: the native engine, in processes of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from vwe_dagster.bench.figures import BenchError

SEED = 75539276
"""The world that is timed, seed text ``ClaudeTest``, and what it must come out as on the 2048 grid."""

WORLDS, STARTS = 9, 5


def bench_engine(announce: Callable[[str], None]) -> Mapping[str, Sequence[float]]:
    """Measures the native engine on the 2048 grid, biome and height with all pre-generation.

    Returns:
        By the name of the figure, with its unit: one value for each time it was measured.

    Raises:
        BenchError: this is not Linux, a process failed, or its world has another digest.
    """
    if sys.platform != "linux":
        raise BenchError("The benchmark pins processes to cores, which only Linux lets it; run it there.")
    announce("Compiling every kernel in an empty cache, half a minute")
    with tempfile.TemporaryDirectory() as empty:
        compiled = _measure(1, {"NUMBA_CACHE_DIR": empty}, cores=None)
    announce("Starting with compiled kernels")
    _measure(1, {}, cores=None)
    starts = [_measure(1, {}, cores=None) for _ in range(STARTS)]
    announce("Making worlds on one core, then on all")
    single, every = _measure(WORLDS, {}, cores=1), _measure(WORLDS, {}, cores=None)
    return {
        "first start, kernels compiled, to a world (s)": compiled["start_s"],
        "import (s)": [start["import_s"][0] for start in starts],
        "later start, import to a world (s)": [start["start_s"][0] for start in starts],
        "world on one core (s)": single["world_s"][1:],
        "world on all cores (s)": every["world_s"][1:],
        "peak memory (MB)": [run["peak_mb"][0] for run in (*starts, single, every)],
    }


def _measure(worlds: int, environment: Mapping[str, str], cores: int | None) -> dict[str, list[float]]:
    """What :func:`_measured_process` prints in a process of its own, on its first ``cores`` cores."""
    command = [sys.executable, "-m", "vwe_dagster.bench.engine", str(worlds), str(cores or 0)]
    run = subprocess.run(  # noqa: S603
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if run.returncode:
        reason = run.stderr.strip().splitlines()[-1:] or [f"exit code {run.returncode}"]
        raise BenchError(f"The measured process failed: {reason[0]}")
    measured: dict[str, list[float]] = json.loads(run.stdout)
    return measured


def _measured_process(worlds: int, cores: int) -> None:
    started = time.perf_counter()
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from vwe_dagster.worldgen import World  # noqa: PLC0415

    imported = time.perf_counter()
    taken = []
    for _ in range(worlds):
        before = time.perf_counter()
        terrain = World(SEED).grid(2048)
        taken.append(time.perf_counter() - before)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    from vwe_dagster.worldgen.digest import KNOWN_DIGESTS, terrain_digest  # noqa: PLC0415

    if terrain_digest(terrain) != KNOWN_DIGESTS[SEED]:
        sys.exit("The world that was timed has another digest than the game's: the engine is wrong, not fast.")
    figures = {"import_s": imported - started, "start_s": imported - started + taken[0], "peak_mb": peak_mb}
    print(json.dumps({**{name: [value] for name, value in figures.items()}, "world_s": taken}))  # noqa: T201


if __name__ == "__main__":
    _measured_process(int(sys.argv[1]), int(sys.argv[2]))
