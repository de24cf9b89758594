"""Schedules: what happens at times of the day."""

from __future__ import annotations

import os
from collections.abc import Mapping

import dagster as dg

from vwe_dagster.jobs import AddSeedsConfig, add_seeds, register
from vwe_dagster.seed_lists import MAX_SEEDS

NIGHTLY_VARIABLE = "VWE_NIGHTLY_SEEDS"
"""The environment variable that says how many random seeds are added each night."""

NIGHTLY = "0 2 * * *"
"""When they are added, UTC."""

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
