"""Building one stage of one seed in a run: its recipe, its sources, and reuse of an up-to-date stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, Manifest, Recipe, Stage, StoreError, WorldStore

Content = TypeVar("Content")
"""The content of a stage in memory."""


def recipe_from(code_version: str, *sources: Manifest) -> Recipe:
    """Return the recipe of a stage built from other stages; the first source supplies the engine and the grid."""
    return Recipe(
        inputs={source.stage: source.digest for source in sources},
        code_version=code_version,
        made_by=sources[0].recipe.made_by,
        grid=sources[0].recipe.grid,
    )


@dataclasses.dataclass(frozen=True)
class StageBuilder:
    """Builds one stage of one seed in a run.

    Attributes:
        context: context of the asset's step.
        store: data folder that holds the stage.
        seed: seed of the world.
        stage: stage to build.
    """

    context: dg.AssetExecutionContext
    store: WorldStore
    seed: Seed
    stage: Stage

    def source(self, stage: Stage, asset: str) -> Manifest:
        """Return the manifest of a source stage.

        Args:
            stage: the source stage.
            asset: name of the asset that builds it, for the error message.

        Raises:
            StoreError: the source stage does not exist.
        """
        manifest = self.store.manifest(self.seed, stage)
        if manifest is None:
            raise StoreError(
                f"The stage {self.stage} of {self.seed.key} is built from the stage {stage}, which does not exist "
                f"or has no valid manifest; materialize {asset} first."
            )
        return manifest

    @property
    def is_of_many(self) -> bool:
        """True if the run has more than one seed."""
        return len(self.context.partition_keys) > 1

    def log_phase(self, phase: str) -> None:
        """Log progress within the stage, unless the run has several seeds."""
        if not self.is_of_many:
            self.context.log.info(phase)

    def build(
        self, recipe: Recipe, write: Callable[[Draft], Content], *, force: bool
    ) -> tuple[Manifest, Content | None]:
        """Build the stage, or keep an undamaged one with the same recipe.

        Args:
            recipe: inputs, code version and settings of the stage.
            write: writes the stage's files and returns their content.
            force: build even if the stage is up to date.

        Returns:
            The stage's manifest, and the written content; None if the stage was kept.
        """
        kept = self.keep(recipe, force=force)
        if kept is not None:
            return kept, None
        written: list[Content] = []
        return self.publish(recipe, lambda draft: written.append(write(draft))), written[0]

    def keep(self, recipe: Recipe, *, force: bool) -> Manifest | None:
        """Return the manifest of an undamaged stage with the same recipe, else None.

        Args:
            recipe: inputs, code version and settings of the stage.
            force: always return None.
        """
        kept = None if force else self.store.current(self.seed, self.stage, recipe)
        if kept is not None:
            self.store.count(self.stage, "kept")
            self.context.log.info(f"The stage {self.stage} of {self.seed.key} is up to date and stays as it is.")
        else:
            self._log_reason(force=force)
        return kept

    def publish(self, recipe: Recipe, write: Callable[[Draft], None]) -> Manifest:
        """Write and publish the stage.

        Args:
            recipe: inputs, code version and settings of the stage.
            write: writes the stage's files.

        Raises:
            StoreError: the stage cannot be written, or another process removed it after it was published.
        """
        with self.store.publish(self.seed, self.stage, recipe) as draft:
            write(draft)
        manifest = self.store.manifest(self.seed, self.stage)
        if manifest is None:
            raise StoreError(
                f"The stage {self.stage} of {self.seed.key} was removed immediately after it was built; run this again."
            )
        return manifest

    def _log_reason(self, *, force: bool) -> None:
        """Log why an existing stage is rebuilt."""
        if not self.store.folder(self.seed, self.stage).exists():
            return
        if force:
            self.context.log.info(f"The stage {self.stage} of {self.seed.key} is rebuilt because force is set.")
            return
        damages = self.store.damaged(self.seed, self.stage)
        for damage in damages:
            self.context.log.warning(f"{damage} It is rebuilt now.")
        if not damages:
            self.context.log.info(f"The stage {self.stage} of {self.seed.key} is out of date and is rebuilt.")
