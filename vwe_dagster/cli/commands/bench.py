"""The benchmarks: ``vwe bench engine``, ``pool``, ``renders`` and ``survey``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from vwe_dagster.bench.figures import BenchError, report
from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.commands.pool import settings_of
from vwe_dagster.cli.console import notices, output, say, show_table

app = typer.Typer(no_args_is_help=True, help="Measures how fast things are on this machine.")


class Launchers(enum.StrEnum):
    """Which kinds of engines are measured."""

    PROCESS = "process"
    DOCKER = "docker"
    BOTH = "both"


@app.command()
def engine(
    *,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write every value that was measured.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare with the values that --json wrote before.")
    ] = None,
) -> None:
    """Measures the native engine, in a minute or two: compiling, starting, worlds of 2048 x 2048, and its kernels.

    The kernels are timed beside the plain transcription of the game's formulas, in one process and on one core.
    """
    from vwe_dagster.bench.engine import bench_engine, former_medians  # noqa: PLC0415

    try:
        _refuse_unwritable(json_file)
        former = None if against is None else former_medians(against)
        measured = bench_engine(_announce)
        if json_file is not None:
            json_file.write_text(report(measured))
    except (BenchError, OSError) as error:
        raise CommandError(str(error)) from error
    headings = ("figure", "min", "median", "max", "times plain", *(() if former is None else ("former", "change")))
    title = f"Native engine with {measured.instruction_set}, digests checked"
    show_table(output(), title, headings, measured.rows(former))


@app.command()
def pool(
    *,
    launcher: Annotated[
        Launchers, typer.Option(help="Which engines; with both, containers are left out where there is no Docker.")
    ] = Launchers.BOTH,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write every value that was measured.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw seconds per world, cold and warm.")
    ] = None,
) -> None:
    """Measures what warm engines are worth, in a minute or two: worlds of 2048 x 2048, cold and warm, and the leases.

    The pool is one of its own, with the settings of the environment, and is gone afterwards. Every world that arrives
    is compared with that of an engine without a pool.
    """
    from vwe_dagster.bench.warm_pool import bench_pool  # noqa: PLC0415

    settings = settings_of()
    chosen = ["process", "docker"] if launcher is Launchers.BOTH else [launcher.value]
    try:
        for path in (json_file, plot):
            _refuse_unwritable(path)
        measured = bench_pool(settings, chosen, _announce)
        for reason in measured.skipped.values():
            say(notices(), reason, "yellow")
        if not measured.launchers:
            raise CommandError("Nothing could be measured.")
        if json_file is not None:
            json_file.write_text(report(measured))
        if plot is not None:
            from vwe_dagster.bench.chart import draw_chart  # noqa: PLC0415

            draw_chart(measured, plot)
    except (BenchError, OSError) as error:
        raise CommandError(str(error)) from error
    for figures in measured.launchers:
        headings = ("figure", "min", "median", "max")
        show_table(output(), figures.title, headings, figures.rows(measured.in_process_s))


@app.command()
def renders(
    *,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write every value that was measured.")
    ] = None,
) -> None:
    """Measures the pictures and tiles of a world of 2048 x 2048, in a minute: drawing, writing, bytes on disk."""
    from vwe_dagster.bench.renders import bench_renders  # noqa: PLC0415

    try:
        _refuse_unwritable(json_file)
        measured = bench_renders(_announce)
        if json_file is not None:
            json_file.write_text(report(measured))
    except (BenchError, OSError) as error:
        raise CommandError(str(error)) from error
    headings = ("figure", "min ms", "median ms", "max ms", "kB")
    show_table(output(), "Pictures and tiles of one world", headings, [each.row() for each in measured.figures])


@app.command()
def survey(
    *,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write every value that was measured.")
    ] = None,
) -> None:
    """Measure how many seeds a second each core surveys at the three depths, in two minutes.

    The first rows are compared with their known digests.
    """
    from vwe_dagster.bench.survey import bench_survey  # noqa: PLC0415

    try:
        _refuse_unwritable(json_file)
        measured = bench_survey(_announce)
        if json_file is not None:
            json_file.write_text(report(measured))
    except (BenchError, OSError) as error:
        raise CommandError(str(error)) from error
    headings = ("depth", "cores", "seeds", "seeds per s", "per core", "per CPU s", "peak MB")
    title = f"Survey, rows of version {measured.row_version}, load {measured.load:.1f}, digests checked"
    show_table(output(), title, headings, [each.row() for each in measured.figures])


def _announce(phase: str) -> None:
    say(notices(), phase)


def _refuse_unwritable(path: Path | None) -> None:
    """Refuses a file that cannot be written before minutes are spent on measuring what is to be in it."""
    if path is not None and not path.absolute().parent.is_dir():
        raise BenchError(f"{path.absolute().parent} is no folder; make it, or name another file.")
