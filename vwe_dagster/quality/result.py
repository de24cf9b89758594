"""Verdicts: what a check found of one stage of one seed, and the files that it looked at."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Manifest, Stage, StoreError, WorldStore

ASSETS: Mapping[Stage, str] = {
    "raw": "raw_export",
    "extracted": "extracted",
    "processed": "processed",
    "renders": "renders",
    "tiles": "tiles",
}
"""The asset that makes each stage."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        sentence: what was found, and where it is not well how to mend it.
        facts: numbers that tell more, by label.
        passed: whether the stage is as it must be.
    """

    sentence: str
    facts: Mapping[str, float | int | str] = dataclasses.field(default_factory=dict)
    passed: bool = True


class FindingError(ValueError):
    """A stage is not as it must be; the message is a sentence that says how."""


Judge = Callable[[WorldStore, Manifest], Verdict]
"""Looks at a stage that has a manifest.

Raises:
    FindingError: the stage is not as it must be.
    StoreError: a file of it is damaged.
    ExtractionError: a plane of it is impossible.
"""


def verdict_of(store: WorldStore, seed: Seed, stage: Stage, judge: Judge) -> Verdict:
    """The verdict of a judge on a stage of a seed, whether the stage is there or not, sound or not."""
    manifest = store.manifest(seed, stage)
    remedy = f"Materialize {ASSETS[stage]} of {seed.key} again."
    if manifest is None:
        return Verdict(f"The stage {stage} of {seed.key} is not there or has no valid manifest. {remedy}", passed=False)
    try:
        return judge(store, manifest)
    except (FindingError, StoreError, ExtractionError) as error:
        return Verdict(f"{error} {remedy}", passed=False)
