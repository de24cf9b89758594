"""The command group ``vwe engine``: serve a single engine, verify one, write its location table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from vwe_dagster.cli.commands.common import CommandError, InputError, parse_seeds
from vwe_dagster.cli.commands.pool import AsJson, PoolName, open_named, print_json
from vwe_dagster.cli.console import notices, output, say, showing_progress
from vwe_dagster.cli.exit_codes import FAILED
from vwe_dagster.world.grid import MAX_SIZE, MIN_SIZE, Grid

app = typer.Typer(no_args_is_help=True, help="Serve a single engine, or verify one.")


@app.command()
def serve(
    *,
    socket: Annotated[Path | None, typer.Option(metavar="PATH", help="Listen on this unix socket.")] = None,
    tcp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Listen on this TCP address instead; needs --token-file.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the token that clients must send.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A host name by which clients reach the TCP address; can be repeated."),
    ] = None,
    name: Annotated[str, typer.Option(help="The name of the engine in its status.")] = "",
    idle_exit_minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Exit after this many minutes without use.")
    ] = None,
) -> None:
    """Serve the native engine over the engine protocol until Ctrl-C."""
    from vwe_dagster.engine.serving import ServingError, serve  # noqa: PLC0415

    try:
        serve(
            socket_path=socket,
            tcp=tcp,
            token_file=token_file,
            allowed_hosts=allow_host or (),
            name=name,
            idle_exit_minutes=idle_exit_minutes,
        )
    except ServingError as error:
        raise InputError(str(error)) from error


@app.command()
def verify(
    seeds: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SEED SEED]", help="Two seeds; by default two whose worlds in the game are known."),
    ] = None,
    *,
    pool: PoolName = None,
    size: Annotated[
        int, typer.Option(metavar="N", min=MIN_SIZE, max=MAX_SIZE, help="Samples along each side of the map.")
    ] = 2048,
    world_gen_version: Annotated[
        int, typer.Option(metavar="N", help="2 for worlds created since 2022, 1 or 0 for older ones.")
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """Verify that the worlds of a pool's engine equal those of the native engine bit by bit.

    The engine generates one world, then another, then the first again, which must not have changed. Differences are
    reported by layer and biome; differences of locations by type. The report and a picture of each differing plane are
    written to the pool's folder, and vwe pool status shows the last result. The exit code is 1 if anything differs or
    a world was not generated.
    """
    from vwe_dagster.conformance.report import Report, sentences  # noqa: PLC0415
    from vwe_dagster.conformance.verify import SEEDS, requests_of, verify  # noqa: PLC0415
    from vwe_dagster.engine.messages import EngineError  # noqa: PLC0415
    from vwe_dagster.pool.errors import FencedError  # noqa: PLC0415
    from vwe_dagster.pool.last_verification import FOLDER  # noqa: PLC0415

    numbers = tuple(seed.number for seed in parse_seeds(seeds)) if seeds else SEEDS
    if len(numbers) != 2:
        raise InputError(f"Verification needs two different seeds, not {len(numbers)}; name two, or none.")
    if len(set(numbers)) != len(numbers):
        raise InputError(f"The two seeds are the same world, the integer {numbers[0]}; name seeds of two worlds.")
    report = Report()
    with open_named(pool, new=True) as opened, showing_progress(notices(), "verifying an engine") as progress:
        with opened.lease(purpose="verifying an engine") as lease:
            capabilities = lease.status().capabilities
            if world_gen_version not in capabilities.world_gen_versions:
                supported = ", ".join(map(str, capabilities.world_gen_versions))
                raise InputError(
                    f"The engine does not support world-gen version {world_gen_version}; choose from {supported}."
                )
            requests = requests_of(numbers, Grid.of_world(size), world_gen_version, capabilities)
            folder = opened.folder / FOLDER
            try:
                outcome = verify(lease.generate, requests, progress=progress, on_world=report.add_world)
            except FencedError:
                raise
            except EngineError as error:
                with _disk_errors_explained(folder):
                    report.write_failure(folder, error)
                raise
        with _disk_errors_explained(folder):
            report.write(folder, outcome)
    if as_json:
        print_json(outcome.as_dict())
    else:
        for sentence in [*sentences(outcome), f"The report is in {folder}."]:
            say(output(), sentence)
    if not outcome.passed:
        raise typer.Exit(FAILED)


@contextlib.contextmanager
def _disk_errors_explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(
            f"The report cannot be written to {folder} ({error.strerror}); check that the disk is not full and that "
            f"this user may write to the folder, then verify again."
        ) from error


@app.command(name="location-table")
def location_table(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Write the table to this file.")],
    pool: PoolName = None,
) -> None:
    """Write the location table of an engine to a JSON file.

    A Valheim server reports the table of its game, with the changes of its mods. The native engine reports the table
    that VWE ships. The exit code is 1 if the engine has no table, or if its table has impossible values; in the
    second case the file is still written.
    """
    from vwe_dagster.files.atomic import write_atomically  # noqa: PLC0415
    from vwe_dagster.locations.location_table import LocationTableError  # noqa: PLC0415

    if not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: there is no folder {out.parent}. Create that folder.")
    with open_named(pool, new=True) as opened, opened.lease(purpose="reading the location table") as lease:
        document = lease.location_table()
    try:
        write_atomically(out, document.text().encode())
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error}. Choose another file.") from error
    try:
        table = document.table(str(out))
    except LocationTableError as error:
        say(notices(), f"The engine's table is in {out}, but it has impossible values. {error}")
        raise typer.Exit(FAILED) from error
    versions = " ".join(table.game_versions) or "unknown"
    counts = f"{len(table.types)} location types and {len(table.alt_biomes)} alt-biomes"
    say(output(), f"Wrote {counts} of {table.name} (game version {versions}) to {out}.")
    say(output(), f"SHA-256 of the rows: {table.sha256}")
