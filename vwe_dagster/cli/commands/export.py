"""The command ``vwe export``: write a world in the formats of other programs, or a gallery of worlds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from vwe_dagster.cli.commands.common import InputError, parse_seeds, suggestion
from vwe_dagster.cli.commands.gallery import GALLERY, build_missing, export_gallery
from vwe_dagster.cli.commands.published import PublishedUrl, check_published, store_of
from vwe_dagster.cli.console import notices, output, say, show_items
from vwe_dagster.config.home import find_home
from vwe_dagster.exporting.formats import FORMATS, PAPERS, Format
from vwe_dagster.formats.fwl import NO_PLAYERS, WRITTEN
from vwe_dagster.seeds.seed import Seed

if TYPE_CHECKING:
    from vwe_dagster.exporting.source import ExportOptions, ExportSource

EPILOG = "Formats:\n\n" + "\n\n".join(f"{each.name}: {each.description}" for each in FORMATS.values())


def _formats_with(option: str) -> str:
    """Return the names of the formats that have an option, separated by commas."""
    return ", ".join(each.name for each in FORMATS.values() if option in each.options)


Seeds = Annotated[list[str] | None, typer.Argument(metavar="SEED...", help="A seed; with --gallery one or more.")]
FormatNames = Annotated[list[str] | None, typer.Option("--to", metavar="FORMAT", help="The format; can be repeated.")]
AsGallery = Annotated[
    bool, typer.Option("--gallery", help="Write the map pages of the worlds, to host them on any web server.")
]
ListFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --gallery: also the seeds of a list, .txt, .csv or .json.")
]
GalleryUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="With --gallery: the future address of the gallery, for link previews."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="The file or folder to write; with several formats, the folder that contains them."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier export.")]
Stride = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help=f"Use only every n-th row and column ({_formats_with('stride')})."),
]
Interval = Annotated[
    float | None,
    typer.Option(
        metavar="METERS",
        min=1,
        help=f"The height between contours ({_formats_with('interval')}); the default is 25.",
    ),
]
WorldVersion = Annotated[
    int | None,
    typer.Option(
        metavar="|".join(map(str, NO_PLAYERS)),
        help=f"The version of a world file ({_formats_with('world_version')}): 36 for game version 0.221, 41 for "
        f"1.0; the default is {WRITTEN}.",
    ),
]
PaperName = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(PAPERS),
        help=f"The paper ({_formats_with('paper')}): 30 x 40 cm, A2 or 2:3; the default is {PAPERS[0]}.",
    ),
]


def export(
    seeds: Seeds = None,
    *,
    to: FormatNames = None,
    gallery: AsGallery = False,
    file: ListFile = None,
    url: GalleryUrl = None,
    out: Out = None,
    force: Force = False,
    from_: PublishedUrl = None,
    stride: Stride = None,
    interval: Interval = None,
    world_version: WorldVersion = None,
    paper: PaperName = None,
) -> None:
    """Write a world in formats that other programs read, or the map pages of several worlds.

    Worlds that do not exist are built first, except with --from. Without --out, the current folder receives the
    exports, each named after its seed, or the folder gallery.
    """
    from vwe_dagster.exporting.source import ExportOptions  # noqa: PLC0415

    options = ExportOptions(
        stride=stride, interval=interval, world_version=_world_version(world_version), paper=_paper(paper)
    )
    if gallery:
        if to or options.given:
            raise InputError("--gallery excludes --to and the options of formats; leave them out.")
        export_gallery(seeds or [], file, out or Path(GALLERY), url=url, published=from_, force=force)
        return
    if not to:
        raise InputError("Choose a format with --to, such as --to site, or several worlds with --gallery.")
    if file is not None or url is not None:
        raise InputError("--file and --url apply to --gallery only.")
    if len(seeds or []) != 1:
        raise InputError(f"--to exports one world, not {len(seeds or [])}; name one seed, or choose --gallery.")
    (seed,) = parse_seeds(seeds or [])
    formats = [_format(name) for name in dict.fromkeys(to)]
    _check_options(options, formats)
    _export_world(seed, formats, options, out, published=from_, force=force)


def _export_world(
    seed: Seed,
    formats: Sequence[Format],
    options: ExportOptions,
    out: Path | None,
    *,
    published: str | None,
    force: bool,
) -> None:
    """Write one world in each format. If one of the outputs is invalid, nothing is built or written."""
    from vwe_dagster.exporting.output import check_output_path  # noqa: PLC0415
    from vwe_dagster.exporting.source import ExportSource  # noqa: PLC0415

    paths = [_path(each, seed, out, alone=len(formats) == 1) for each in formats]
    for each, path in zip(formats, paths, strict=True):
        each.check_requirements()
        check_output_path(path, each, force=force)
    source = ExportSource(store_of(find_home(), published), seed)
    if any(each.needs_world for each in formats):
        _require_world(source, published)
    for each, path in zip(formats, paths, strict=True):
        _write(each, path, source, options, force=force)


def _require_world(source: ExportSource, published: str | None) -> None:
    """Build the world if it is missing from the data folder.

    Raises:
        CommandError: the world cannot be built, or is not published at the address ``published``.
    """
    if published is not None:
        check_published([source], published)
    elif not source.is_built:
        hint = suggestion(source.seed.key, (seed.key for seed in source.store.seeds()))
        if hint:
            say(notices(), f"The world of {source.seed.key} is built first.{hint}", "yellow")
        build_missing([source])


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise InputError(f"Unknown format {name!r}; choose from {', '.join(FORMATS)}.")
    return FORMATS[name]


def _world_version(version: int | None) -> int | None:
    if version is not None and version not in NO_PLAYERS:
        raise InputError(f"Cannot write a world file of version {version}; choose {' or '.join(map(str, NO_PLAYERS))}.")
    return version


def _paper(name: str | None) -> str | None:
    if name is not None and name not in PAPERS:
        raise InputError(f"Unknown paper {name!r}; choose from {', '.join(PAPERS)}.")
    return name


def _check_options(options: ExportOptions, formats: Sequence[Format]) -> None:
    for name in sorted(options.given - {option for each in formats for option in each.options}):
        option = f"--{name.replace('_', '-')}"
        raise InputError(f"None of these formats has the option {option}; it applies to: {_formats_with(name)}.")


def _path(of: Format, seed: Seed, out: Path | None, *, alone: bool) -> Path:
    """Return the path of an export. If ``out`` is an existing folder, a file gets its default name there."""
    if out is None:
        return Path(of.default_name(seed))
    if alone and not (out.is_dir() and not of.is_folder):
        return out
    return out / of.default_name(seed)


def _write(of: Format, path: Path, source: ExportSource, options: ExportOptions, *, force: bool) -> None:
    from vwe_dagster.exporting.output import atomic_output  # noqa: PLC0415
    from vwe_dagster.store.leftovers import bytes_in  # noqa: PLC0415

    console = notices()
    with console.status(f"writing {of.name}"), atomic_output(path, of, force=force) as draft:
        of.write(draft, source, options)
    show_items(output(), {of.name: f"{path} ({decimal(bytes_in(path))})"})
