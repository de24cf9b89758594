"""Figures of the game that the terrain engine must meet: digests, counts and values of worlds we know."""

from __future__ import annotations

import numpy as np

MWD8 = -1772362158
"""The integer of the seed text MWd8eV6svz, the world that most figures are of."""

BIOME_CELLS = {
    "MISTLANDS": 402_651,
    "PLAINS": 327_479,
    "BLACK_FOREST": 307_927,
    "MEADOWS": 80_277,
    "SWAMP": 62_619,
    "ASHLANDS": 1_361_539,
    "OCEAN": 1_406_660,
    "DEEP_NORTH": 166_037,
    "MOUNTAIN": 79_115,
}
"""Cells of each biome in MWD8 on the 2048 grid."""

POINTS = [
    (126, 162, "3DF1742B", "MEADOWS", "41DC1777"),
    (606, -18, "3E8EA5FC", "MEADOWS", "426FB51E"),
    (-1794, 2706, "3D6F556B", "SWAMP", "41E776EA"),
    (2166, -7302, "3EF997D9", "MOUNTAIN", "4303C651"),
    (-7362, 5394, "3E02F12A", "BLACK_FOREST", "402D734E"),
    (4686, -3354, "3E1AF9A3", "PLAINS", "4206C360"),
    (-1638, -8910, "00000000", "ASHLANDS", "42218063"),
    (1206, -9006, "3E1C97B4", "ASHLANDS", "423160AE"),
    (2874, 9222, "3DD70605", "DEEP_NORTH", "42287ABE"),
    (-3, 9003, "3CA9EDE1", "DEEP_NORTH", "41DE4E38"),
    (8274, 462, "3E2FE2FC", "MISTLANDS", "4253FFFF"),
    (10494, 0, "BF6B1517", "OCEAN", "C337A87A"),
]
"""Points of MWD8: x, z, float32 bits of the base height, biome, float32 bits of the height."""


def bits(value: float) -> str:
    """The bit pattern of a float32, as eight hexadecimal digits."""
    return f"{np.float32(value).view(np.uint32):08X}"
