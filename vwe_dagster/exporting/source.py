"""The source of an export: a built world with its metadata, and the options of the user."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from pydantic import JsonValue

from vwe_dagster.engine.messages import LANDMARKS, NATIVE
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Manifest, Stage, StoreError, WorldStore
from vwe_dagster.store.stages import (
    built_stages,
    grid_of,
    native_terrain,
    read_extracted,
    read_processed,
    world_gen_version,
)
from vwe_dagster.store.starting_keys import StartingKeys
from vwe_dagster.text.commands import vwe_command
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen.digest import planes_digest

if TYPE_CHECKING:
    from vwe_dagster.analysis.world import WorldAnalysis
    from vwe_dagster.world.canonical import CanonicalWorld
    from vwe_dagster.worldgen import World

NATIVE_GAME_VERSION = "1.0.16"
"""The version of the game whose terrain the native engine computes."""


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Options of formats; :attr:`vwe_dagster.exporting.formats.Format.options` lists those of each format.

    Attributes:
        stride: export every n-th row and column only.
        interval: height between contours, in meters.
        world_version: version of a world file, one of :data:`vwe_dagster.formats.fwl.NO_PLAYERS`.
        paper: size of the paper of a poster, one of :data:`vwe_dagster.exporting.formats.PAPERS`.
    """

    stride: int | None = None
    interval: float | None = None
    world_version: int | None = None
    paper: str | None = None

    @property
    def given(self) -> set[str]:
        """Return the names of the options that are set."""
        return {field.name for field in dataclasses.fields(self) if getattr(self, field.name) is not None}


@dataclasses.dataclass(frozen=True)
class ExportSource:
    """A world in the data folder as the source of exports; each file is read on first use and then kept.

    Attributes:
        store: the data folder.
        seed: the seed of the world.

    Everything but :attr:`seed`, :attr:`is_built`, :attr:`has_planes`, :attr:`world_gen_version` and
    :attr:`starting_keys` raises :class:`StoreError` if the world has not been built or one of its files is damaged.
    """

    store: WorldStore
    seed: Seed

    @property
    def is_built(self) -> bool:
        """True if the stages that exports read exist, each built from the present version of the one before."""
        return built_stages(self.store, self.seed) is not None

    @property
    def has_planes(self) -> bool:
        """True if the stage ``extracted``, which all later stages are built from, exists."""
        return self.store.manifest(self.seed, "extracted") is not None

    @functools.cached_property
    def world(self) -> CanonicalWorld:
        """Return the planes and tables of the world."""
        return read_extracted(self.store, self._extracted)

    @functools.cached_property
    def analysis(self) -> WorldAnalysis:
        """Return the islands, peaks and statistics of the world."""
        return read_processed(self.store, self._stage("processed"))

    @property
    def grid(self) -> Grid:
        """Return the grid on which the planes are sampled."""
        return grid_of(self._extracted)

    @functools.cached_property
    def world_gen_version(self) -> int | None:
        """Return the version from :func:`vwe_dagster.store.stages.world_gen_version`, or None without a world."""
        extracted = self.store.manifest(self.seed, "extracted")
        return None if extracted is None else world_gen_version(extracted, self._raw)

    @property
    def starting_keys(self) -> tuple[str, ...]:
        """Return the world modifiers of the save from which the world was imported; empty for other worlds."""
        return StartingKeys(self.store.root).read().get(self.seed.key, ())

    @property
    def game_version(self) -> str | None:
        """Return the version of the game that the terrain is of, such as ``1.0.16``, or None if it is unknown."""
        made_by = self._extracted.recipe.made_by
        if made_by.get("kind") == NATIVE.kind:
            return NATIVE_GAME_VERSION
        version = made_by.get("game_version") or made_by.get("world_version")
        return version if isinstance(version, str) else None

    @property
    def location_table(self) -> JsonValue:
        """Return name, game versions and hash of the native engine's location table; None for worlds without it."""
        return None if self._raw is None else self._raw.recipe.inputs.get("location_table")

    @property
    def has_landmarks_only(self) -> bool:
        """True if the world has locations of landmark types only, those that the game places first."""
        return self._raw is not None and f"{LANDMARKS}.jsonl" in self._raw.files

    @functools.cached_property
    def terrain(self) -> World | None:
        """Return the world as a function of any point, or None if another engine than the native one generated it."""
        return native_terrain(self._extracted, self._raw)

    @functools.cached_property
    def digest(self) -> str:
        """Return the SHA-256 of biomes and heights, see :func:`vwe_dagster.worldgen.digest.planes_digest`."""
        coordinates = self.grid.coordinates()
        return planes_digest(coordinates, coordinates, self.world.biome, self.world.height)

    @property
    def metadata(self) -> dict[str, str | int | float | None]:
        """Return the metadata that every format stores, as far as the format has a place for it."""
        grid = self.grid
        return {
            "seed": self.seed.key,
            "seed_integer": self.seed.number,
            "world_gen_version": self.world_gen_version,
            "made_by": self._extracted.recipe.maker,
            "grid_size": grid.size,
            "grid_cell_m": grid.cell_m,
            "grid_first_m": grid.first_m,
            "terrain_sha256": self.digest,
        }

    @functools.cached_property
    def _extracted(self) -> Manifest:
        return self._stage("extracted")

    @functools.cached_property
    def _raw(self) -> Manifest | None:
        return self.store.manifest(self.seed, "raw")

    def _stage(self, stage: Stage) -> Manifest:
        manifest = self.store.manifest(self.seed, stage)
        if manifest is None:
            raise StoreError(
                f"The stage {stage} of {self.seed.key} has not been built; build the world first: "
                f"{vwe_command('world', operands=[self.seed.key])}"
            )
        return manifest
