"""The worlds that the site can show: those whose stages are there, and what each is made of."""

from __future__ import annotations

import dataclasses
import functools
import hashlib

from pydantic import JsonValue

from vwe_dagster.kernels.sources import PACKAGE, sources_digest
from vwe_dagster.rendering.tiles import MAX_ZOOM, NATIVE_ZOOM
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.store.stages import made_stages, native_terrain, tile_choice, world_gen_version
from vwe_dagster.text.commands import vwe_command
from vwe_dagster.worldgen import World


@dataclasses.dataclass(frozen=True)
class MadeWorld:
    """A world that can be shown.

    Attributes:
        extracted: its planes and waterways.
        processed: its statistics, islands and peaks.
        raw: what an engine said last; None where none was asked. The planes may be of something else.
        renders: its pictures, if they were drawn of these planes.
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
        """Tells this making of the world, and the code that makes its files, from every other."""
        drawn = "" if self.tiles is None else self.tiles.digest
        return _version(self.extracted.digest, self.processed.digest, drawn, str(self.world_gen_version))

    @functools.cached_property
    def data_version(self) -> str:
        """The same of its planes and waterways alone, which drawing tiles, say, does not change."""
        return _version(self.extracted.digest)

    @property
    def world_gen_version(self) -> int | None:
        """The world-gen version, see :func:`vwe_dagster.store.stages.world_gen_version`."""
        return world_gen_version(self.extracted, self.raw)

    @property
    def location_table(self) -> JsonValue:
        """Name and hash of the table of location types; None where the engine of the world does not name one."""
        if self.raw is None or not self.extracted.is_made_of(self.raw):
            return None
        return self.raw.recipe.inputs.get("location_table")

    @property
    def max_zoom(self) -> int:
        """The deepest zoom of its tiles: the last one where terrain can be sampled, else as deep as they were drawn."""
        if self.terrain() is not None:
            return MAX_ZOOM
        return NATIVE_ZOOM if self.tiles is None else max(NATIVE_ZOOM, tile_choice(self.tiles).max_zoom)

    def terrain(self) -> World | None:
        """The native engine's terrain of this world, see :func:`vwe_dagster.store.stages.native_terrain`."""
        return native_terrain(self.extracted, self.raw)


def made_world(store: WorldStore, seed: Seed) -> MadeWorld | None:
    """What the stages of a seed say; None unless ``extracted`` is there, and ``processed`` made of it.

    Raises:
        StoreError: the data folder cannot be read.
    """
    stages = made_stages(store, seed)
    if stages is None:
        return None
    extracted, processed = stages
    renders, tiles = store.manifest(seed, "renders"), store.manifest(seed, "tiles")
    return MadeWorld(
        extracted=extracted,
        processed=processed,
        raw=store.manifest(seed, "raw"),
        renders=renders if renders is not None and renders.is_made_of(extracted) else None,
        tiles=tiles if tiles is not None and tiles.is_made_of(extracted) else None,
    )


def why_not_shown(store: WorldStore, seed: Seed) -> str:
    """Why there is no :func:`made_world` of a seed, and what to do about it, in a sentence."""
    if store.manifest(seed, "extracted") is None:
        command = vwe_command("world", operands=[seed.key])
        return f"The world of {seed.key} has not been made yet; make it with: {command}"
    return f"The world of {seed.key} is half made; if nothing is making it now, make it again as it was made before."


def _version(*told: str) -> str:
    return hashlib.sha256("".join((*told, _code())).encode()).hexdigest()[:16]


@functools.cache
def _code() -> str:
    """Return the digest of the code that makes the files: browsers keep them for good, by version."""
    return sources_digest(PACKAGE / "site" / "source.py")
