"""The benchmark ``vwe bench survey``: seeds per second and core at each depth, in processes of their own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from vwe_dagster.analysis.columns import ROW_VERSION, Depth
from vwe_dagster.bench.figures import BenchError
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.seeds.permutation import seeds_from

SEEDS: Mapping[Depth, int] = {Depth.START: 400, Depth.WORLD: 24, Depth.ALL: 8}
"""Seeds that are measured for each core, the first of the survey."""

SAMPLE = 4
"""Rows at the beginning whose digest is checked."""

KNOWN_DIGESTS: Mapping[str, Mapping[Depth, str]] = {
    "2": {
        Depth.START: "b119639d346428a45dace2904a7f42283f17f936c94f3ea7df5adf1db0d5a83c",
        Depth.WORLD: "d429ead02703df2c85e16b44d55be85642929ed8484b3434c4e92333c679db67",
        Depth.ALL: "02872599ddd4bbd5d66b00a82e0f0098a6894903b5d6f2b2b3fe450c97840333",
    }
}
"""Digests of the sampled rows by the version of the rows; see :func:`sample_digest`."""


@dataclasses.dataclass(frozen=True)
class SurveyFigure:
    """The measurement of one depth.

    Attributes:
        depth: the depth.
        cores: the cores that the process was given.
        seeds: number of surveyed seeds.
        seconds: duration of the survey, without loading kernels.
        cpu_seconds: processor time of the process meanwhile; other work of the machine changes it little.
        peak_mb: greatest resident memory of the process.
    """

    depth: Depth
    cores: int
    seeds: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    def row(self) -> tuple[str, ...]:
        """Return the row of the table."""
        rate = self.seeds / self.seconds
        return (
            self.depth.value,
            str(self.cores),
            str(self.seeds),
            f"{rate:,.2f}",
            f"{rate / self.cores:,.2f}",
            f"{self.seeds / self.cpu_seconds:,.2f}",
            f"{self.peak_mb:,.0f}",
        )


@dataclasses.dataclass(frozen=True)
class SurveyBench:
    """A whole benchmark.

    Attributes:
        row_version: the version of the rows.
        load: the load of the machine over the last minute, before the measurement.
        figures: the measurements.
    """

    row_version: str
    load: float
    figures: Sequence[SurveyFigure]


def bench_survey(announce: Callable[[str], None], seeds: Mapping[Depth, int] = SEEDS) -> SurveyBench:
    """Measure surveys on one core and on all, and compare the first rows with their known digests.

    Args:
        announce: receives a line about the next measurement.
        seeds: seeds for each core, by measured depth.

    Raises:
        BenchError: a process failed, or its rows have another digest.
    """
    load = os.getloadavg()[0]
    every = usable_cores()
    figures = []
    for depth, count in seeds.items():
        for cores in dict.fromkeys((1, every)):
            announce(f"Surveying {count * cores} seeds to depth {depth} on {cores} of {every} cores")
            figures.append(_measured(depth, cores, count * cores))
    return SurveyBench(ROW_VERSION, load, figures)


def sample_digest(rows: Sequence[Mapping[str, object]]) -> str:
    """Return SHA-256 over rows as JSON, in hexadecimal; numbers are written in full."""
    return hashlib.sha256(json.dumps([dict(row) for row in rows], separators=(",", ":")).encode()).hexdigest()


def _measured(depth: Depth, cores: int, seeds: int) -> SurveyFigure:
    allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    command = [sys.executable, "-m", "vwe_dagster.bench.survey_figures", depth.value, str(seeds), allowed]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        reason = run.stderr.strip().splitlines()[-1:] or [f"exit code {run.returncode}"]
        raise BenchError(f"The measured process failed: {reason[0]}")
    result = json.loads(run.stdout)
    known = KNOWN_DIGESTS.get(ROW_VERSION, {}).get(depth)
    if result["digest"] != known:
        raise BenchError(
            f"The first {SAMPLE} rows of depth {depth} have the digest {result['digest']}, not {known}: the rows that "
            "were timed are wrong, or their version was not raised."
        )
    return SurveyFigure(depth, cores, seeds, result["seconds"], result["cpu_seconds"], result["peak_mb"])


def _measured_process(depth: Depth, seeds: int, cores: Sequence[int]) -> None:
    os.sched_setaffinity(0, cores)
    from vwe_dagster.engine.messages import SurveyRequest  # noqa: PLC0415
    from vwe_dagster.engine.native_survey import survey_table  # noqa: PLC0415

    numbers = tuple(seeds_from(0, seeds).tolist())
    # Compiles and loads the kernels, in every thread.
    survey_table(SurveyRequest(numbers[: len(cores)], depth))
    before, cpu_before = time.perf_counter(), time.process_time()
    table = survey_table(SurveyRequest(numbers, depth))
    measured = {
        "seconds": time.perf_counter() - before,
        "cpu_seconds": time.process_time() - cpu_before,
        "digest": sample_digest(table.slice(0, SAMPLE).to_pylist()),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    print(json.dumps(measured))  # noqa: T201


if __name__ == "__main__":
    _measured_process(Depth(sys.argv[1]), int(sys.argv[2]), [int(core) for core in sys.argv[3].split(",")])
