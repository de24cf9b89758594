"""Pages of worlds as plain files: for any web server, under any path, and for a browser without a server."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from PIL import Image

from vwe_dagster.analysis.column_texts import text_of
from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.rendering.link_card import gallery_card, world_card
from vwe_dagster.rendering.tiles import NATIVE_ZOOM, TILE_PIXELS
from vwe_dagster.seeds.lookalikes import LookAlikes
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site import pages
from vwe_dagster.site.built_world import BuiltWorld, built_world, missing_world_message
from vwe_dagster.site.exported_pages import (
    CARD,
    LinkPreview,
    bytes_script,
    exported_page,
    exported_static,
    json_script,
)
from vwe_dagster.site.gallery import gallery_json, rows_of
from vwe_dagster.site.stored import StoredWorld
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.store.stages import read_processed
from vwe_dagster.world.grid import MAP_WIDTH_M, WORLD_RADIUS_M

_DATA: Mapping[str, Callable[[StoredWorld], bytes]] = {
    "waterways.json": StoredWorld.waterways,
    "ground.bin": StoredWorld.ground,
    "thumbnail.png": StoredWorld.thumbnail,
}
"""Files of every world other than pages, ``world.json``, blocks and tiles."""

_NAMED_SEEDS = 20
"""Maximum number of seeds in the description of a gallery."""

_CARD_ZOOM = 2
_CARD_QUALITY = 85
_CARD_FIGURES = ("start_land_km2", "islands", "highest_peak_above_sea_m", "swamp_first_m", "haldor_m", "boss_tour_km")
"""Columns on the card and in the description of a world."""


def write_site(folder: Path, store: WorldStore, seed: Seed, *, max_zoom: int = NATIVE_ZOOM) -> None:
    """Write the page of a world; see :func:`write_gallery`."""
    write_gallery(folder, store, [seed], max_zoom=max_zoom)


def write_gallery(
    folder: Path,
    store: WorldStore,
    seeds: Sequence[Seed],
    *,
    url: str | None = None,
    max_zoom: int = NATIVE_ZOOM,
    report: Callable[[float, str], None] = lambda _fraction, _phase: None,
) -> Mapping[str, int]:
    """Write the pages of worlds, their comparison and the gallery of these worlds.

    Args:
        folder: an existing, empty folder.
        store: the data folder.
        seeds: the seeds of the worlds, each once.
        url: the address where the folder will be, with a slash at the end, for link previews; None if it is not known.
        max_zoom: the highest zoom of the tiles: 3 is the world's own 12 m per pixel, and each further zoom has four
            times as many files.
        report: called with the fraction done, 0 to 1, and the seed of the present world.

    Returns:
        The bytes of the files of each world, by key.

    Raises:
        StoreError: a world is not built, or a stage is damaged.
        OSError: a file cannot be written.
    """
    worlds = [_built(store, seed) for seed in seeds]
    look_alikes = LookAlikes(seeds)
    for name, content in _shared_files(store, seeds, url):
        _write(folder / name, content)
    sizes, thumbnails = {}, []
    for index, built in enumerate(worlds):
        key = built.seed.key
        report(index / len(worlds), key)
        source = StoredWorld(store, built, max_zoom=max_zoom)
        files = _world_files(store, source, look_alikes.same_world(built.seed), url)
        sizes[key] = sum(_write(folder / _folder(built.seed) / name, content) for name, content in files)
        thumbnails.append(source.thumbnail())
    maps = [Image.open(io.BytesIO(thumbnail)) for thumbnail in thumbnails]
    _write(folder / CARD, _jpeg(gallery_card(maps, _counted(len(worlds)))))
    return sizes


def _built(store: WorldStore, seed: Seed) -> BuiltWorld:
    built = built_world(store, seed)
    if built is None:
        raise StoreError(missing_world_message(store, seed))
    return built


def _write(path: Path, content: bytes) -> int:
    """Write a file and return its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(content)


def _folder(seed: Seed) -> str:
    return f"worlds/{pages.folder_of(seed.key)}/"


def _counted(worlds: int) -> str:
    return "1 Valheim world" if worlds == 1 else f"{worlds} Valheim worlds"


def _shared_files(store: WorldStore, seeds: Sequence[Seed], url: str | None) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file outside the folders of worlds, except for the gallery's card."""
    for name, content in exported_static():
        yield f"static/{name}", content
    title, keys = _counted(len(seeds)), ", ".join(seed.key for seed in seeds[:_NAMED_SEEDS])
    preview = LinkPreview(title, f"Maps, locations and figures of {keys}.", url=url)
    yield "index.html", exported_page(pages.GALLERY_PAGE, preview)
    comparison = LinkPreview("Comparison of Valheim worlds", f"Two of {title}.", "compare/", f"../{CARD}", url)
    yield "compare/index.html", exported_page(pages.COMPARE_PAGE, comparison)
    catalog = rows_of(SeedCatalog(store).load().table, {seed.folder_name for seed in seeds})
    yield from _with_script("worlds.json", gallery_json(catalog))


def _world_files(
    store: WorldStore, source: StoredWorld, same_world: Sequence[Seed], url: str | None
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file in the folder of a world."""
    seed, analysis = source.built.seed, read_processed(store, source.built.processed)
    figures = _figures(analysis, "km\N{SUPERSCRIPT TWO}")
    preview = LinkPreview(
        f"{seed.key} \N{MIDDLE DOT} Valheim world",
        f"Map, locations and figures. {'; '.join(f'{name}: {value}' for name, value in figures)}.",
        _folder(seed),
        url=url,
    )
    yield "index.html", exported_page(pages.WORLD_PAGE, preview)
    subtitle = f"Valheim world, seed number {seed.number}"
    yield CARD, _jpeg(world_card(_map(source), seed.key, subtitle, _figures(analysis, "sq km")))
    yield from _with_script("world.json", source.facts(same_world))
    for name, content_of in _DATA.items():
        yield from _with_script(name, content_of(source))
    if source.has_places:
        yield from _with_script("places.json", source.places())
    for x, y in source.block_names():
        yield from _with_script(f"data/{x}/{y}.bin", source.block(x, y))
    yield from source.tiles()


def _with_script(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a file as the pages read it: data as a script, JSON also as it is, for other programs."""
    if name.endswith(".json"):
        yield f"{name}.js", json_script(content)
    if name.endswith(".bin"):
        yield f"{name}.js", bytes_script(content)
    else:
        yield name, content


def _figures(analysis: WorldAnalysis, area_unit: str) -> list[tuple[str, str]]:
    row = cast("Mapping[str, object]", analysis.statistics["columns"])
    values = ((COLUMNS[name], row.get(name)) for name in _CARD_FIGURES)
    return [
        (column.label, text_of(column, value, area_unit)) for column, value in values if isinstance(value, (int, float))
    ]


def _map(source: StoredWorld) -> Image.Image:
    """Assemble the map of a world up to its edge from tiles, RGBA."""
    zoom = min(_CARD_ZOOM, source.max_zoom)
    side = 1 << zoom
    picture = Image.new("RGBA", (side * TILE_PIXELS, side * TILE_PIXELS))
    for x in range(side):
        for y in range(side):
            tile = Image.open(io.BytesIO(source.tile("map", zoom, x, y)))
            picture.paste(tile, (x * TILE_PIXELS, y * TILE_PIXELS))
    inset = round(picture.width * (0.5 - WORLD_RADIUS_M / MAP_WIDTH_M))
    return picture.crop((inset, inset, picture.width - inset, picture.height - inset))


def _jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=_CARD_QUALITY, optimize=True)
    return content.getvalue()
