"""Results of checks: the check interface and what a check reports about one stage of one seed."""

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
"""The asset that builds each stage."""


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The outcome of a check.

    Attributes:
        description: the finding in one sentence; after a failure also the remedy.
        metadata: figures behind the finding, by label.
        passed: True if the stage is valid.
    """

    description: str
    metadata: Mapping[str, float | int | str] = dataclasses.field(default_factory=dict)
    passed: bool = True


class FindingError(ValueError):
    """A stage is not valid; the message describes the fault."""


Check = Callable[[WorldStore, Manifest], CheckResult]
"""Checks a stage that has a manifest.

Raises:
    FindingError: the stage is not valid.
    StoreError: a file of the stage is damaged.
    ExtractionError: a plane holds impossible values.
"""


def run_check(store: WorldStore, seed: Seed, stage: Stage, check: Check) -> CheckResult:
    """Run a check on a stage of a seed; a missing or damaged stage is a failed result."""
    manifest = store.manifest(seed, stage)
    remedy = f"Materialize {ASSETS[stage]} of {seed.key} again."
    if manifest is None:
        return CheckResult(
            f"The stage {stage} of {seed.key} does not exist or has no valid manifest. {remedy}", passed=False
        )
    try:
        return check(store, manifest)
    except (FindingError, StoreError, ExtractionError) as error:
        return CheckResult(f"{error} {remedy}", passed=False)
