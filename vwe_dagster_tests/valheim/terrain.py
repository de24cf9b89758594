"""The terrain of the stand-in game, computed a second time; the plugin must return the same, bit for bit.

The first implementation is in ``deploy/valheim/plugin/stubs/Valheim.cs``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.engine.messages import EngineIdentity, Line, WorldExport, WorldRequest
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import WORLD_RADIUS_M

IDENTITY = EngineIdentity("valheim", "0.1.0", "1.0.0-stand-in")
PREFABS = ("StartTemple", "Eikthyrnir", "GDKing", "Vendor_BlackForest", "Vendor_BlackForest")

_BIOMES = np.array(
    [
        biome.flag
        for biome in (
            Biome.MEADOWS,
            Biome.SWAMP,
            Biome.MOUNTAIN,
            Biome.BLACK_FOREST,
            Biome.PLAINS,
            Biome.DEEP_NORTH,
            Biome.OCEAN,
            Biome.MISTLANDS,
        )
    ],
    np.uint16,
)
_VERTEX_SPACING_M = 16.0

Integers = npt.NDArray[np.int64]


def stand_in_world(request: WorldRequest) -> WorldExport:
    """Return the stand-in game's world for a request: planes, rivers, streams, lakes and locations."""
    mix = (request.seed + 1000003 * request.world_gen_version) % 2**32
    planes = _planes(mix, request.grid.coordinates())
    rivers = [
        _course("river", (-3000 + 1000 * i, mix % 1000), (-2500 + 1000 * i, mix % 1000 + 800), 60, 90) for i in range(4)
    ]
    # The stand-in lists three streams and draws two.
    streams = [_course("stream", (1500 * i, -2000), (1500 * i + 90, -1900), 20, 20) for i in range(2)]
    lines = {
        "rivers": rivers,
        "streams": streams,
        "lakes": [_lake(np.float32(700.3) * i, np.float32(mix % 1000) - np.float32(300.7) * i) for i in range(5)],
        "locations": sorted(_locations(request.seed), key=lambda line: str(line["prefab"])),
    }
    return WorldExport(
        request,
        IDENTITY,
        {name: plane for name, plane in planes.items() if name in request.layers},
        {name: points for name, points in lines.items() if name in request.layers},
        {},
    )


def _planes(mix: int, coordinates: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.generic]]:
    x, z = np.meshgrid(coordinates, coordinates)
    biome = _BIOMES[_mixed(mix, _floor(x / np.float32(1024)), _floor(z / np.float32(1024))) % 8]
    biome[z < -7000] = Biome.ASHLANDS.flag
    mixed = _mixed(mix, _floor(x), _floor(z))
    is_void = x.astype(float) ** 2 + z.astype(float) ** 2 > WORLD_RADIUS_M**2
    height = np.where(is_void, -400, (mixed & 0xFFFF) / 256 - 50 + biome / 4).astype(np.float32)
    lava = np.where(is_void | (biome != Biome.ASHLANDS.flag), 0, (mixed >> 24) / 256).astype(np.float32)
    forest = ((_mixed(0, _floor(x), _floor(z)) & 0xFFFF) / 32768).astype(np.float32)
    return {"biome": biome, "height": height, "forest": forest, "lava": lava}


def _floor(values: npt.NDArray[np.float32]) -> Integers:
    return np.floor(values).astype(np.int64)


def _mixed(seed: int, x: Integers, z: Integers) -> npt.NDArray[np.uint32]:
    # int64 wraps, and its lower half equals the result in uint32.
    mixed = (seed * 0x9E3779B1 % 2**32 + x * 0x85EBCA77 + z * 0xC2B2AE3D).astype(np.uint32)
    mixed = (mixed ^ mixed >> np.uint32(15)) * np.uint32(0x2C1B3C6D)
    mixed = (mixed ^ mixed >> np.uint32(12)) * np.uint32(0x297A2D39)
    return (mixed ^ mixed >> np.uint32(15)).astype(np.uint32)


def _course(kind: str, start: tuple[float, float], end: tuple[float, float], least: float, greatest: float) -> Line:
    """Return a river like the game's, thinned like those of the native engine."""
    begin, way = np.array(start, np.float32), np.subtract(end, start, dtype=np.float32)
    span = np.float32(np.hypot(*way))
    way /= span
    steps: list[np.float32] = []
    at = np.float32(0)
    while at <= span:
        steps.append(at)
        at = np.float32(at + np.float32(least / 8))
    along = np.array(steps, np.float32)
    turn = (along / np.float32(span / np.float32(20))).astype(float)
    waves = np.sin(turn) * np.sin(turn * 0.634119987487793) * np.sin(turn * 0.3341200053691864)
    aside = (waves * float(span / np.float32(15))).astype(np.float32)
    widths = least + (greatest - least) * (np.arange(len(along)) % 31) / 31
    points = np.stack(
        [begin[0] + way[0] * along - way[1] * aside, begin[1] + way[1] * along + way[0] * aside, widths], axis=1
    )
    spacing = float(np.hypot(*(points[1, :2] - points[0, :2])))
    every = max(1, round(_VERTEX_SPACING_M / max(spacing, 1.0)))
    kept = np.union1d(np.arange(0, len(points), every), [len(points) - 1])
    return {"kind": kind, "points": points[kept].astype(float).round(2).tolist()}


def _lake(x: np.float32, z: np.float32) -> Line:
    rounded = np.array([x, z], np.float32).round(2).tolist()
    return {"kind": "lake", "points": [[*rounded, 0.0]]}


def _locations(seed: int) -> list[Line]:
    return [
        {
            "kind": "location",
            "prefab": prefab,
            "group": "",
            # C#'s remainder has the sign of the dividend.
            "x_m": 100.0 * i + float(np.fmod(seed, 64)),
            "y_m": 31.5 + i,
            "z_m": -50.0 * i,
            "radius_m": 20.0 + i,
            "placed": False,
        }
        for i, prefab in enumerate(PREFABS)
    ]
