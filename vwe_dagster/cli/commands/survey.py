"""The command group ``vwe survey``: survey many seeds, show and export the results."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.cli.commands.common import CommandError, InputError, read_valid_list
from vwe_dagster.cli.commands.pool import AsJson, open_named, print_json
from vwe_dagster.cli.console import notices, output, say
from vwe_dagster.cli.exit_codes import INTERRUPTED
from vwe_dagster.cli.interrupts import exiting_on_interrupt
from vwe_dagster.config.home import find_home
from vwe_dagster.files.atomic import replace_file
from vwe_dagster.seeds.seed import MAX_NUMBER, MIN_NUMBER
from vwe_dagster.store import WorldStore
from vwe_dagster.text.commands import vwe_command

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from vwe_dagster.analysis.columns import Depth
    from vwe_dagster.catalog.search import SearchScope
    from vwe_dagster.survey.running import Outcome, Report, Survey

    _Seeds = npt.NDArray[np.int64]

MAX_SEEDS = 10_000_000
"""Maximum number of seeds per command; at depth ``world`` it takes ten days on two cores."""

app = typer.Typer(
    no_args_is_help=True,
    help="Survey many seeds: compute their statistics without building their worlds.",
    epilog="Depth 'start' covers the surroundings of the center; 'world' the whole map with bosses and traders; 'all' "
    "every location as well. The survey is in the folder data/survey; its files can be copied to other installations.",
)


class DepthName(enum.StrEnum):
    """The depths of a survey."""

    START = "start"
    WORLD = "world"
    ALL = "all"


class DeeperName(enum.StrEnum):
    """The depths that ``vwe survey deepen`` can reach."""

    WORLD = "world"
    ALL = "all"


@app.command()
def run(
    count: Annotated[
        int | None,
        typer.Argument(metavar="N", min=1, max=MAX_SEEDS, help="The number of seeds to add.", show_default=False),
    ] = None,
    *,
    depth: Annotated[
        DepthName, typer.Option(help="The depth of the rows: how much of each world to compute.")
    ] = DepthName.WORLD,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Survey the seeds of a list: .txt, .csv or .json.")
    ] = None,
    between: Annotated[
        tuple[int, int] | None,
        typer.Option("--range", metavar="A B", help="Survey the seed integers from A to B, both included."),
    ] = None,
) -> None:
    """Add seeds to the survey: N more, the seeds of a list, or a range of integers.

    N adds the next seeds of a fixed random order, which is the same on every machine. Ctrl-C keeps the rows computed so
    far; run the same command to continue. Several commands can run at the same time.
    """
    if sum(given is not None for given in (count, file, between)) != 1:
        raise InputError("Name the seeds to survey by exactly one of: N, --file FILE, --range A B.")
    if file is not None:
        _run_seeds(_numbers_of(file), depth)
    elif between is not None:
        _run_seeds(_numbers_between(*between), depth)
    else:
        _run_more(count or 0, depth)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show how many seeds have been surveyed to each depth, and which rows are stale or damaged.

    A stale row was computed by another version of the terrain, the statistics or the location table. Searches skip it;
    'vwe survey run' computes it again.
    """
    from vwe_dagster.cli.survey_view import show_summary  # noqa: PLC0415
    from vwe_dagster.survey.files import survey_files  # noqa: PLC0415
    from vwe_dagster.survey.summary import summary_of  # noqa: PLC0415

    store = WorldStore(find_home().data)
    summary = summary_of(store, survey_files(store))
    if as_json:
        print_json([each.as_dict() for each in summary])
        return
    show_summary(output(), summary)
    for path in (path for each in summary for path in each.damaged):
        say(notices(), f"The survey file {path} is damaged; the next survey of its seeds replaces it.", "yellow")
    if not any(each.rows for each in summary):
        say(notices(), f"No seed has been surveyed yet; survey some with: {vwe_command('survey', 'run', '1000')}")


@app.command()
def export(
    *,
    to: Annotated[Path, typer.Option(metavar="FILE", help="The file to write, .parquet or .csv.")],
    depth: Annotated[
        DepthName | None, typer.Option(help="Write the columns of this depth; by default the deepest one surveyed.")
    ] = None,
) -> None:
    """Write the survey as one table with a row per seed: its integer and its statistics."""
    from vwe_dagster.analysis.columns import Depth  # noqa: PLC0415
    from vwe_dagster.survey.files import survey_files  # noqa: PLC0415
    from vwe_dagster.survey.rows import surveyed_rows  # noqa: PLC0415

    if to.suffix.lower() not in {".parquet", ".csv"}:
        raise InputError(f"The file name {to} ends in neither .parquet nor .csv; use one of these endings.")
    files = survey_files(WorldStore(find_home().data))
    with_rows = [each for each in Depth if files.rows(each)]
    wanted = Depth(depth) if depth is not None else max(with_rows, key=list(Depth).index, default=Depth.WORLD)
    table = surveyed_rows(files, wanted)
    if not table.num_rows:
        command = vwe_command("survey", "run", "1000", "--depth", wanted.value)
        raise CommandError(f"No seed has been surveyed to depth {wanted}; survey some with: {command}")
    _write_table(table, to)
    stale, damaged = (sum(map(count, Depth)) for count in (files.stale_rows, lambda each: len(files.damaged(each))))
    if stale or damaged:
        status = f"list them with: {vwe_command('survey', 'status')}"
        say(notices(), f"Not exported: {stale:,} stale rows, {damaged:,} damaged files; {status}", "yellow")
    say(output(), f"Wrote {table.num_rows:,} rows of {table.num_columns} columns to {to}.")


