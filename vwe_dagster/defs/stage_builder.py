"""What all stages have in common when they are made: what they are made from, and not being made twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, Manifest, Recipe, Stage, StoreError, WorldStore

Content = TypeVar("Content")
"""What a stage holds, in memory."""


def recipe_from(code_version: str, *sources: Manifest) -> Recipe:
    """The recipe of a stage made from other stages, the first of which tells by what engine and on what grid."""
    return Recipe(
        inputs={source.stage: source.digest for source in sources},
        code_version=code_version,
        made_by=sources[0].recipe.made_by,
        grid=sources[0].recipe.grid,
    )


@dataclasses.dataclass(frozen=True)
class Making:
    """One stage of one seed in a run.

    Attributes:
        context: the run.
        store: where the stage is kept.
        seed: whose stage it is.
        stage: which one.
    """

    context: dg.AssetExecutionContext
    store: WorldStore
    seed: Seed
    stage: Stage

    def source(self, stage: Stage, asset: str) -> Manifest:
        """The stage that this one is made from.

        Args:
            stage: which stage.
            asset: the asset that makes it.

        Raises:
            StoreError: it has not been made.
        """
        manifest = self.store.manifest(self.seed, stage)
        if manifest is None:
            raise StoreError(
                f"The stage {self.stage} of {self.seed.key} is made from the stage {stage}, which has not been made "
                f"or has no valid manifest; materialize {asset} first."
            )
        return manifest

    @property
    def is_of_many(self) -> bool:
        """Whether the run has more than this seed."""
        return len(self.context.partition_keys) > 1

    def tell(self, phase: str) -> None:
        """Logs what is being done; a run of several seeds tells of each only when its stage is there."""
        if not self.is_of_many:
            self.context.log.info(phase)

    def make(
        self, recipe: Recipe, write: Callable[[Draft], Content], *, force: bool
    ) -> tuple[Manifest, Content | None]:
        """Makes the stage, unless one of the same recipe is there undamaged and nobody insists.

        Args:
            recipe: what the stage is made from.
            write: writes the stage's files and returns what it wrote.
            force: makes it in any case.

        Returns:
            What the stage then says of itself, and what was written; None if the stage was kept as it was.
        """
        kept = self.keep(recipe, force=force)
        if kept is not None:
            return kept, None
        written: list[Content] = []
        return self.publish(recipe, lambda draft: written.append(write(draft))), written[0]

    def keep(self, recipe: Recipe, *, force: bool) -> Manifest | None:
        """The stage as it is, if it was made by the same recipe, is undamaged and nobody insists on a new one.

        Args:
            recipe: what the stage would be made from.
            force: it is to be made in any case.
        """
        kept = None if force else self.store.current(self.seed, self.stage, recipe)
        if kept is not None:
            self.store.count(self.stage, "kept")
            self.context.log.info(f"The stage {self.stage} of {self.seed.key} is up to date and stays as it is.")
        else:
            self._say_why(force=force)
        return kept

    def publish(self, recipe: Recipe, write: Callable[[Draft], None]) -> Manifest:
        """Makes the stage.

        Args:
            recipe: what the stage is made from.
            write: writes the stage's files.

        Raises:
            StoreError: it cannot be written, or somebody removed it at once.
        """
        with self.store.publish(self.seed, self.stage, recipe) as draft:
            write(draft)
        made = self.store.manifest(self.seed, self.stage)
        if made is None:
            raise StoreError(
                f"The stage {self.stage} of {self.seed.key} was removed as soon as it was made; run this again."
            )
        return made

    def _say_why(self, *, force: bool) -> None:
        """Logs why a stage that is there already is made again."""
        if not self.store.folder(self.seed, self.stage).exists():
            return
        if force:
            self.context.log.info(f"The stage {self.stage} of {self.seed.key} is made again because force is set.")
            return
        damages = self.store.damaged(self.seed, self.stage)
        for damage in damages:
            self.context.log.warning(f"{damage} It is made again now.")
        if not damages:
            self.context.log.info(f"The stage {self.stage} of {self.seed.key} is out of date and is made again.")
