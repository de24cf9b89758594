"""What the command line shows: the progress of a run, tables, and lines of facts."""

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
"""Width of what goes to a pipe or a file: nothing is cut there."""


def output() -> Console:
    """Where results go: standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)


def notices() -> Console:
    """Where progress, remarks and errors go: standard error."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPE_COLUMNS)


@contextlib.contextmanager
def undiverted_notices() -> Iterator[Console]:
    """As :func:`notices`, but unmoved by Dagster, which diverts a process's output into the log of its run."""
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, encoding="utf-8", errors="backslashreplace") as file:
        yield Console(file=file, highlight=False, width=None if file.isatty() else _PIPE_COLUMNS)


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print a message without wrapping it; control characters other than line breaks are escaped."""
    console.print(Text(escape_unprintable(sentence, keep="\n\t"), style), soft_wrap=True)


def show_facts(console: Console, facts: Mapping[str, object]) -> None:
    """Prints labels and values, one pair a line."""
    width = max(map(len, facts), default=0)
    for label, value in facts.items():
        console.print(Text.assemble((f"  {label:<{width}}  ", "dim"), str(value)), soft_wrap=True)


def show_table(console: Console, title: str, headings: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Prints a table; see :func:`table_of`."""
    console.print(table_of(title, headings, rows))


def table_of(title: str, headings: Iterable[str], rows: Iterable[Iterable[object]]) -> FittingTable:
    """Return a table whose most important columns come first; numbers are right-aligned, and None is an empty cell."""
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
    """A table that breaks no word and no number: on a narrow terminal it drops its last columns and names them."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the columns that fit."""
        shown = copy.copy(self)
        while len(shown.columns) > 1 and _least_width(shown, console, options) > options.max_width:
            shown.columns = shown.columns[:-1]
        yield from Table.__rich_console__(shown, console, options)
        hidden = self.columns[len(shown.columns) :]
        if hidden:
            names = ", ".join(str(column.header) for column in hidden)
            yield Text(f"Not shown on {options.max_width} columns: {names}", "dim")


def _least_width(table: Table, console: Console, options: ConsoleOptions) -> int:
    measured = Table.__rich_measure__(table, console, options.update(max_width=_PIPE_COLUMNS))
    return measured.minimum


@contextlib.contextmanager
def showing_run(console: Console, title: str) -> Iterator[Callable[[Notice], None]]:
    """Shows a run as it goes: on a terminal a live line for each asset, elsewhere a line for each notice.

    Args:
        console: where.
        title: what the run makes.

    Yields:
        What to call with every notice of the run.
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
        yield _Board(progress).show


@contextlib.contextmanager
def showing_progress(console: Console, title: str) -> Iterator[Callable[[float, str], None]]:
    """Shows how far something is: on a terminal a bar that grows, elsewhere a line for each phase.

    Yields:
        What to call with the fraction done, 0 to 1, and the phase in words.
    """
    if not console.is_terminal:
        told: set[str] = set()

        def tell(_: float, phase: str) -> None:
            if phase not in told:
                say(console, f"{title}: {phase}")
            told.add(phase)

        yield tell
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(title, total=1.0)
        yield lambda fraction, phase: progress.update(bar, completed=fraction, description=f"{title}: {phase}")


class _Board:
    """The live lines of a run, one an asset."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines: dict[str, TaskID] = {}

    def show(self, notice: Notice) -> None:
        if notice.stage not in self._lines:
            self._lines[notice.stage] = self._progress.add_task("", total=1, stage=notice.stage)
        line = self._lines[notice.stage]
        ended = notice.kind in {"kept", "made", "failed"}
        self._progress.update(line, description=_phrase(notice), completed=int(ended))
        if notice.kind in {"warning", "failed"}:
            say(self._progress.console, _phrase(notice), "red" if notice.kind == "failed" else "yellow")


def _print_line(console: Console, title: str, notice: Notice) -> None:
    # What is kept has been logged as such, and that an asset started shows by what it does.
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
