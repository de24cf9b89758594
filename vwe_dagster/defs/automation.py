"""Automation: when Dagster makes an asset again without being asked.

Only what was made already is made again by itself: a new seed is made when somebody, or the inbox, asks for it.
"""

from __future__ import annotations

import dagster as dg

_UNDER_WAY = dg.AutomationCondition.in_progress() | dg.AutomationCondition.any_deps_in_progress()

FOLLOW = (
    (dg.AutomationCondition.any_deps_updated() & ~dg.AutomationCondition.newly_updated())
    .since(dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
    .with_label("a source was made again")
    & ~dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~_UNDER_WAY
).with_label("follow")
"""For the stages of a world: one that was made is made again once a source was made after it."""

CATALOG = (
    dg.AutomationCondition.any_deps_updated()
    .since(dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
    .with_label("a world was made")
    & ~_UNDER_WAY
).with_label("catalog")
"""For what tells of all worlds: it is made again once worlds were made and none is being made any more."""

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Makes again what follows from what was made again, and keeps the catalog up to date.",
)
