"""Checks of the locations of a world."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.engine.messages import LANDMARKS
from vwe_dagster.locations.locations_digest import KNOWN_DIGESTS, locations_digest
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.quality.result import CheckResult, FindingError
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.store.stages import LOCATIONS_FILE, read_table
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import SEA_LEVEL_M
from vwe_dagster.worldgen import World

ZONE_M = 64.0
_TOLERANCE_M = 0.01
"""Tolerance of distances, which the game compares in float32."""

_FLAGS = np.zeros(max(BIOMES) + 1, np.int64)
for _biome in BIOMES:
    _FLAGS[_biome] = _biome.flag


def locations_valid(store: WorldStore, manifest: Manifest) -> CheckResult:
    """Check that zones have at most one location, each valid for its type, and that known worlds match the game."""
    if LOCATIONS_FILE not in manifest.files:
        return CheckResult("The source of the world has no locations.")
    locations = read_table(store, manifest, LOCATIONS_FILE)
    zones = np.floor((locations[["x_m", "z_m"]].to_numpy(np.float64) + ZONE_M / 2) / ZONE_M)
    if len(np.unique(zones, axis=0)) < len(zones):
        raise FindingError(f"{len(zones) - len(np.unique(zones, axis=0))} zones have more than one location.")
    raw = store.manifest(manifest.seed, "raw")
    if raw is None or not _is_by_shipped_table(raw):
        return CheckResult("Every location is in a separate zone.", {"locations": len(locations)})
    world = World(manifest.seed.number)
    for rule, broken in _broken_rules(locations, world).items():
        if broken.any():
            first = locations[broken].iloc[0]
            raise FindingError(
                f"{np.count_nonzero(broken)} locations are outside the {rule} of their type, the first of them "
                f"{first['prefab']} at {first['x_m']:.0f}, {first['z_m']:.0f}."
            )
    if manifest.seed.number not in KNOWN_DIGESTS or f"{LANDMARKS}.jsonl" in raw.files:
        return CheckResult(
            "Every location is in a separate zone, at a place that the rules of its type allow.",
            {"locations": len(locations)},
        )
    digest = _check_known(locations, world)
    return CheckResult("The locations are the game's, bit for bit.", {"locations": len(locations), "digest": digest})


def _check_known(locations: pd.DataFrame, world: World) -> str:
    """Compare the locations of a world whose digest is known; return the digest."""
    expected = world.locations()
    digest = locations_digest(expected)
    if digest != KNOWN_DIGESTS[world.seed]:
        raise FindingError(f"The locations have the digest {digest}, but the game's have {KNOWN_DIGESTS[world.seed]}.")
    columns = {"prefab": expected.prefab, "x_m": expected.x, "y_m": expected.y, "z_m": expected.z}
    if any(locations[name].tolist() != values.tolist() for name, values in columns.items()):
        raise FindingError("The table of locations differs from the one computed from the seed; rebuild the raw stage.")
    return digest


def _is_by_shipped_table(raw: Manifest) -> bool:
    """Return whether the native engine placed the locations; a server may have mods or another version of the game."""
    table = raw.recipe.inputs.get("location_table")
    return isinstance(table, dict) and table.get("sha256") == shipped_table().sha256


def _broken_rules(locations: pd.DataFrame, world: World) -> dict[str, npt.NDArray[np.bool_]]:
    """Return a mask of the locations that break a rule of their type, for each rule."""
    table = shipped_table()
    index = {prefab: index for index, prefab in enumerate(table.prefabs)}
    types = locations["prefab"].map(index).to_numpy(np.int64)

    def limits(name: str) -> npt.NDArray[np.float64]:
        return np.array([getattr(each, name) for each in table.types], np.float64)[types]

    x, y, z = (locations[name].to_numpy() for name in ("x_m", "y_m", "z_m"))
    altitude_m = y.astype(np.float64) - SEA_LEVEL_M
    distance_m = np.hypot(x.astype(np.float64), z.astype(np.float64))
    farthest_m = np.where(limits("max_distance") == 0, np.inf, limits("max_distance"))
    masks = np.array([each.biome for each in table.types], np.int64)[types]
    return {
        "biomes": (masks & _FLAGS[np.asarray(world.biome(x, z))]) == 0,
        "altitudes": (altitude_m < limits("min_altitude") - _TOLERANCE_M)
        | (altitude_m > limits("max_altitude") + _TOLERANCE_M),
        "distances": (distance_m < limits("min_distance") - _TOLERANCE_M) | (distance_m > farthest_m + _TOLERANCE_M),
    }
