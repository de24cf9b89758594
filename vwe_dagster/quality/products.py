"""Checks of what is computed from a world: its statistics and its pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, UnidentifiedImageError

from vwe_dagster.quality.result import CheckResult, FindingError
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.rendering.tiles import TILE_PIXELS
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.store.stages import read_processed, tile_choice, tile_file

_TOLERANCE = 1e-6
"""Relative tolerance of sums of areas, which have a million terms."""

BLANK_BYTES_PER_PIXEL = 0.02
"""Bytes per pixel of a PNG below which it is blank; the plainest world has five times as many."""

BLANK_DEVIATION = 2.0
"""Standard deviation of a thumbnail's gray levels, 0 to 255, below which it is blank."""

_MAX_FAULTS_SHOWN = 5


def statistics_add_up(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that the biomes' areas add up to the disc and to the land, and that the tables match the totals."""
    analysis = read_processed(store, manifest)
    store.read(manifest, "peaks.parquet")
    statistics, biomes, islands = analysis.statistics, analysis.biomes, analysis.islands
    disc, land, counted = (float(str(statistics[name])) for name in ("disc_area_km2", "land_area_km2", "island_count"))
    sums = [
        ("the biomes' areas", biomes["area_km2"].sum(), disc),
        ("the biomes' land", biomes["land_area_km2"].sum(), land),
        ("the biomes' shares of the disc", biomes["share_of_disc"].sum(), 1.0 if disc else 0.0),
        ("the biomes' shares of the land", biomes["share_of_land"].sum(), 1.0 if land else 0.0),
        ("the islands", len(islands), counted),
    ]
    for what, found, expected in sums:
        if not math.isclose(found, expected, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
            raise FindingError(f"The sum of {what} is {found:g} but should be {expected:g}.")
    if islands["area_km2"].sum() > land * (1 + _TOLERANCE):
        raise FindingError(
            f"The islands have {islands['area_km2'].sum():g} km², more than the {land:g} km² of all land."
        )
    return CheckResult("The areas add up.", {"disc (km²)": disc, "land (km²)": land, "islands": len(islands)})


def pictures_not_blank(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that every picture can be read, has its size and is not blank."""
    names = [name for name in manifest.files if name.endswith(".png")]
    if THUMBNAIL not in names:
        raise FindingError(f"The stage has no {THUMBNAIL}.")
    faults = [fault for name in names for fault in _faults(store, manifest, name)]
    if faults:
        raise FindingError(" ".join(faults))
    return CheckResult("No picture is blank.", {"pictures": len(names)})


def tiles_not_blank(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that every zoom of every style has all its tiles, each of its size, and that the first is not blank."""
    missing = tile_choice(manifest).files() - manifest.files.keys()
    if missing:
        raise FindingError(f"{len(missing)} tiles are missing, such as {min(missing)}.")
    faults = [fault for name in manifest.files for fault in _tile_faults(store, manifest, name)]
    if faults:
        raise FindingError(" ".join(faults[:_MAX_FAULTS_SHOWN]))
    return CheckResult("All tiles exist, and no first tile is blank.", {"tiles": len(manifest.files)})


def _tile_faults(store: WorldStore, manifest: Manifest, name: str) -> Iterator[str]:
    try:
        tile = Image.open(store.read(manifest, name))
    except UnidentifiedImageError:
        yield f"{name} is not a picture."
        return
    if tile.size != (TILE_PIXELS, TILE_PIXELS):
        yield f"{name} is {tile.width} x {tile.height}, not {TILE_PIXELS} x {TILE_PIXELS}."
    # The first tile shows the whole world.
    if name == tile_file(name.partition("/")[0], 0, 0, 0) and np.asarray(tile.convert("L")).std() < BLANK_DEVIATION:
        yield f"{name} is blank."


def _faults(store: WorldStore, manifest: Manifest, name: str) -> Iterator[str]:
    entry = manifest.files[name]
    try:
        picture = Image.open(store.read(manifest, name))
    except UnidentifiedImageError:
        yield f"{name} is not a picture."
        return
    if (picture.height, picture.width) != entry.shape:
        yield f"{name} is {picture.width} x {picture.height}, but its manifest states another size."
    # Decoding the large pictures would take longer than all other checks of a world together.
    if name == THUMBNAIL:
        is_blank = float(np.asarray(picture.convert("L")).std()) < BLANK_DEVIATION
    else:
        is_blank = entry.bytes < BLANK_BYTES_PER_PIXEL * picture.width * picture.height
    if is_blank:
        yield f"{name} is blank."
