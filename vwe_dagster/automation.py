"""Automation: when Dagster makes an asset again without being asked.

Only what was made already is made again by itself: a new seed is made when somebody, or the inbox, asks for it.
Two things are told apart, and each is compared by the time of the events themselves: whether a source is newer than
the asset, and whether the asset has been asked for since. So what fails is asked for once and not over and over, and
the run that makes a whole world is never followed by another.
"""

from __future__ import annotations

import dagster as dg

_SOURCE_MADE = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated())

# Dagster compares times only where the two sides of `since` are plain: `any_deps_updated`, or one `since` for both,
# would lose a source that was made between two ticks after the asset, or take the world of one run for several.
_TO_BE_MADE_AGAIN = _SOURCE_MADE.since(dg.AutomationCondition.newly_updated()).with_label(
    "a source is newer"
) & _SOURCE_MADE.since(dg.AutomationCondition.newly_requested()).with_label("not asked for since")

_UNDER_WAY = dg.AutomationCondition.in_progress() | dg.AutomationCondition.any_deps_in_progress()

_SOURCE_UNSOUND = dg.AutomationCondition.any_deps_match(
    dg.AutomationCondition.any_checks_match(dg.AutomationCondition.check_failed(), blocking_only=True)
).with_label("a source failed its checks")

FOLLOW = (
    (_TO_BE_MADE_AGAIN | dg.AutomationCondition.any_deps_match(dg.AutomationCondition.will_be_requested()))
    & ~dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~_SOURCE_UNSOUND
    & ~_UNDER_WAY
).with_label("follow")
"""For the stages of a world: one that was made is made again once a source was made after it, all in one run."""

_FOUND_AT_FIRST = (
    (
        dg.AutomationCondition.initial_evaluation()
        & dg.AutomationCondition.any_deps_match(~dg.AutomationCondition.missing())
    )
    .since(dg.AutomationCondition.newly_requested())
    .with_label("there were worlds before automation")
)

CATALOG = (
    (_TO_BE_MADE_AGAIN | _FOUND_AT_FIRST) & ~_SOURCE_MADE.with_label("a world was made just now") & ~_UNDER_WAY
).with_label("catalog")
"""For what tells of all worlds: it is made again once worlds were made, none is being made any more, and none was
between the last two ticks. So many worlds, in however many runs one after the other, are followed by one run."""

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Makes again what follows from what was made again, and keeps the catalog up to date.",
)
