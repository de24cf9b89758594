"""Terminal output for a survey: progress with rate and time left, and a summary of the surveyed seeds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from vwe_dagster.cli.console import say, show_table
from vwe_dagster.cli.pool_view import span
from vwe_dagster.survey.summary import DepthSummary

LINE_EVERY_S = 10.0
"""Seconds between two progress lines if the output is not a terminal."""

_HEADINGS = ("depth", "seeds", "blocks", "unfinished", "other sets", "stale rows", "damaged", "MB")


@contextlib.contextmanager
def showing_survey(
    console: Console, total: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[float, str], None]]:
    """Show the progress of a survey: on a terminal a bar, elsewhere a line every :data:`LINE_EVERY_S` seconds.

    A line that equals the former one, as while the survey waits for an engine, is not repeated.

    Args:
        console: the console to print to.
        total: the number of seeds to add.
        clock: returns a time in seconds.

    Yields:
        A function to call with the number of seeds added so far and the name of the phase.
    """
    rate = _Rate(total, clock)
    if not console.is_terminal:
        shown_s, shown = clock(), ""

        def print_line(added: float, phase: str) -> None:
            nonlocal shown_s, shown
            sentence = rate.sentence(added, phase)
            if clock() - shown_s >= LINE_EVERY_S and sentence != shown:
                shown_s, shown = clock(), sentence
                say(console, sentence)

        yield print_line
        return
    with Progress(BarColumn(), TextColumn("{task.description}", markup=False), console=console) as progress:
        bar = progress.add_task("", total=total)
        yield lambda added, phase: progress.update(bar, completed=added, description=rate.sentence(added, phase))


class _Rate:
    """Measures seeds per second since the first seed, without the time to start an engine."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self._total, self._clock = total, clock
        self._began_s: float | None = None

    def sentence(self, added: float, phase: str) -> str:
        if not added:
            self._began_s = self._clock()
            return f"0 of {self._total:,} seeds, {phase}"
        began_s = self._began_s = self._clock() if self._began_s is None else self._began_s
        elapsed_s = self._clock() - began_s
        counted = f"{int(added):,} of {self._total:,} seeds"
        if elapsed_s <= 0:
            return counted
        rate = added / elapsed_s
        return f"{counted}, {rate:,.1f} per second, {span((self._total - added) / rate)} left"


def show_summary(console: Console, summary: Sequence[DepthSummary]) -> None:
    """Print a table of the survey, one row per depth."""
    rows = [
        (
            each.depth,
            f"{each.rows:,}",
            f"{each.whole_blocks:,}",
            f"{each.unfinished_blocks:,}",
            f"{each.sets:,}",
            f"{each.stale_rows:,}",
            f"{len(each.damaged):,}",
            f"{each.bytes / 1e6:,.1f}",
        )
        for each in summary
    ]
    show_table(console, "", _HEADINGS, rows)
