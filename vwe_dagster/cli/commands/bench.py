"""The command group ``vwe bench``: benchmarks of engines, pools, renders and surveys."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.bench.figures import BenchError, report
from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.commands.pool import settings_of
from vwe_dagster.cli.console import notices, output, say, show_table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

app = typer.Typer(no_args_is_help=True, help="Measure the speed of this machine.")


JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Also write all measured values to a JSON file.")
]


class Launchers(enum.StrEnum):
    """The launchers to measure."""

    PROCESS = "process"
    DOCKER = "docker"
    BOTH = "both"


@app.command()
def engine(
    *,
    json_file: JsonFile = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare with the file of an earlier run with --json.")
    ] = None,
) -> None:
    """Measure the native engine: compilation, start, worlds of 2048 x 2048, and kernels. Takes one to two minutes.

    Each kernel is compared with the plain transcription of the game's formulas, in one process and on one core.
    """
    from vwe_dagster.bench.engine import bench_engine, former_medians  # noqa: PLC0415

    with _errors_explained():
        _check_folder(json_file)
        former = None if against is None else former_medians(against)
        measured = bench_engine(_announce)
        _write_values(json_file, measured)
    headings = ("figure", "min", "median", "max", "times plain", *(() if former is None else ("former", "change")))
    title = f"Native engine with {measured.instruction_set}, digests checked"
    show_table(output(), title, headings, measured.rows(former))


@app.command()
def pool(
    *,
    launcher: Annotated[
        Launchers, typer.Option(help="The engines to measure; 'both' skips containers if Docker is not available.")
    ] = Launchers.BOTH,
    json_file: JsonFile = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw a chart of the seconds per world, cold and warm.")
    ] = None,
) -> None:
    """Compare cold and warm engines: worlds of 2048 x 2048, and leases. Takes one to two minutes.

    The benchmark uses a temporary pool with the settings of the environment. Every world is compared with that of an
    engine without a pool.
    """
    from vwe_dagster.bench.warm_pool import bench_pool  # noqa: PLC0415

    settings = settings_of()
    chosen = ["process", "docker"] if launcher is Launchers.BOTH else [launcher.value]
    with _errors_explained():
        for path in (json_file, plot):
            _check_folder(path)
        measured = bench_pool(settings, chosen, _announce)
        for reason in measured.skipped.values():
            say(notices(), reason, "yellow")
        if not measured.launchers:
            raise CommandError("No engine could be measured, for the reasons above.")
        _write_values(json_file, measured)
        if plot is not None:
            from vwe_dagster.bench.chart import draw_chart  # noqa: PLC0415

            draw_chart(measured, plot)
    for figures in measured.launchers:
        headings = ("figure", "min", "median", "max")
        show_table(output(), figures.title, headings, figures.rows(measured.in_process_s))


@app.command()
def renders(
    *,
    json_file: JsonFile = None,
) -> None:
    """Measure the pictures and tiles of a world of 2048 x 2048: time and size on disk. Takes a minute."""
    from vwe_dagster.bench.renders import bench_renders  # noqa: PLC0415

    with _errors_explained():
        _check_folder(json_file)
        measured = bench_renders(_announce)
        _write_values(json_file, measured)
    headings = ("figure", "min ms", "median ms", "max ms", "kB")
    show_table(output(), "Pictures and tiles of one world", headings, [each.row() for each in measured.figures])


@app.command()
def survey(
    *,
    json_file: JsonFile = None,
) -> None:
    """Measure how many seeds per second a core surveys at each of the three depths. Takes two minutes.

    The first rows are compared with their known digests.
    """
    from vwe_dagster.bench.survey_figures import bench_survey  # noqa: PLC0415

    with _errors_explained():
        _check_folder(json_file)
        measured = bench_survey(_announce)
        _write_values(json_file, measured)
    headings = ("depth", "cores", "seeds", "seeds per s", "per core", "per CPU s", "peak MB")
    title = f"Survey, rows of version {measured.row_version}, load {measured.load:.1f}, digests checked"
    show_table(output(), title, headings, [each.row() for each in measured.figures])


@contextlib.contextmanager
def _errors_explained() -> Iterator[None]:
    """Convert the errors of a benchmark and of its files to :class:`CommandError`."""
    try:
        yield
    except (BenchError, OSError) as error:
        raise CommandError(str(error)) from error


def _write_values(path: Path | None, measured: DataclassInstance) -> None:
    if path is not None:
        path.write_text(report(measured))


def _announce(phase: str) -> None:
    say(notices(), phase)


def _check_folder(path: Path | None) -> None:
    """Raise BenchError if the folder of an output file does not exist, before minutes are spent on measuring."""
    if path is not None and not path.absolute().parent.is_dir():
        raise BenchError(f"{path.absolute().parent} is not a folder; create it, or name another file.")
