"""The command ``vwe export``: a world in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from vwe_dagster.cli.commands.common import CommandError, InputError, SeedText, parse_seeds, suggestion
from vwe_dagster.cli.console import notices, output, say, show_facts
from vwe_dagster.config.home import find_home
from vwe_dagster.exporting.formats import FORMATS, Format
from vwe_dagster.formats.fwl import NO_PLAYERS, WRITTEN
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WorldStore

if TYPE_CHECKING:
    from vwe_dagster.exporting.facts import ExportOptions, WorldFacts

EPILOG = "Formats:\n\n" + "\n\n".join(f"{each.name}: {each.description}" for each in FORMATS.values())


def _takers(option: str) -> str:
    """The formats that take an option, for its help."""
    return ", ".join(each.name for each in FORMATS.values() if option in each.options)


def export(
    seed: SeedText,
    *,
    to: Annotated[list[str], typer.Option("--to", metavar="FORMAT", help="The format; can be repeated.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="The file or folder to write; with several formats, the folder to write them into."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    stride: Annotated[
        int | None, typer.Option(min=1, help=f"Take every n-th row and column only ({_takers('stride')}).")
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            min=1, help=f"Metres of height from one contour to the next ({_takers('interval')}); 25 if not given."
        ),
    ] = None,
    world_version: Annotated[
        int | None,
        typer.Option(
            metavar="|".join(map(str, NO_PLAYERS)),
            help=f"The version of a world file ({_takers('world_version')}): 36 of game version 0.221, 41 of 1.0; "
            f"{WRITTEN} if not given.",
        ),
    ] = None,
) -> None:
    """Writes a world in formats that other programs read.

    The world is made first if it is not there. Without --out the exports are named after the seed and written into the
    current folder.
    """
    from vwe_dagster.exporting.facts import ExportOptions, WorldFacts  # noqa: PLC0415
    from vwe_dagster.exporting.output import check_output_path  # noqa: PLC0415

    (parsed,) = parse_seeds([seed])
    formats = [_format(name) for name in dict.fromkeys(to)]
    options = ExportOptions(stride=stride, interval=interval, world_version=_world_version(world_version))
    _refuse_useless(options, formats)
    paths = [_path(each, parsed, out, alone=len(formats) == 1) for each in formats]
    for each, path in zip(formats, paths, strict=True):
        each.check_requirements()
        check_output_path(path, each, force=force)
    facts = WorldFacts(WorldStore(find_home().data), parsed)
    if any(each.needs_world for each in formats) and not facts.is_built:
        hint = suggestion(parsed.key, (seed.key for seed in facts.store.seeds()))
        if hint:
            say(notices(), f"The world of {parsed.key} is built first.{hint}", "yellow")
        _make(facts)
    for each, path in zip(formats, paths, strict=True):
        _write(each, path, facts, options, force=force)


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise InputError(f"There is no format {name!r}; the formats are {', '.join(FORMATS)}.")
    return FORMATS[name]


def _world_version(version: int | None) -> int | None:
    if version is not None and version not in NO_PLAYERS:
        raise InputError(f"Cannot write a world file of version {version}; choose {' or '.join(map(str, NO_PLAYERS))}.")
    return version


def _refuse_useless(options: ExportOptions, formats: list[Format]) -> None:
    for name in sorted(options.given - {option for each in formats for option in each.options}):
        raise InputError(f"None of these formats takes --{name.replace('_', '-')}; only {_takers(name)} does.")


def _path(of: Format, seed: Seed, out: Path | None, *, alone: bool) -> Path:
    """Where an export goes: a file goes into a folder that is there, under its own name."""
    if out is None:
        return Path(of.default_name(seed))
    if alone and not (out.is_dir() and not of.is_folder):
        return out
    return out / of.default_name(seed)


def _make(facts: WorldFacts) -> None:
    """Makes the world, or of one whose planes are there, whoever they are from, the rest."""
    from vwe_dagster.cli.commands.making import make_worlds, world_config  # noqa: PLC0415

    config = world_config()
    if facts.has_planes:
        config = {asset: config[asset] for asset in ("processed", "renders")}
    if make_worlds(find_home(), [([facts.seed], config)]):
        raise CommandError(f"The world of {facts.seed.key} could not be made, so nothing was exported.")


def _write(of: Format, path: Path, facts: WorldFacts, options: ExportOptions, *, force: bool) -> None:
    from vwe_dagster.exporting.output import atomic_output  # noqa: PLC0415
    from vwe_dagster.store.leftovers import bytes_in  # noqa: PLC0415

    console = notices()
    with console.status(f"writing {of.name}"), atomic_output(path, of, force=force) as draft:
        of.write(draft, facts, options)
    show_facts(output(), {of.name: f"{path} ({decimal(bytes_in(path))})"})
