"""The worlds that the site can show: those whose stages are there, and what each is made of."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from pathlib import Path

from vwe_dagster import rendering
from vwe_dagster.seeds import Seed
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.worldgen import World

_NATIVE = "native"


@dataclasses.dataclass(frozen=True)
class MadeWorld:
    """A world that can be shown.

    Attributes:
        extracted: its planes and waterways.
        processed: its statistics, islands and peaks.
        raw: what an engine said; None where the planes are not from it: the world was imported, or is being made again.
        renders: its pictures, if they were drawn.
        tiles: its tiles, if they were drawn of these planes.
    """

    extracted: Manifest
    processed: Manifest
    raw: Manifest | None
    renders: Manifest | None
    tiles: Manifest | None

    @property
    def seed(self) -> Seed:
        """Whose world it is."""
        return self.extracted.seed

    @functools.cached_property
    def version(self) -> str:
        """Tells this making of the world, and the code that draws it, from every other."""
        drawn = "" if self.tiles is None else self.tiles.digest
        told = (self.extracted.digest, self.processed.digest, drawn, str(self.world_gen_version), _drawing_code())
        return hashlib.sha256("".join(told).encode()).hexdigest()[:16]

    @property
    def world_gen_version(self) -> int | None:
        """The version of the native engine's terrain; None where another engine made the world."""
        if self.raw is None or self.extracted.recipe.made_by.get("kind") != _NATIVE:
            return None
        version = self.raw.recipe.inputs.get("world_gen_version")
        return version if isinstance(version, int) else None

    def terrain(self) -> World | None:
        """The native engine's terrain of this world, which can be sampled finer than its grid."""
        version = self.world_gen_version
        return None if version is None else World(self.seed.number, version)


def made_world(store: WorldStore, seed: Seed) -> MadeWorld | None:
    """What the stages of a seed say; None unless both ``extracted`` and ``processed`` are there.

    Raises:
        StoreError: the data folder cannot be read.
    """
    extracted, processed = store.manifest(seed, "extracted"), store.manifest(seed, "processed")
    if extracted is None or processed is None:
        return None
    raw, tiles = store.manifest(seed, "raw"), store.manifest(seed, "tiles")
    return MadeWorld(
        extracted=extracted,
        processed=processed,
        raw=raw if raw is not None and extracted.recipe.inputs.get("raw") == raw.digest else None,
        renders=store.manifest(seed, "renders"),
        tiles=tiles if tiles is not None and tiles.recipe.inputs.get("extracted") == extracted.digest else None,
    )


@functools.cache
def _drawing_code() -> str:
    """The hash of the code that draws tiles: one drawn by other code is another tile."""
    digest = hashlib.sha256()
    for source in sorted(Path(rendering.__path__[0]).glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
