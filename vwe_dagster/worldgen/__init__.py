"""Valheim's terrain, from seed to grid, bit for bit as the game computes it."""

from vwe_dagster.worldgen.world import Terrain, Waterways, World, WorldError, forest_plane

__all__ = ["Terrain", "Waterways", "World", "WorldError", "forest_plane"]
