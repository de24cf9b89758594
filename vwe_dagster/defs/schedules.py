"""Schedules: what happens at times of the day."""

from __future__ import annotations

import os
from collections.abc import Mapping

import dagster as dg

from vwe_dagster.defs.jobs import AddSeedsConfig, add_seeds, register
from vwe_dagster.defs.pool_jobs import warm_pool
from vwe_dagster.seeds.lists import MAX_SEEDS

NIGHTLY_VARIABLE = "VWE_NIGHTLY_SEEDS"
"""The environment variable that says how many random seeds are added each night."""

NIGHTLY = "0 2 * * *"
"""When they are added, UTC."""

WARM_MINUTES_BEFORE = 3
"""How long before the nightly seeds the pool is warmed: time for a cold machine, and less than engines stay idle."""

_DEFAULT_COUNT = 10


class ScheduleSettingsError(ValueError):
    """A setting of a schedule that cannot be used; the message is a sentence that says how to mend it."""


@dg.schedule(job=add_seeds, cron_schedule=NIGHTLY, default_status=dg.DefaultScheduleStatus.STOPPED)
def nightly_seeds() -> dg.RunRequest:
    """Adds random seeds each night and makes their worlds: 10, or as many as VWE_NIGHTLY_SEEDS says. Off at first."""
    config = AddSeedsConfig(random_seeds=seeds_a_night())
    return dg.RunRequest(run_config=dg.RunConfig(ops={register.name: config}))


def seeds_a_night(environ: Mapping[str, str] = os.environ) -> int:
    """How many random seeds are added each night.

    Raises:
        ScheduleSettingsError: the environment variable is no such number.
    """
    text = environ.get(NIGHTLY_VARIABLE) or str(_DEFAULT_COUNT)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEEDS)) and 1 <= int(text) <= MAX_SEEDS):
        raise ScheduleSettingsError(f"{NIGHTLY_VARIABLE} is {text!r}; write a whole number from 1 to {MAX_SEEDS}.")
    return int(text)


def minutes_before(cron: str, minutes: int) -> str:
    """The cron line of a moment so many minutes before a daily one, as in ``57 2 * * *`` for ``0 3 * * *``.

    Raises:
        ValueError: the line is not of a daily moment.
    """
    minute, hour, *days = cron.split()
    if days != ["*", "*", "*"] or not (minute.isdigit() and hour.isdigit()):
        raise ValueError(f"The cron line {cron!r} is not of one moment every day, as 0 3 * * * is.")
    at = (60 * int(hour) + int(minute) - minutes) % (24 * 60)
    return f"{at % 60} {at // 60} * * *"


warm_before_nightly = dg.ScheduleDefinition(
    name="warm_before_nightly",
    job=warm_pool,
    cron_schedule=minutes_before(NIGHTLY, WARM_MINUTES_BEFORE),
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Warms the pool {WARM_MINUTES_BEFORE} minutes before the schedule nightly_seeds; off unless started.",
)
