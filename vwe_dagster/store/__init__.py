"""The data folder: every seed's stages, each published whole or not at all, with a manifest of what it holds.

This is the room's public face: read stages and make them through :class:`WorldStore`.
"""

from __future__ import annotations

from vwe_dagster.store.draft import Draft
from vwe_dagster.store.errors import StoreError
from vwe_dagster.store.manifest import MANIFEST_NAME, STAGES, WORLD_STAGES, FileFacts, Manifest, Recipe, Stage
from vwe_dagster.store.world_store import WorldStore

__all__ = [
    "MANIFEST_NAME",
    "STAGES",
    "WORLD_STAGES",
    "Draft",
    "FileFacts",
    "Manifest",
    "Recipe",
    "Stage",
    "StoreError",
    "WorldStore",
]
