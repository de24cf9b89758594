"""The site as plain files, for any web server: the same files, under the same names, that the server gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.rendering.tiles import NATIVE_ZOOM
from vwe_dagster.seeds import Seed
from vwe_dagster.site import pages
from vwe_dagster.site.gallery import gallery_json
from vwe_dagster.site.made import made_world
from vwe_dagster.site.source import WorldSource
from vwe_dagster.store import WorldStore

Progress = Callable[[int, int], None]

_FILES: Mapping[str, Callable[[WorldSource], bytes]] = {
    "index.html": lambda _: pages.html_files()[pages.WORLD_PAGE].plain,
    "world.json": WorldSource.facts,
    "waterways.json": WorldSource.waterways,
    "thumbnail.png": WorldSource.thumbnail,
}
"""The files that every world has once."""


class SiteError(ValueError):
    """A site that cannot be written; the message is a sentence that says how to mend it."""


def write_site(
    folder: Path,
    store: WorldStore,
    seeds: Sequence[Seed],
    *,
    max_zoom: int = NATIVE_ZOOM,
    progress: Progress = lambda done, of: None,  # noqa: ARG005
) -> None:
    """Writes the gallery and the pages of worlds as files that any web server can give; comparisons need our own.

    Args:
        folder: where to; it must not exist yet, or be empty.
        store: the data folder.
        seeds: whose worlds; they must have been made.
        max_zoom: the deepest zoom that tiles are drawn of: 3 is the world's own 12 m, and every further one makes
            four times as many files.
        progress: told how many files of how many are written.

    Raises:
        SiteError: the folder is not empty, or a world has not been made.
        StoreError: a stage is damaged.
        OSError: the disk does not let us.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SiteError(f"{folder} is there already; name a folder that is not.")
    sources = [_source(store, seed, max_zoom) for seed in seeds]
    for name, shared in pages.static_files().items():
        _write(folder / "static" / name, shared.plain)
    _write(folder / "index.html", pages.html_files()[pages.GALLERY_PAGE].plain)
    _write(folder / "worlds.json", gallery_json(SeedCatalog(store).look().table, seeds, comparable=False))
    begun = [_begin(folder, source) for source in sources]
    count = sum(len(source.block_names()) + source.tile_count + len(_FILES) for source in sources)
    files = itertools.chain.from_iterable(map(_files, begun, sources))
    for done, (path, content) in enumerate(files, start=1):
        _write(path, content)
        progress(done, count)


def _source(store: WorldStore, seed: Seed, max_zoom: int) -> WorldSource:
    made = made_world(store, seed)
    if made is None:
        separator = "-- " if seed.key.startswith("-") else ""
        raise SiteError(f"The world of {seed.key} has not been made yet; make it with: vwe world {separator}{seed.key}")
    return WorldSource(store, made, max_zoom=max_zoom)


def _begin(site: Path, source: WorldSource) -> Path:
    """Makes the folder of a world."""
    folder = site / "worlds" / pages.folder_of(source.made.seed.key)
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise SiteError(
            f"{source.made.seed.key} and another of the seeds have names that this disk takes for one; "
            f"write them into sites of their own."
        ) from error
    return folder


def _files(folder: Path, source: WorldSource) -> Iterator[tuple[Path, bytes]]:
    """The path and the content of every file of a world."""
    for name, make in _FILES.items():
        yield folder / name, make(source)
    for x, y in source.block_names():
        yield folder / f"data/{x}/{y}.bin", source.block(x, y)
    for name, content in source.tiles():
        yield folder / name, content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
