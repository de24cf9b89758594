"""Output of the command line: messages, tables, labeled values, and the progress of runs."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from vwe_dagster.text.printable import escape_unprintable

if TYPE_CHECKING:
    from vwe_dagster.defs.run_events import Notice

_PIPE_COLUMNS = 1000
"""Width of output to a pipe or a file, large enough that nothing is cut."""


def output() -> Console:
    """Return the console for results: standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)


def notices() -> Console:
    """Return the console for progress, remarks and errors: standard error."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPE_COLUMNS)


@contextlib.contextmanager
def undiverted_notices() -> Iterator[Console]:
    """Yield a console for standard error that Dagster does not capture.

    While a run executes, Dagster redirects the output of the process into the log of the run.
    """
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, encoding="utf-8", errors="backslashreplace") as file:
        yield Console(file=file, highlight=False, width=None if file.isatty() else _PIPE_COLUMNS)


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print a message without wrapping it; control characters other than line breaks are escaped."""
    console.print(Text(escape_unprintable(sentence, keep="\n\t"), style), soft_wrap=True)


def show_items(console: Console, items: Mapping[str, object]) -> None:
    """Print labels and their values, one pair per line."""
    width = max(map(len, items), default=0)
    for label, value in items.items():
        console.print(Text.assemble((f"  {label:<{width}}  ", "dim"), str(value)), soft_wrap=True)


def show_table(console: Console, title: str, headings: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table; see :func:`table_of`."""
    console.print(table_of(title, headings, rows))


def table_of(title: str, headings: Iterable[str], rows: Iterable[Iterable[object]]) -> FittingTable:
    """Return a table. Columns of numbers are right-aligned, and None is an empty cell.

    Put the most important columns first: a narrow terminal drops the last ones.
    """
    cells = [["" if cell is None else escape_unprintable(str(cell).strip(), keep="\n") for cell in row] for row in rows]
    table = FittingTable(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column, heading in enumerate(headings):
        texts = [row[column] for row in cells]
        words = [word for text in (heading, *texts) for word in text.split()]
        table.add_column(
            heading,
            justify="right" if all(map(_is_number, texts)) else "left",
            overflow="fold",
            min_width=max(map(cell_len, words), default=0),
        )
    for row in cells:
        table.add_row(*map(Text, row))
    return table


class FittingTable(Table):
    """A table that never breaks a word or a number: on a narrow terminal it drops its last columns and names them."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the columns that fit."""
        shown = copy.copy(self)
        while len(shown.columns) > 1 and _least_width(shown, console, options) > options.max_width:
            shown.columns = shown.columns[:-1]
        yield from Table.__rich_console__(shown, console, options)
        hidden = self.columns[len(shown.columns) :]
        if hidden:
            names = ", ".join(str(column.header) for column in hidden)
            yield Text(f"Not shown in {options.max_width} columns: {names}", "dim")


def _least_width(table: Table, console: Console, options: ConsoleOptions) -> int:
    measured = Table.__rich_measure__(table, console, options.update(max_width=_PIPE_COLUMNS))
    return measured.minimum


@contextlib.contextmanager
def showing_run(console: Console, title: str) -> Iterator[Callable[[Notice], None]]:
    """Show the progress of a run: on a terminal a live line per asset, elsewhere a line per notice.

    Args:
        console: the console to print to.
        title: the seeds of the run.

    Yields:
        A function to call with every notice of the run.
    """
    if not console.is_terminal:
        yield lambda notice: _print_line(console, title, notice)
        return
    say(console, title, "bold")
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.fields[stage]:<11}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        yield _AssetLines(progress).show


@contextlib.contextmanager
def showing_progress(console: Console, title: str) -> Iterator[Callable[[float, str], None]]:
    """Show the progress of a task: on a terminal a bar, elsewhere a line per phase.

    Yields:
        A function to call with the fraction done, 0 to 1, and the name of the phase.
    """
    if not console.is_terminal:
        printed: set[str] = set()

        def print_phase(_: float, phase: str) -> None:
            if phase not in printed:
                say(console, f"{title}: {phase}")
            printed.add(phase)

        yield print_phase
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(title, total=1.0)
        yield lambda fraction, phase: progress.update(bar, completed=fraction, description=f"{title}: {phase}")


class _AssetLines:
    """The live lines of a run, one per asset."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines: dict[str, TaskID] = {}

    def show(self, notice: Notice) -> None:
        if notice.stage not in self._lines:
            self._lines[notice.stage] = self._progress.add_task("", total=1, stage=notice.stage)
        line = self._lines[notice.stage]
        ended = notice.kind in {"kept", "built", "failed"}
        self._progress.update(line, description=_phrase(notice), completed=int(ended))
        if notice.kind in {"warning", "failed"}:
            say(self._progress.console, _phrase(notice), "red" if notice.kind == "failed" else "yellow")


def _print_line(console: Console, title: str, notice: Notice) -> None:
    # The log already reports a stage that is up to date, and the first phase shows that an asset has started.
    if notice.kind not in {"started", "kept"}:
        say(console, f"{title}: {notice.stage}: {_phrase(notice)}")


def _phrase(notice: Notice) -> str:
    match notice.kind:
        case "kept":
            return "up to date"
        case "failed":
            return f"failed: {notice.text}"
        case "warning" | "phase":
            return notice.text
        case _:
            return notice.kind


def _is_number(cell: str) -> bool:
    return not cell or cell.lstrip("-").replace(",", "").replace(".", "").rstrip("%").isdigit()
