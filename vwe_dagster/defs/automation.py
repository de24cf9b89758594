"""Automation conditions: when Dagster rebuilds an asset without a request.

Only existing stages are rebuilt automatically. A new seed is built when a user or the inbox requests it.
"""

from __future__ import annotations

import dagster as dg

_IN_PROGRESS = dg.AutomationCondition.in_progress() | dg.AutomationCondition.any_deps_in_progress()

FOLLOW = (
    (dg.AutomationCondition.any_deps_updated() & ~dg.AutomationCondition.newly_updated())
    .since(dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
    .with_label("a source was rebuilt")
    & ~dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~_IN_PROGRESS
).with_label("follow")
"""Condition for the stages of a world: an existing stage is rebuilt when a source is newer."""

CATALOG = (
    dg.AutomationCondition.any_deps_updated()
    .since(dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
    .with_label("a world was built")
    & ~_IN_PROGRESS
).with_label("catalog")
"""Condition for tables over all worlds: rebuilt when worlds were built and no build is in progress."""

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Rebuilds stages whose sources were rebuilt, and keeps the seed catalog up to date.",
)
