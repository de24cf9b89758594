"""The benchmark ``vwe bench engine``: the native engine, in separate processes."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vwe_dagster.bench.figures import BenchError, spread

SEED = 75539276
"""The measured world, seed text ``ClaudeTest``; its digest on the 2048 grid is known."""

WORLDS, STARTS, ROUNDS = 9, 5, 7


@dataclasses.dataclass(frozen=True)
class EngineBench:
    """Figures of the native engine on the 2048 grid.

    Attributes:
        instruction_set: the vector instructions that the kernels were compiled for.
        figures: the values of each figure, one per measurement; the name of a figure ends with the unit.
        plain: the values of the plain transcription, for the figures that exist for it.
    """

    instruction_set: str
    figures: Mapping[str, Sequence[float]]
    plain: Mapping[str, Sequence[float]]

    def rows(self, former: Mapping[str, float] | None) -> list[tuple[str, ...]]:
        """Return the rows of the table: the spread, the speed relative to plain, and the change since a former run."""
        table = []
        for name, values in self.figures.items():
            plain, median = self.plain.get(name), statistics.median(values)
            row = name, *(f"{value:.3g}" for value in spread(values))
            row += (f"{statistics.median(plain) / median:.1f}" if plain else "",)
            if former is not None:
                row += (f"{former[name]:.3g}", f"{median / former[name] - 1:+.0%}") if name in former else ("", "")
            table.append(row)
        return table


def former_medians(path: Path) -> dict[str, float]:
    """Return the medians of a report that ``vwe bench engine --json`` wrote.

    Raises:
        BenchError: the file cannot be read, or is not a report of this benchmark.
    """
    try:
        figures: dict[str, list[float]] = json.loads(path.read_text(encoding="utf-8"))["figures"]
        return {name: statistics.median(values) for name, values in figures.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{path} cannot be compared with: {error!r}. Name a file written by 'vwe bench engine --json'."
        raise BenchError(reason) from error


def bench_engine(announce: Callable[[str], None]) -> EngineBench:
    """Measure the native engine on the 2048 grid, biome and height with all pre-generation.

    Raises:
        BenchError: this is not Linux, a process failed, or its world has another digest.
    """
    if sys.platform != "linux":
        raise BenchError("The benchmark pins processes to cores, which needs Linux; run it there.")
    announce("Compiling all kernels with an empty cache, about a minute")
    with tempfile.TemporaryDirectory() as empty:
        compiled = _measure(1, {"NUMBA_CACHE_DIR": empty}, cores=None)
    announce("Starting with compiled kernels")
    _measure(1, {}, cores=None)
    starts = [_measure(1, {}, cores=None) for _ in range(STARTS)]
    announce("Generating worlds on one core, then on all")
    single, every = _measure(WORLDS, {}, cores=1), _measure(WORLDS, {}, cores=None)
    announce("Timing kernels beside the plain transcription")
    kernels = _measure_kernels(ROUNDS)
    timed: dict[str, dict[str, list[float]]] = kernels["figures"]
    figures = {
        **{name: each["fast"] for name, each in timed.items()},
        "world on one core (s)": single["world_s"][1:],
        "world on all cores (s)": every["world_s"][1:],
        "first start, kernels compiled, to a world (s)": compiled["start_s"],
        "import (s)": [start["import_s"][0] for start in starts],
        "later start, import to a world (s)": [start["start_s"][0] for start in starts],
        "peak memory (MB)": [run["peak_mb"][0] for run in (*starts, single, every)],
    }
    return EngineBench(kernels["instruction_set"], figures, {name: each["plain"] for name, each in timed.items()})


def _measure(worlds: int, environment: Mapping[str, str], cores: int | None) -> dict[str, list[float]]:
    """Run :func:`_measured_process` in a new process on the first ``cores`` cores, and return its figures."""
    measured: dict[str, list[float]] = _run(
        [sys.executable, "-m", "vwe_dagster.bench.engine", str(worlds)], environment, cores
    )
    return measured


def _measure_kernels(rounds: int) -> Any:
    """Run :mod:`vwe_dagster.bench.engine_kernels` in a new process on one core, and return its figures."""
    return _run([sys.executable, "-m", "vwe_dagster.bench.engine_kernels", str(rounds)], {}, cores=1)


def _run(command: list[str], environment: Mapping[str, str], cores: int | None) -> Any:
    """Run a command on the first ``cores`` cores, and return its output, parsed as JSON."""

    def pin() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    run = subprocess.run(  # noqa: S603
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=pin if cores else None,
    )
    if run.returncode:
        reason = run.stderr.strip().splitlines()[-1:] or [f"exit code {run.returncode}"]
        raise BenchError(f"The measured process failed: {reason[0]}")
    return json.loads(run.stdout)


def _measured_process(worlds: int) -> None:
    started = time.perf_counter()
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
        sys.exit("The digest of the measured world differs from the game's; the engine is wrong.")
    figures = {"import_s": imported - started, "start_s": imported - started + taken[0], "peak_mb": peak_mb}
    print(json.dumps({**{name: [value] for name, value in figures.items()}, "world_s": taken}))  # noqa: T201


if __name__ == "__main__":
    _measured_process(int(sys.argv[1]))
