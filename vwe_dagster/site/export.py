"""The page of a world as plain files for any web server, with the names and contents that the own server sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.rendering.tiles import NATIVE_ZOOM
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site import pages
from vwe_dagster.site.built_world import built_world, why_not_shown
from vwe_dagster.site.gallery import gallery_json, rows_of
from vwe_dagster.site.stored import StoredWorld
from vwe_dagster.store import StoreError, WorldStore

_FILES: Mapping[str, Callable[[StoredWorld], bytes]] = {
    "index.html": lambda _: pages.html_files()[pages.WORLD_PAGE].plain,
    "world.json": StoredWorld.facts,
    "waterways.json": StoredWorld.waterways,
    "ground.bin": StoredWorld.ground,
    "thumbnail.png": StoredWorld.thumbnail,
}
"""The files of a world other than blocks and tiles."""


def write_site(folder: Path, store: WorldStore, seed: Seed, *, max_zoom: int = NATIVE_ZOOM) -> None:
    """Write the page of a world, and a gallery with this world only, as files for any web server.

    Args:
        folder: an existing, empty folder.
        store: the data folder.
        seed: the seed of the world.
        max_zoom: the highest zoom of the tiles: 3 is the world's own 12 m per pixel, and each further zoom has four
            times as many files.

    Raises:
        StoreError: the world is not built, or a stage is damaged.
        OSError: a file cannot be written.
    """
    built = built_world(store, seed)
    if built is None:
        raise StoreError(why_not_shown(store, seed))
    for name, content in _files(store, StoredWorld(store, built, max_zoom=max_zoom)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _files(store: WorldStore, source: StoredWorld) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file."""
    seed = source.built.seed
    for name, shared in pages.static_files().items():
        yield f"static/{name}", shared.plain
    yield "index.html", pages.html_files()[pages.GALLERY_PAGE].plain
    yield "worlds.json", gallery_json(rows_of(SeedCatalog(store).look().table, {seed.folder_name}))
    world = f"worlds/{pages.folder_of(seed.key)}"
    for name, content_of in _FILES.items():
        yield f"{world}/{name}", content_of(source)
    if source.has_places:
        yield f"{world}/places.json", source.places()
    for x, y in source.block_names():
        yield f"{world}/data/{x}/{y}.bin", source.block(x, y)
    for name, content in source.tiles():
        yield f"{world}/{name}", content
