"""The data folder: the stages of every seed, each published atomically with a manifest of its contents.

Other rooms read and publish stages through :class:`WorldStore`.
"""

from __future__ import annotations

from vwe_dagster.store.draft import Draft
from vwe_dagster.store.errors import StoreError
from vwe_dagster.store.manifest import MANIFEST_NAME, STAGES, WORLD_STAGES, FileEntry, Manifest, Recipe, Stage
from vwe_dagster.store.world_store import WorldStore

__all__ = [
    "MANIFEST_NAME",
    "STAGES",
    "WORLD_STAGES",
    "Draft",
    "FileEntry",
    "Manifest",
    "Recipe",
    "Stage",
    "StoreError",
    "WorldStore",
]
