"""Build the metadata that Dagster's pages show for a materialization, in one form for all assets.

Dagster's pages show Markdown of less than 1000 characters inline and longer Markdown only after a click. Each asset has
an inline miniature. The event database stores all metadata, so only ``renders`` has a thumbnail behind a click, only
``processed`` has the wide table of biomes, and a stage has the path of its folder but not those of its files.
"""

from __future__ import annotations

import base64
import bisect
import functools
import io
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageEnhance

from vwe_dagster.config.hosts import allowed_hosts
from vwe_dagster.config.local_servers import HOST, PORT, LocalServer, running_server
from vwe_dagster.site.pages import folder_of
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import WORLD_RADIUS_M, Grid

INLINE_CHARACTERS = 999
"""Maximum length of Markdown that Dagster's pages show inline."""

THUMBNAIL_PIXELS = 256
"""Side of a thumbnail; the event database, which stores metadata, is not for larger pictures."""

THUMBNAIL_QUALITY, THUMBNAIL_EFFORT = 60, 5
"""Settings of WebP; the highest effort, 6, takes twice as long and saves 1 %."""

SHA256_SHOWN = 16
"""Shown digits of a file's hash, for lack of width; the manifest has all digits."""

MINIATURE_SAMPLES = 64
"""Side of the picture in a miniature; at the given length, more or fewer samples look worse."""

MINIATURE_PIXELS = 96
"""Side of a miniature on the page; on a larger one, so few samples look blurred."""

MINIATURE_SATURATION = 1.5
"""Factor of saturation before compression, since strong compression fades colors."""

MINIATURE_QUALITIES, MINIATURE_EFFORT = range(61), 6

_CACHED_PICTURES = 32
"""Size of the cache: all stages of a world show one emblem, and a run builds a stage of all seeds before the next."""

# The browser scales the picture smoothly and clips the disc sharply.
_MINIATURE = (
    "![map](<data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
    f"width='{MINIATURE_PIXELS}' height='{MINIATURE_PIXELS}'%3E"
    f"%3Cimage width='{MINIATURE_PIXELS}' clip-path='circle(48%25)' href='{{picture}}'/%3E%3C/svg%3E>)"
)


def materialization(
    store: WorldStore,
    manifest: Manifest,
    *,
    kept: bool,
    emblem: Image.Image,
    picture: Image.Image | None = None,
    biomes: pd.DataFrame,
    counts: Mapping[str, object],
) -> dg.MaterializeResult[None]:
    """Return the materialization of a stage with its metadata.

    Args:
        store: data folder that holds the stage.
        manifest: manifest of the stage.
        kept: True if the stage was up to date and was not rebuilt.
        emblem: square picture of the world that is recognizable at a small size.
        picture: square picture of the world for a thumbnail; None for no thumbnail.
        biomes: table of biomes, see :func:`biome_cover`.
        counts: further values by label; None values are left out.
    """
    return dg.MaterializeResult(
        metadata={
            "map": dg.MetadataValue.md(miniature(emblem)),
            **({} if picture is None else {"larger map": dg.MetadataValue.md(thumbnail(picture))}),
            **links(store, manifest, has_picture=picture is not None),
            "biomes": _biome_table(biomes),
            **{label: _shown(count) for label, count in counts.items() if count is not None},
            **_provenance(manifest, kept=kept),
            **_files(store, manifest),
        },
        data_version=dg.DataVersion(store.version(manifest)),
    )


def biome_cover(biome: npt.NDArray[np.uint8], grid: Grid) -> pd.DataFrame:
    """Return the area that each biome covers in the world's disc, land and water.

    Args:
        biome: ``[z, x]``, indices of :class:`vwe_dagster.world.biomes.Biome`.
        grid: grid of the samples.

    Returns:
        A row for each biome that occurs: ``biome``, the game's name; ``area_km2``; ``share_of_disc``.
    """
    cells = np.array(Image.fromarray(biome).histogram(_disc(grid)))
    rows = [
        (each.game_name, cells[each] * grid.cell_area_km2, cells[each] / cells.sum()) for each in BIOMES if cells[each]
    ]
    return pd.DataFrame(rows, columns=["biome", "area_km2", "share_of_disc"])


def miniature(picture: Image.Image) -> str:
    """Return the disc of a picture as Markdown that is short enough to be shown inline."""
    small = picture.convert("RGB").resize((MINIATURE_SAMPLES, MINIATURE_SAMPLES), Image.Resampling.LANCZOS)
    return _miniature(ImageEnhance.Color(small).enhance(MINIATURE_SATURATION).tobytes())


def thumbnail(picture: Image.Image) -> str:
    """Return a picture as Markdown, with at most :data:`THUMBNAIL_PIXELS` per side."""
    small = picture.convert("RGB")
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), Image.Resampling.BOX)
    return _thumbnail(small.size, small.tobytes())


def links(store: WorldStore, manifest: Manifest, *, has_picture: bool) -> dict[str, dg.MetadataValue[Any]]:
    """Return a link to the map page of the world, and to its picture if the map server is running.

    The server's guard allows pages of other ports to link to a picture, not to show it. A server with configured host
    names has other addresses, which are not known here.
    """
    if allowed_hosts():
        return {}
    server = running_server(store.root.parent, LocalServer.MAP)
    page = f"worlds/{urllib.parse.quote(folder_of(manifest.seed.key))}"
    link = {"map page (vwe serve)": dg.MetadataValue.url(f"{server or f'http://{HOST}:{PORT}'}/{page}/")}
    if server is None or not has_picture:
        return {**link}
    return {**link, "picture": dg.MetadataValue.url(f"{server}/{page}/thumbnail.png")}


