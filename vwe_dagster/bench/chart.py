"""The chart of ``vwe bench pool --plot``: seconds per world, cold and warm, by kind of engine."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from vwe_dagster.bench.figures import BenchError
from vwe_dagster.bench.warm_pool import PoolBench
from vwe_dagster.config.extras import install_command
from vwe_dagster.config.home import find_checkout

_COLD, _WARM, _PLAIN, _INK = "#8fa3b5", "#d9622b", "#5b6770", "#22282d"
_NAMES = {"process": "process", "docker": "container"}


def draw_chart(measured: PoolBench, path: Path) -> None:
    """Write a picture with the medians as bars, and a line from the minimum to the maximum on each.

    Raises:
        BenchError: matplotlib is not installed or does not support the file's type.
        OSError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        install = install_command("bench", find_checkout())
        raise BenchError(f"The chart needs matplotlib; install it with: {install}") from error
    bars = _bars(measured)
    figure = Figure(figsize=(8, 1.3 + 0.52 * len(bars)), dpi=150, layout="constrained")
    axes = figure.subplots()
    greatest = max(max(values) for _, values, _ in bars)
    for row, (_, values, color) in enumerate(bars):
        middle = statistics.median(values)
        axes.barh(row, middle, height=0.62, color=color)
        axes.hlines(row, min(values), max(values), color=_INK, linewidth=1.2)
        axes.text(max(middle, *values) + greatest * 0.015, row, f"{middle:.2f} s", va="center", color=_INK)
    axes.set_yticks(range(len(bars)), [name for name, _, _ in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, greatest * 1.14)
    axes.set_xlabel(f"seconds per world of {measured.size} x {measured.size}: median, least and greatest", color=_INK)
    axes.set_title(_title(measured), loc="left", fontweight="bold", color=_INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    try:
        figure.savefig(path)
    except ValueError as error:
        raise BenchError(f"{path} cannot be written: {error}. Choose a name that ends in .png.") from error


def _bars(measured: PoolBench) -> list[tuple[str, Sequence[float], str]]:
    bars: list[tuple[str, Sequence[float], str]] = []
    for figures in measured.launchers:
        name = _NAMES[figures.launcher]
        bars += [(f"cold {name}", figures.cold_world_s, _COLD), (f"warm {name}", figures.warm_world_s, _WARM)]
    return [*bars, ("no pool, same process", measured.in_process_s, _PLAIN)]


def _title(measured: PoolBench) -> str:
    figures = measured.launchers[-1]
    times = statistics.median(figures.cold_world_s) / statistics.median(figures.warm_world_s)
    return f"A warm {_NAMES[figures.launcher]} generates a world {times:.1f} times as fast as a cold one"
