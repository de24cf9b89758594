"""``vwe export --gallery``: write the map pages of several worlds, and build the worlds that exports lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich.filesize import decimal

from vwe_dagster.cli.commands.common import SHOWN_SINGLY, CommandError, InputError, parse_seeds, read_valid_list
from vwe_dagster.cli.commands.published import check_published, store_of
from vwe_dagster.cli.console import notices, output, say, show_items, showing_progress
from vwe_dagster.config.home import find_home
from vwe_dagster.exporting.formats import FORMATS
from vwe_dagster.seeds.seed import Seed

if TYPE_CHECKING:
    from vwe_dagster.exporting.source import ExportSource

GALLERY = "gallery"
"""Default name of the folder of a gallery."""


def export_gallery(
    texts: Sequence[str], file: Path | None, out: Path, *, url: str | None, published: str | None, force: bool
) -> None:
    """Write a gallery of worlds into a folder, and print the size of each world.

    Args:
        texts: the seeds.
        file: a list of further seeds.
        out: the folder.
        url: the address where the gallery will be.
        published: the address of published worlds; None for the worlds of the data folder.
        force: whether to replace an earlier gallery.

    Raises:
        InputError: there is no seed, or the URL is not the address of a folder.
        CommandError: a world cannot be built.
    """
    from vwe_dagster.exporting.output import atomic_output, check_output_path  # noqa: PLC0415
    from vwe_dagster.exporting.source import ExportSource  # noqa: PLC0415
    from vwe_dagster.site.export import write_gallery  # noqa: PLC0415
    from vwe_dagster.store.leftovers import bytes_in  # noqa: PLC0415

    seeds = _seeds(texts, file)
    address = None if url is None else _folder_address(url)
    check_output_path(out, FORMATS["site"], force=force)
    store = store_of(find_home(), published)
    worlds = [ExportSource(store, seed) for seed in seeds]
    if published is None:
        build_missing(worlds)
    else:
        check_published(worlds, published)
    with (
        atomic_output(out, FORMATS["site"], force=force) as draft,
        showing_progress(notices(), "writing the gallery") as report,
    ):
        sizes = write_gallery(draft, store, seeds, url=address, report=report)
        report(1, "done")
    _show_sizes(sizes, out, bytes_in(out))
    if address is None:
        say(notices(), "Most chat programs show the picture of a link only if --url has the gallery's address.")


def build_missing(worlds: Sequence[ExportSource]) -> None:
    """Build the worlds that do not exist. If the planes of one exist, from an engine or an import, build the rest.

    Raises:
        CommandError: a world cannot be built.
    """
    from vwe_dagster.cli.commands.building import build_worlds, world_config  # noqa: PLC0415

    config = world_config()
    later_stages = {asset: config[asset] for asset in ("processed", "renders")}
    missing = [source for source in worlds if not source.is_built]
    groups = [
        ([source.seed for source in missing if not source.has_planes], config),
        ([source.seed for source in missing if source.has_planes], later_stages),
    ]
    failed = build_worlds(find_home(), [(seeds, stages) for seeds, stages in groups if seeds]) if missing else set()
    if failed:
        keys = ", ".join(source.seed.key for source in missing if source.seed.key in failed)
        raise CommandError(f"The world of {keys} could not be built, so nothing was exported.")


def _seeds(texts: Sequence[str], file: Path | None) -> list[Seed]:
    listed = [] if file is None else read_valid_list(file).seeds
    seeds = list({seed.key: seed for seed in [*parse_seeds(texts), *listed]}.values())
    if not seeds:
        raise InputError("A gallery needs at least one seed; name one, such as HHcLC5acQt, or a list with --file.")
    return seeds


def _folder_address(url: str) -> str:
    """Return the address of a folder with a slash at the end."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise InputError(f"{url!r} is not the address of a folder; write it as https://example.org/worlds/.")
    return f"{url.rstrip('/')}/"


def _show_sizes(sizes: Mapping[str, int], out: Path, total: int) -> None:
    if len(sizes) <= SHOWN_SINGLY:
        worlds = {key: decimal(size) for key, size in sizes.items()}
    else:
        least, most, mean = min(sizes.values()), max(sizes.values()), sum(sizes.values()) // len(sizes)
        worlds = {"worlds": f"{len(sizes)}, {decimal(least)} to {decimal(most)} each, {decimal(mean)} on average"}
    show_items(output(), {**worlds, GALLERY: f"{out} ({decimal(total)})"})
