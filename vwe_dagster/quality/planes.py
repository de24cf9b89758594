"""Checks of the planes of a world, from the engine and in canonical form."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from vwe_dagster.engine.messages import PLANES
from vwe_dagster.extraction.engine_export import biome_indices
from vwe_dagster.extraction.validate import ASHLANDS_CELLS, check_plane
from vwe_dagster.quality.result import CheckResult, FindingError
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.store.stages import grid_of, plane_file, plane_names, read_plane
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.grid import VOID_M, WORLD_RADIUS_M, Grid
from vwe_dagster.worldgen.digest import KNOWN_DIGESTS, planes_digest

_EDGE_M = 0.01
"""Cells this near to the edge may be on either side of it: the game rounds the distance to float32."""

_ENGINES = ("native", "valheim")
_DTYPES = {"biome": "uint8", "height": "float32", "forest": "float32", "lava": "float32", "water": "bool"}


def raw_grid_complete(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that files are undamaged and every plane has a number for every cell of the grid."""
    return _grid_complete(store, manifest, PLANES)


def extracted_grid_complete(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that files are undamaged and every canonical plane has a number for every cell of the grid."""
    return _grid_complete(store, manifest, _DTYPES)


def biomes_valid(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that every cell has the flag of one biome."""
    indices = biome_indices(read_plane(store, manifest, "biome"), grid_of(manifest))
    cells = np.bincount(indices.reshape(-1), minlength=len(Biome))
    return CheckResult("Every cell has one biome.", {f"{biome.game_name} cells": int(cells[biome]) for biome in BIOMES})


def seed_independent_counts(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check the number of Ashlands cells, which is the same in every world because their border uses no noise."""
    if grid_of(manifest) != Grid.of_world(2048) or not _is_by_engine(manifest):
        return CheckResult("Not checked: the count is known for an engine's worlds of 2048 x 2048 cells.")
    count = int(np.count_nonzero(read_plane(store, manifest, "biome") == Biome.ASHLANDS))
    if count != ASHLANDS_CELLS:
        raise FindingError(f"The world has {count} Ashlands cells, but every world has {ASHLANDS_CELLS}.")
    return CheckResult("There are as many Ashlands cells as in every world.", {"Ashlands cells": count})


def world_edge(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that the ground is at -400 m everywhere beyond the edge of the world, and nowhere within it."""
    if not _is_by_engine(manifest):
        return CheckResult("Not checked: only worlds of an engine have the void beyond the edge.")
    height = read_plane(store, manifest, "height")
    beyond, certain = _edge(grid_of(manifest))
    is_void = height == np.float32(VOID_M)
    wrong = (is_void != beyond) & certain
    if wrong.any():
        raise FindingError(
            f"{np.count_nonzero(wrong & beyond)} cells beyond the edge of the world are not at {VOID_M:g} m, "
            f"and {np.count_nonzero(wrong & ~beyond)} within it are."
        )
    return CheckResult(
        "The void begins at the edge of the world.", {"cells of the void": int(np.count_nonzero(is_void))}
    )


@functools.lru_cache(maxsize=1)
def _edge(grid: Grid) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return masks of the cells beyond the edge of the world and of those where that is certain."""
    meters = grid.coordinates().astype(np.float64)
    distance = np.hypot(meters[:, np.newaxis], meters)
    return distance > WORLD_RADIUS_M, np.abs(distance - WORLD_RADIUS_M) > _EDGE_M


def known_digest(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that the terrain equals the game's, bit for bit, if the digest of the world is known."""
    seed, grid = manifest.seed, grid_of(manifest)
    known = KNOWN_DIGESTS.get(seed.number)
    if known is None or grid != Grid.of_world(2048) or not _is_by_engine(manifest):
        return CheckResult("Not checked: the digest of this world on this grid is unknown.")
    coordinates = grid.coordinates()
    biome, height = (read_plane(store, manifest, name) for name in ("biome", "height"))
    digest = planes_digest(coordinates, coordinates, biome, height)
    if digest != known:
        raise FindingError(f"The terrain has the digest {digest}, but the game's has {known}.")
    return CheckResult("The terrain is the game's, bit for bit.", {"digest": digest})


def _grid_complete(store: WorldStore, manifest: Manifest, dtypes: Mapping[str, str]) -> CheckResult:
    grid = grid_of(manifest)
    planes = plane_names(manifest)
    missing = {"biome", "height"} - set(planes)
    if missing:
        raise FindingError(f"The stage has no {' and no '.join(sorted(missing))}.")
    for name in planes:
        _check_numbers(name, read_plane(store, manifest, name), dtypes[name], grid)
    for name in manifest.files.keys() - set(map(plane_file, planes)):
        store.read(manifest, name)
    return CheckResult(
        "Every file is undamaged, and every plane has a number for every cell.",
        {"files": len(manifest.files), "bytes": sum(entry.bytes for entry in manifest.files.values())},
    )


def _check_numbers(name: str, plane: npt.NDArray[np.generic], dtype: str, grid: Grid) -> None:
    check_plane(name, plane, dtype, grid)
    if plane.dtype.kind == "f" and not np.isfinite([plane.min(), plane.max()]).all():
        raise FindingError(f"The {name} plane has {np.count_nonzero(~np.isfinite(plane))} cells without a number.")


def _is_by_engine(manifest: Manifest) -> bool:
    return manifest.recipe.made_by.get("kind") in _ENGINES
