"""The biomes of Valheim: the game's own names, indices and bit flags."""

from __future__ import annotations

import enum


class Biome(enum.IntEnum):
    """A biome by its index in the game (``BiomeIndex``); arrays of biomes have these as uint8."""

    NONE = 0
    MEADOWS = 1
    SWAMP = 2
    MOUNTAIN = 3
    BLACK_FOREST = 4
    PLAINS = 5
    ASHLANDS = 6
    DEEP_NORTH = 7
    OCEAN = 8
    MISTLANDS = 9

    @property
    def flag(self) -> int:
        """The bit of this biome in the game's ``Heightmap.Biome`` enumeration; 0 for none."""
        return 0 if self is Biome.NONE else 1 << (self - 1 if self < Biome.OCEAN else self)

    @property
    def game_name(self) -> str:
        """The name in the game's spelling, used in tables: ``BlackForest``, ``AshLands``."""
        return "AshLands" if self is Biome.ASHLANDS else self.name.title().replace("_", "")

    @property
    def title(self) -> str:
        """The name for people: ``Black Forest``, ``Ashlands``."""
        return self.name.replace("_", " ").title()


BIOMES = tuple(biome for biome in Biome if biome is not Biome.NONE)
"""All biomes except ``NONE``, in index order."""
