"""Daily schedules."""

from __future__ import annotations

import os
from collections.abc import Mapping

import dagster as dg

from vwe_dagster.defs.jobs import AddSeedsConfig, add_seeds, register
from vwe_dagster.defs.pool_jobs import warm_pool
from vwe_dagster.seeds.lists import MAX_SEEDS

NIGHTLY_VARIABLE = "VWE_NIGHTLY_SEEDS"
"""Environment variable with the number of random seeds per night."""

NIGHTLY = "0 2 * * *"
"""Time of the schedule, in UTC."""

WARM_MINUTES_BEFORE = 3
"""Minutes by which the pool is warmed before the nightly seeds: enough for a cold machine, less than the idle time."""

_DEFAULT_COUNT = 10


class ScheduleSettingsError(ValueError):
    """Raised for an invalid setting of a schedule; the message includes the remedy."""


@dg.schedule(
    job=add_seeds,
    cron_schedule=NIGHTLY,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Adds random seeds each night and builds their worlds: {NIGHTLY_VARIABLE}, by default "
    f"{_DEFAULT_COUNT}. Stopped by default.",
)
def nightly_seeds() -> dg.RunRequest:
    """Request the run of the night."""
    config = AddSeedsConfig(random_seeds=seeds_a_night())
    return dg.RunRequest(run_config=dg.RunConfig(ops={register.name: config}))


def seeds_a_night(environ: Mapping[str, str] = os.environ) -> int:
    """Return the number of random seeds per night.

    Raises:
        ScheduleSettingsError: the environment variable is not a number in range.
    """
    text = environ.get(NIGHTLY_VARIABLE) or str(_DEFAULT_COUNT)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEEDS)) and 1 <= int(text) <= MAX_SEEDS):
        raise ScheduleSettingsError(f"{NIGHTLY_VARIABLE} is {text!r}; write a whole number from 1 to {MAX_SEEDS}.")
    return int(text)


def minutes_before(cron: str, minutes: int) -> str:
    """Return the cron line of a daily time, moved to an earlier time, as in ``57 2 * * *`` for ``0 3 * * *``.

    Raises:
        ValueError: the cron line is not of one daily time.
    """
    minute, hour, *days = cron.split()
    if days != ["*", "*", "*"] or not (minute.isdigit() and hour.isdigit()):
        raise ValueError(f"Invalid cron line {cron!r}; write one daily time, as in 0 3 * * *.")
    minute_of_day = (60 * int(hour) + int(minute) - minutes) % (24 * 60)
    return f"{minute_of_day % 60} {minute_of_day // 60} * * *"


warm_before_nightly = dg.ScheduleDefinition(
    name="warm_before_nightly",
    job=warm_pool,
    cron_schedule=minutes_before(NIGHTLY, WARM_MINUTES_BEFORE),
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Warms the pool {WARM_MINUTES_BEFORE} minutes before the schedule nightly_seeds. Stopped by default.",
)