@app.command()
def deepen(
    condition: Annotated[
        str, typer.Argument(metavar="CONDITION", help="A condition as for vwe find.", show_default=False)
    ],
    *,
    to: Annotated[DeeperName, typer.Option(help="The depth to survey the matching seeds to.")] = DeeperName.ALL,
) -> None:
    """Survey the seeds that match a condition to a greater depth.

    The condition selects among the seeds surveyed so far: a cheap survey of many seeds can select the few that are
    worth a deeper one.
    """
    matching, searched = _matching(WorldStore(find_home().data), condition)
    if not searched.surveyed:
        depth = searched.depth or DepthName.START
        command = vwe_command("survey", "run", "1000", "--depth", depth.value)
        raise CommandError(f"No seed has been surveyed to depth {depth.value}; survey some with: {command}")
    say(notices(), f"{matching.size:,} of {searched.surveyed:,} surveyed seeds match.")
    if matching.size:
        _run_seeds(matching, DepthName(to.value))


def _run_more(count: int, depth: DepthName) -> None:
    with exiting_on_interrupt():
        from vwe_dagster.survey.running import survey_more  # noqa: PLC0415

    _survey(
        count, depth, lambda store, to, survey, report: survey_more(store, count, to, survey, report), f"{count:,} more"
    )


def _run_seeds(numbers: _Seeds, depth: DepthName) -> None:
    with exiting_on_interrupt():
        from vwe_dagster.survey.running import survey_seeds  # noqa: PLC0415

    _survey(
        numbers.size,
        depth,
        lambda store, to, survey, report: survey_seeds(store, numbers, to, survey, report),
        f"{numbers.size:,}",
    )


def _survey(
    total: int, depth: DepthName, work: Callable[[WorldStore, Depth, Survey, Report], Outcome], subject: str
) -> None:
    """Survey seeds on the engines of the pool and show the progress."""
    with exiting_on_interrupt():
        from vwe_dagster.analysis.columns import Depth  # noqa: PLC0415
        from vwe_dagster.cli.survey_view import showing_survey  # noqa: PLC0415
        from vwe_dagster.survey.running import STORED  # noqa: PLC0415

    console = notices()
    added = 0.0

    def reporting(report: Report) -> Report:
        def note(done: float, phase: str) -> None:
            nonlocal added
            if phase == STORED:
                added = done
            report(done, phase)

        return note

    say(console, f"Surveying {subject} seeds to depth {depth}; Ctrl-C keeps the rows computed so far.")
    try:
        with open_named(None, new=True) as pool, showing_survey(console, total) as report:
            outcome = work(WorldStore(find_home().data), Depth(depth), pool.survey, reporting(report))
    except KeyboardInterrupt:
        say(console, f"{int(added):,} seeds were added; run the same command to continue.")
        raise typer.Exit(INTERRUPTED) from None
    _report_outcome(outcome)


def _report_outcome(outcome: Outcome) -> None:
    remarks = [f"Added {outcome.added:,} seeds."]
    if outcome.known:
        remarks.append(f"{outcome.known:,} had been surveyed before.")
    say(output(), " ".join(remarks))
    if outcome.busy:
        say(notices(), f"{outcome.busy:,} seeds are being surveyed by another process.", "yellow")


def _numbers_of(file: Path) -> _Seeds:
    import numpy as np  # noqa: PLC0415

    return np.array([seed.number for seed in read_valid_list(file).seeds], np.int64)


def _numbers_between(first: int, last: int) -> _Seeds:
    import numpy as np  # noqa: PLC0415

    if not MIN_NUMBER <= first <= last <= MAX_NUMBER:
        raise InputError(
            f"--range {first} {last} is not a range of seeds; write two integers from {MIN_NUMBER} to {MAX_NUMBER}, "
            "the smaller one first."
        )
    if last - first >= MAX_SEEDS:
        raise InputError(f"--range {first} {last} has more than {MAX_SEEDS:,} seeds; survey it in parts.")
    return np.arange(first, last + 1, dtype=np.int64)


def _matching(store: WorldStore, condition: str) -> tuple[_Seeds, SearchScope]:
    """Return the seeds that match a condition, and the seeds it was evaluated on.

    The condition is evaluated on the seeds surveyed to the shallowest depth that has all the columns it names.
    """
    from vwe_dagster.catalog.conditions import parse_condition  # noqa: PLC0415
    from vwe_dagster.catalog.names import condition_schema  # noqa: PLC0415
    from vwe_dagster.catalog.query_error import QueryError  # noqa: PLC0415
    from vwe_dagster.catalog.search import Question, Search  # noqa: PLC0415
    from vwe_dagster.catalog.survey_rows import survey_rows  # noqa: PLC0415

    try:
        question = Question(parse_condition(condition))
        answer = Search(condition_schema().empty_table(), survey_rows(store)).ask(question)
    except QueryError as error:
        raise InputError(str(error)) from error
    if question.is_of_worlds:
        raise InputError(
            f"The condition {condition!r} names a column that only built worlds have; use columns of the survey."
        )
    return answer.numbers().astype("int64"), answer.searched


def _write_table(table: pa.Table, to: Path) -> None:
    import pyarrow.csv  # noqa: PLC0415
    import pyarrow.parquet  # noqa: PLC0415

    if not to.parent.is_dir():
        raise CommandError(f"{to} cannot be written: there is no folder {to.parent}; create it, or name another file.")
    try:
        # Arrow can open only paths in UTF-8.
        with replace_file(to.absolute()) as draft, draft.open("wb") as file:
            if to.suffix.lower() == ".csv":
                pyarrow.csv.write_csv(table, file)
            else:
                pyarrow.parquet.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CommandError(f"{to} cannot be written ({error.strerror or error}); name another file.") from error
