"""The worlds that the site can show, and the stages that each is built from."""

from __future__ import annotations

import dataclasses
import functools

from pydantic import JsonValue

from vwe_dagster.rendering.tiles import MAX_ZOOM, NATIVE_ZOOM
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site.header import WorldHeader, version_of
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.store.stages import built_stages, drawn_stage, grid_of, native_terrain, tile_choice, world_gen_version
from vwe_dagster.text.commands import vwe_command
from vwe_dagster.worldgen import World


@dataclasses.dataclass(frozen=True)
class BuiltWorld:
    """A world that can be shown.

    Attributes:
        extracted: its planes and waterways.
        processed: its statistics, islands and peaks.
        raw: the latest export of an engine; None if there is none. The planes may come from another source.
        renders: its pictures, if they were drawn from these planes.
        tiles: its tiles, if they were drawn from these planes.
    """

    extracted: Manifest
    processed: Manifest
    raw: Manifest | None
    renders: Manifest | None
    tiles: Manifest | None

    @property
    def seed(self) -> Seed:
        """The seed of the world."""
        return self.extracted.seed

    @functools.cached_property
    def header(self) -> WorldHeader:
        """The header of the world."""
        drawn = "" if self.tiles is None else self.tiles.digest
        version = world_gen_version(self.extracted, self.raw)
        return WorldHeader(
            seed=self.seed,
            version=version_of("stored.py", self.extracted.digest, self.processed.digest, drawn, str(version)),
            data_version=version_of("stored.py", self.extracted.digest),
            grid=grid_of(self.extracted),
            engine=self.extracted.recipe.made_by,
            world_gen_version=version,
            location_table=self._location_table(),
            has_waterways="rivers.parquet" in self.extracted.files,
            built_at=self.extracted.made_at,
        )

    def _location_table(self) -> JsonValue:
        if self.raw is None or not self.extracted.is_built_from(self.raw):
            return None
        return self.raw.recipe.inputs.get("location_table")

    @property
    def max_zoom(self) -> int:
        """The highest zoom of its tiles: the highest of all if terrain can be sampled, else of the drawn tiles."""
        if self.terrain() is not None:
            return MAX_ZOOM
        return NATIVE_ZOOM if self.tiles is None else max(NATIVE_ZOOM, tile_choice(self.tiles).max_zoom)

    def terrain(self) -> World | None:
        """Return the native engine's terrain of this world, see :func:`vwe_dagster.store.stages.native_terrain`."""
        return native_terrain(self.extracted, self.raw)


def built_world(store: WorldStore, seed: Seed) -> BuiltWorld | None:
    """Return the stages of a seed; None unless ``extracted`` exists and ``processed`` is built from it.

    Raises:
        StoreError: the data folder cannot be read.
    """
    stages = built_stages(store, seed)
    if stages is None:
        return None
    extracted, processed = stages
    return BuiltWorld(
        extracted=extracted,
        processed=processed,
        raw=store.manifest(seed, "raw"),
        renders=drawn_stage(store, extracted, "renders"),
        tiles=drawn_stage(store, extracted, "tiles"),
    )


def missing_world_message(store: WorldStore, seed: Seed) -> str:
    """Return a sentence that explains why :func:`built_world` is None for a seed, and what to do."""
    if store.manifest(seed, "extracted") is None:
        command = vwe_command("world", operands=[seed.key])
        return f"The world of {seed.key} is not built yet; build it with: {command}"
    return (
        f"The world of {seed.key} is partially built; if no process is building it, repeat the command that built it."
    )