@functools.lru_cache(maxsize=1)
def _disc(grid: Grid) -> Image.Image:
    """Return a mask of the cells whose centers are inside the world's edge."""
    square_m2 = grid.coordinates().astype(np.float64) ** 2
    return Image.fromarray(square_m2[:, np.newaxis] + square_m2 <= WORLD_RADIUS_M**2).convert("L")


@functools.lru_cache(maxsize=_CACHED_PICTURES)
def _miniature(pixels: bytes) -> str:
    picture = Image.frombytes("RGB", (MINIATURE_SAMPLES, MINIATURE_SAMPLES), pixels)

    def markdown(quality: int) -> str:
        return _MINIATURE.replace("{picture}", _data_url(picture, quality, MINIATURE_EFFORT))

    fitting_qualities = bisect.bisect_right(
        MINIATURE_QUALITIES, INLINE_CHARACTERS, key=lambda quality: len(markdown(quality))
    )
    return markdown(MINIATURE_QUALITIES[fitting_qualities - 1]) if fitting_qualities else "see the larger map"


@functools.lru_cache(maxsize=_CACHED_PICTURES)
def _thumbnail(size: tuple[int, int], pixels: bytes) -> str:
    return f"![map]({_data_url(Image.frombytes('RGB', size, pixels), THUMBNAIL_QUALITY, THUMBNAIL_EFFORT)})"


def _data_url(picture: Image.Image, quality: int, effort: int) -> str:
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=quality, method=effort)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"


def _biome_table(biomes: pd.DataFrame) -> dg.MarkdownMetadataValue:
    columns = {
        "biome": biomes["biome"],
        "area (km²)": _formatted(biomes["area_km2"], "{:,.2f}"),
        "share of the disc": _formatted(biomes["share_of_disc"], "{:.1%}"),
    }
    if "share_of_land" in biomes:
        columns["share of land"] = _formatted(biomes["share_of_land"], "{:.1%}")
        columns["first patch (m)"] = _formatted(biomes["first_m"], "{:,.0f}")
        columns["highest above the sea (m)"] = _formatted(biomes["max_above_sea_m"], "{:,.0f}")
    return _short_table(columns, numbers=frozenset(columns) - {"biome"})


def _formatted(numbers: pd.Series[float], form: str) -> pd.Series[str]:
    return numbers.map(form.format, na_action="ignore").astype(object).fillna("")


def _shown(count: object) -> Any:
    return round(count, 3) if isinstance(count, float) else count


def _provenance(manifest: Manifest, *, kept: bool) -> dict[str, dg.MetadataValue[Any]]:
    grid = manifest.recipe.grid
    values: dict[str, dg.MetadataValue[Any]] = {
        "engine": dg.MetadataValue.text(manifest.recipe.maker),
        "seed number": dg.MetadataValue.int(manifest.seed.number),
        "cached": dg.MetadataValue.bool(kept),
        "built at": dg.MetadataValue.timestamp(manifest.made_at),
        "built in (s)": dg.MetadataValue.float(round(manifest.seconds, 3)),
        "digest": dg.MetadataValue.text(manifest.digest),
    }
    if grid is not None:
        values["grid"] = dg.MetadataValue.text(f"{grid.size} x {grid.size} samples, {grid.cell_m:g} m apart")
    return values


def _files(store: WorldStore, manifest: Manifest) -> dict[str, dg.MetadataValue[Any]]:
    plain = {name: entry for name, entry in manifest.files.items() if "/" not in name}
    rows = [
        (name, f"{entry.bytes:,}", " x ".join(map(str, entry.shape or ())), entry.sha256[:SHA256_SHOWN])
        for name, entry in plain.items()
    ]
    folders: dict[str, list[int]] = {}
    for name in manifest.files.keys() - plain.keys():
        folders.setdefault(name.partition("/")[0], []).append(manifest.files[name].bytes)
    rows += [(f"{name}/", f"{sum(sizes):,}", f"{len(sizes)} files", "") for name, sizes in sorted(folders.items())]
    columns = dict(zip(("file", "bytes", "shape", "sha256 begins"), zip(*rows, strict=True), strict=True))
    return {
        "files": _short_table(columns, numbers=frozenset({"bytes"})),
        "folder": dg.MetadataValue.path(store.folder(manifest.seed, manifest.stage)),
    }


def _short_table(columns: Mapping[str, Iterable[str]], *, numbers: frozenset[str]) -> dg.MarkdownMetadataValue:
    """Return a table as Markdown, which takes a quarter of the bytes of :func:`rows_table`, because it has no schema.

    Args:
        columns: the cells of each column by its heading.
        numbers: the headings of the columns to align at the right.
    """
    rules = ["-:" if heading in numbers else "-" for heading in columns]
    rows = zip(*columns.values(), strict=True)
    return dg.MetadataValue.md("\n".join("|".join(cells) for cells in (columns, rules, *rows)))


def rows_table(rows: pd.DataFrame) -> dg.TableMetadataValue:
    """Return rows as a table for Dagster's pages, with all values as text."""
    records = [
        dg.TableRecord({str(name): str(value) for name, value in row.items()}) for row in rows.to_dict("records")
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(str(name)) for name in rows.columns])
    return dg.MetadataValue.table(records, schema)
